//! One measurement of a round: how much was done, how long each took, and whose CPU time it cost.

use std::time::Duration;

use super::cpu;
use super::latency::Latencies;

/// What was done, as whoever drove it counted it.
pub struct Done {
    pub per_second: f64,
    pub latencies: Latencies,
}

/// The figures of one measurement. CPU times are microseconds for each request; `None` where the system does not tell.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub per_second: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub server: Option<f64>,
    pub postgres: Option<f64>,
    pub generator: Option<f64>,
}

/// Whose CPU time is read before and after.
#[derive(Debug, Clone, Copy)]
pub struct Meters {
    /// The server, where it takes part; with its workers, if it has any.
    pub server: Option<u32>,
    pub postmaster: u32,
}

impl Meters {
    fn read(self) -> [Option<Duration>; 3] {
        [self.server.and_then(cpu::of_family), cpu::of_family(self.postmaster), cpu::of_ourselves()]
    }

    /// Measures some work.
    pub fn measure(self, work: impl FnOnce() -> Done) -> Round {
        let before = self.read();
        let mut done = work();
        let after = self.read();
        let count = done.latencies.count() as f64;
        let mut spent = before.into_iter().zip(after).map(|(before, after)| {
            let spent = after?.checked_sub(before?)?;
            Some(spent.as_secs_f64() * 1e6 / count)
        });
        let mut next = || spent.next().flatten();
        Round {
            server: next(),
            postgres: next(),
            generator: next(),
            per_second: done.per_second,
            p50: done.latencies.percentile(0.50),
            p95: done.latencies.percentile(0.95),
            p99: done.latencies.percentile(0.99),
        }
    }
}
