//! A service that does the same work with another stack, as a yardstick: `benches/peers`.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use handoff::db::APP_ROLE;

use super::http::Connection;
use super::place::Place;

/// Starting takes a second; on a machine that has never run it, it is installed first.
const PATIENCE: Duration = Duration::from_secs(30);

const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A serving process with its workers; it is stopped when this goes.
pub struct Peer {
    child: Child,
    pub address: SocketAddr,
}

impl Peer {
    /// Installs and starts the FastAPI service; says why when it cannot be had.
    pub fn fastapi(place: &Place) -> Option<Self> {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/fastapi/run");
        let installed = Command::new(&run).arg("--install").stdin(Stdio::null()).output().expect("a shell");
        if !installed.status.success() {
            println!("FastAPI is not measured: {}", String::from_utf8_lossy(&installed.stderr).trim());
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().unwrap();
        drop(free);
        let log = File::create(place.directory().join("fastapi.log")).expect("a log file");
        let mut command = Command::new(&run);
        command.arg(place.url(APP_ROLE)).arg(address.port().to_string());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("the peer starts");
        let mut peer = Self { child, address };
        let start = Instant::now();
        while !peer.is_ready() {
            let exited = peer.child.try_wait().unwrap().is_some();
            let said = || std::fs::read_to_string(place.directory().join("fastapi.log")).unwrap_or_default();
            assert!(!exited && start.elapsed() < PATIENCE, "FastAPI does not become ready: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(peer)
    }

    fn is_ready(&self) -> bool {
        let asked = Connection::open(self.address).and_then(|mut connection| connection.ask(READY).map(|answer| answer.status));
        asked.is_ok_and(|status| status == 200)
    }

    /// Its process, which its workers are children of.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its workers are stopped by it, so it is asked and not killed.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
