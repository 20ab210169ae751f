//! PostgreSQL's own load generator, as a yardstick: the same statements without a server in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use handoff::db::APP_ROLE;

use super::latency::Latencies;
use super::place::Place;
use super::round::Done;

/// `pgbench`, where it is installed.
pub struct Pgbench {
    binary: PathBuf,
}

impl Pgbench {
    /// Looks beside the server's binaries, then along `PATH`.
    pub fn find(place: &Place) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::iter::once(place.bin_dir().to_path_buf()).chain(std::env::split_paths(&path));
        let binary = places.map(|directory| directory.join("pgbench")).find(|binary| binary.is_file())?;
        Some(Self { binary })
    }

    /// Runs a script for so long with prepared statements, as the role that the server has.
    pub fn run(&self, place: &Place, script: &Path, clients: usize, seconds: u64, variables: &[(&str, String)]) -> Done {
        let prefix = place.directory().join("pgbench_log");
        let threads = clients.min(std::thread::available_parallelism().map_or(1, usize::from));
        let mut command = Command::new(&self.binary);
        command.env_clear().env("LC_ALL", "C").current_dir(place.directory());
        command.args(["--no-vacuum", "--protocol=prepared", "--log"]).arg("--log-prefix").arg(&prefix);
        command.arg(format!("--client={clients}")).arg(format!("--jobs={threads}")).arg(format!("--time={seconds}"));
        for (name, value) in variables {
            command.arg(format!("--define={name}={value}"));
        }
        command.arg("--file").arg(script).arg("--host").arg(place.socket_dir());
        command.arg(format!("--username={APP_ROLE}")).arg("handoff");
        let output = command.output().expect("pgbench runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        let latencies = read_logs(place.directory());
        assert!(latencies.count() > 0, "pgbench did nothing: {said}");
        Done { per_second: rate.expect("pgbench says its rate"), latencies }
    }
}

/// Reads the latency of every transaction and removes the files: one for each thread.
fn read_logs(directory: &Path) -> Latencies {
    let mut latencies = Latencies::default();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if !entry.file_name().to_string_lossy().starts_with("pgbench_log") {
            continue;
        }
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            // client, transaction, microseconds, script, second, microsecond
            latencies
                .record_micros(line.split(' ').nth(2).and_then(|micros| micros.parse().ok()).expect("a log line of pgbench"));
        }
        fs::remove_file(entry.path()).unwrap();
    }
    latencies
}
