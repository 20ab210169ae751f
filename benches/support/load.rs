//! The load: clients on threads of their own, each with one kept-alive connection, and a pace that says when to send.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::latency::Latencies;

/// When the next request is due. Latencies count from that moment and not from the sending: a pace with a timetable would
/// otherwise forgive a server that keeps its clients waiting.
pub trait Pace: Sync {
    /// The moment for the next request of whoever asks; `None` ends the run.
    fn next(&self) -> Option<Instant>;
}

/// Closed loop until a moment: a client sends when it has its answer.
#[derive(Debug)]
pub struct Closed {
    until: Instant,
}

impl Closed {
    /// For this long from now.
    #[must_use]
    pub fn lasting(duration: Duration) -> Self {
        Self { until: Instant::now() + duration }
    }
}

impl Pace for Closed {
    fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        (now < self.until).then_some(now)
    }
}

/// Closed loop for a number of requests.
#[derive(Debug)]
pub struct Counted {
    taken: AtomicU64,
    total: u64,
}

impl Counted {
    /// This many, by all clients together.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self { taken: AtomicU64::new(0), total }
    }
}

impl Pace for Counted {
    fn next(&self) -> Option<Instant> {
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.total).then(Instant::now)
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every answer's.
    pub latencies: Latencies,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Bytes of all bodies together.
    pub body_bytes: u64,
}

/// Who sends where, and what has to come back.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub address: SocketAddr,
    pub clients: usize,
    /// Any other status ends the benchmark: a refusal is quick and would flatter the figures.
    pub expected: u16,
}

impl Load {
    /// Runs until the pace ends. `write` puts the next whole request into the buffer.
    pub fn run(&self, pace: &impl Pace, write: &(impl Fn(&mut Vec<u8>) + Sync)) -> Outcome {
        let start = Instant::now();
        let mut outcome = Outcome::default();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(|| self.client(pace, write))).collect();
            for client in clients {
                let (latencies, body_bytes) = client.join().expect("a client runs to its end");
                outcome.latencies.merge(latencies);
                outcome.body_bytes += body_bytes;
            }
        });
        outcome.elapsed = start.elapsed();
        outcome
    }

    fn client(&self, pace: &impl Pace, write: &impl Fn(&mut Vec<u8>)) -> (Latencies, u64) {
        let mut connection = Connection::open(self.address).expect("the server listens");
        let (mut latencies, mut body_bytes, mut request) = (Latencies::default(), 0, Vec::with_capacity(2048));
        while let Some(due) = pace.next() {
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(early);
            }
            write(&mut request);
            let answer = connection.ask(&request).expect("an answer");
            latencies.record(due.elapsed());
            body_bytes += answer.body.len() as u64;
            let said = || String::from_utf8_lossy(answer.body).into_owned();
            assert_eq!(answer.status, self.expected, "an unexpected answer: {}", said());
        }
        (latencies, body_bytes)
    }
}
