//! The real server as a process of its own, so that its CPU time is told from PostgreSQL's and from the load's.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::Child;
use std::time::{Duration, Instant};

use super::http::Connection;
use super::place::Place;

/// Starting takes a fraction of a second; whatever takes this long does not come any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a server that does not listen yet is tried.
const GLANCE: Duration = Duration::from_micros(500);

const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A serving process; it is stopped when this goes.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From its start to its first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts the server with its usual settings, logging to a file, and waits until it is ready.
    pub fn start(place: &Place) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().unwrap();
        drop(free);
        let log = place.directory().join("server.log");
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let mut command = place.command(&[]);
        command
            .env("HANDOFF_LISTEN", address.to_string())
            .env("HANDOFF_OUTBOUND_ALLOW", "127.0.0.0/8")
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let start = Instant::now();
        let child = command.spawn().expect("the server starts");
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        while !server.is_ready() {
            let exited = server.child.try_wait().unwrap().is_some();
            let said = || std::fs::read_to_string(place.directory().join("server.log")).unwrap_or_default();
            assert!(!exited && start.elapsed() < PATIENCE, "the server does not become ready: {}", said());
            std::thread::sleep(GLANCE);
        }
        server.ready_after = start.elapsed();
        server
    }

    fn is_ready(&self) -> bool {
        let asked = Connection::open(self.address).and_then(|mut connection| connection.ask(READY).map(|answer| answer.status));
        asked.is_ok_and(|status| status == 200)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
