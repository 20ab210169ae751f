//! Reports on a real streaming standby: while it keeps up, while it lags, when it is gone.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::place::{Place, Serving};
use crate::embedded::support::{home, installed_bin_dir, kill_9, query, wait_for};
use crate::support::callers::{Answer, send};
use crate::support::make;

const PATIENCE: Duration = Duration::from_secs(60);
const MOST: u64 = 10;

/// A second PostgreSQL that follows the embedded one of a place.
struct Standby {
    home: TempDir,
    postgres: Option<Child>,
}

impl Standby {
    fn new() -> Self {
        Self { home: home(), postgres: None }
    }

    fn run_dir(&self) -> PathBuf {
        self.home.path().join("run")
    }

    /// How the application's role gets there.
    fn url(&self) -> String {
        format!("postgresql:///handoff?user=handoff_app&host={}", self.run_dir().display())
    }

    /// Copies the primary as it is, and follows it.
    fn follow(&mut self, primary: &Path) {
        let major = std::fs::read_dir(primary).unwrap().flatten().map(|entry| entry.path());
        let owner = major.filter(|path| path.join("PG_VERSION").exists()).map(|path| path.metadata().unwrap()).next().unwrap();
        let data = self.home.path().join("data");
        for directory in [&data, &self.run_dir()] {
            std::fs::DirBuilder::new().mode(0o700).create(directory).unwrap();
            chown(directory, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let tool = |name: &str| {
            let mut command = Command::new(installed_bin_dir().join(name));
            command.uid(owner.uid()).gid(owner.gid()).current_dir("/").stdin(Stdio::null());
            command.arg("-D").arg(&data);
            command
        };
        let mut copy = tool("pg_basebackup");
        copy.arg("--host").arg(primary.join("run")).args(["--username=postgres", "--write-recovery-conf", "--checkpoint=fast"]);
        assert!(copy.status().unwrap().success());
        let mut serve = tool("postgres");
        serve.args(["-c", "listen_addresses=", "-c"]).arg(format!("unix_socket_directories={}", self.run_dir().display()));
        self.postgres = Some(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait_for("the standby", PATIENCE, || query(&self.run_dir(), "SELECT 1").ok());
    }

    fn ask(&self, sql: &str) {
        query(&self.run_dir(), sql).unwrap();
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if let Some(mut postgres) = self.postgres.take() {
            kill_9(postgres.id());
            let _ = postgres.wait();
        }
    }
}

/// All that a report counts as received, in whatever figure.
fn received(report: &Value) -> u64 {
    match report {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| if name == "received" { value.as_u64().unwrap_or_default() } else { received(value) })
            .sum(),
        Value::Array(items) => items.iter().map(received).sum(),
        _ => 0,
    }
}

fn lag(answer: &Answer) -> Option<u64> {
    answer.header("x-data-lag-seconds").map(|seconds| seconds.parse().unwrap())
}

#[actix_web::test]
async fn reports_are_counted_on_a_standby_that_keeps_up_and_on_the_primary_otherwise() {
    let (place, mut standby) = (Place::new(), Standby::new());
    let with_standby = |arguments: &[&str], url: &str| {
        let mut command = place.command(arguments);
        command.env("HANDOFF_DATABASE_REPLICA_URL", url);
        command.env("HANDOFF_DATABASE_REPLICA_MAX_LAG_SECONDS", MOST.to_string());
        command
    };
    let serving = Serving::of(&place, with_standby(&[], &standby.url()));
    wait_for("the server", PATIENCE, || place.run(&["healthcheck"]).status.success().then_some(()));
    let (partner, staff) = (place.person(&place.printed("PARTNER_KEY")), place.person(&place.printed("COORDINATOR_TOKEN")));
    let report = async || staff.get("/v1/reports/movement").await.expect(200);
    let until = async |fits: fn(&Answer) -> bool| {
        for _ in 0..600 {
            let answer = report().await;
            if fits(&answer) {
                return answer;
            }
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the standby was not as expected within half a minute")
    };
    // There is none yet.
    let first = report().await;
    assert_eq!(lag(&first), None);
    let said = with_standby(&["check"], &standby.url()).output().unwrap();
    assert!(
        !said.status.success() && String::from_utf8_lossy(&said.stdout).contains("HANDOFF_DATABASE_REPLICA_URL: "),
        "{said:?}"
    );

    standby.follow(&place.data_dir());
    let told = until(|answer| lag(answer).is_some()).await;
    assert!(lag(&told).unwrap() <= MOST && received(&told.body) == received(&first.body) && received(&first.body) > 0);
    let said = with_standby(&["check"], &standby.url().replace("handoff_app", "postgres")).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("row-level security does not bind"), "{said:?}");
    let said = with_standby(&["check"], &standby.url()).output().unwrap();
    assert!(
        said.status.success() && String::from_utf8_lossy(&said.stdout).contains("HANDOFF_DATABASE_REPLICA_URL: a standby"),
        "{said:?}"
    );
    let table = send(staff.request(Method::GET, "/v1/reports/movement").header("Accept", "text/csv")).await.expect(200);
    assert!(lag(&table).is_some() && table.body.is_null(), "{}", table.text);
    // What the standby does not know yet shows that it was asked; when that is too long ago, the primary is.
    standby.ask("SELECT pg_wal_replay_pause()");
    make::sent(&partner).await;
    let behind = until(|answer| lag(answer).is_some()).await;
    assert!(lag(&behind).is_some_and(|seconds| seconds <= MOST), "{:?}", behind.headers);
    assert_eq!(received(&behind.body), received(&first.body));
    let current = until(|answer| lag(answer).is_none()).await;
    assert!(received(&current.body) > received(&first.body));
    standby.ask("SELECT pg_wal_replay_resume()");
    let again = until(|answer| lag(answer).is_some()).await;
    assert_eq!(received(&again.body), received(&current.body));
    // Everything but reports is the primary's, and nobody is told of a standby's death but the log.
    assert_eq!(lag(&staff.get("/v1/referrals").await.expect(200)), None);
    drop(standby);
    assert_eq!(lag(&report().await), None);
    let log = serving.log();
    let why: Vec<_> = log.lines().filter_map(|line| line.split_once("since the standby fails: ")).map(|(_, why)| why).collect();
    // Not there yet, behind, killed. Which of two sentences the last is depends on whether a connection was open; on a busy machine the first
    // may be told by its silence, and it may rest once more.
    let behind = why.iter().position(|why| *why == "it is too far behind").unwrap_or_else(|| panic!("{why:?} {log}"));
    assert!(behind >= 1 && why.len() > behind + 1, "{why:?} {log}");
    assert!(matches!(why[0], "no connection to the database" | "it does not answer in time"), "{why:?} {log}");
    assert!(!log.contains("handoff_app"), "{log}");
    serving.stop();
}

#[test]
fn a_primary_is_no_standby() {
    let place = Place::new();
    let serving = place.serve(&["--no-demo"]);
    let url = format!("postgresql:///handoff?user=handoff_app&host={}", place.data_dir().join("run").display());
    let mut check = place.command(&["check"]);
    let said = check.env("HANDOFF_DATABASE_REPLICA_URL", url).output().unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(!said.status.success() && told.contains("HANDOFF_DATABASE_REPLICA_URL: no standby"), "{told}");
    serving.stop();
}
