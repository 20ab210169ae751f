//! Where a test runs the binary, and the process that serves there.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::embedded::support::{home, servers_under, wait_for};
use crate::support::callers::Person;
use crate::support::db::bin_dir;

/// A place of one's own and a port nobody has.
pub struct Place {
    pub home: TempDir,
    pub address: SocketAddr,
}

impl Place {
    pub fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { home: home(), address: free.local_addr().unwrap() }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
        command.env_clear().args(arguments).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HANDOFF_OFFLINE", "1");
        command.env("HANDOFF_DATA_DIR", self.data_dir()).env("HANDOFF_LISTEN", self.address.to_string());
        if let Some(bin_dir) = bin_dir() {
            command.env("HANDOFF_PG_BIN", bin_dir);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn serve(&self, arguments: &[&str]) -> Serving {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let printed = collect(child.stdout.take().unwrap());
        let serving = Serving { child, log, printed, data_dir: self.data_dir() };
        wait_for("the server", Duration::from_secs(60), || self.run(&["healthcheck"]).status.success().then_some(()));
        serving
    }

    pub fn person(&self, credentials: &str) -> Person {
        Person::new(self.address, Some(credentials))
    }

    /// A value that `demo.txt` gives.
    pub fn printed(&self, name: &str) -> String {
        let lines = std::fs::read_to_string(self.data_dir().join("demo.txt")).unwrap();
        let line = lines.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("demo.txt has no {name}")).to_owned()
    }
}

pub type Collected = std::sync::Arc<std::sync::Mutex<String>>;

/// Reads a pipe to its end, so that its writer never blocks.
pub fn collect(pipe: impl std::io::Read + Send + 'static) -> Collected {
    let text = Collected::default();
    let kept = text.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut kept = kept.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    text
}

pub struct Serving {
    pub child: Child,
    pub log: Collected,
    pub printed: Collected,
    pub data_dir: PathBuf,
}

impl Serving {
    /// What a command serves that keeps nothing in the data directory.
    pub fn of(place: &Place, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let printed = collect(child.stdout.take().unwrap());
        Self { child, log, printed, data_dir: place.home.path().to_owned() }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Asks it to stop, as systemd would, and waits for it and its database.
    pub fn stop(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.log());
        assert_eq!(servers_under(&self.data_dir), [] as [u32; 0], "the database stops with the server");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one line that a command which fails says.
pub fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("handoff: ")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {said}");
    lines[0].to_owned()
}
