//! The embedded PostgreSQL on real servers. Each test has a data directory of its own; all run as root or as an ordinary user.
mod crashes;
mod fetching;
mod refusals;
pub mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use handoff::db::embedded::{Embedded, Options, default_data_dir};

use support::*;

#[test]
fn a_first_start_makes_a_cluster_and_the_next_one_finds_its_data() {
    let home = home();
    let cold = Instant::now();
    let options = Options { durable: true, ..installed(&home.path().join("new/data")) };
    let server = Embedded::start(&options).unwrap();
    let cold = cold.elapsed();
    assert!(server.is_alive() && server.server_version() >= 15);
    ask(&server, "create table kept (x text); insert into kept values ('still here')");
    server.stop().unwrap();
    assert_eq!(servers_under(home.path()), [] as [u32; 0]);
    let warm = Instant::now();
    let server = Embedded::start(&options).unwrap();
    println!("embedded: cold start {cold:?}, warm start {:?}", warm.elapsed());
    assert_eq!(ask(&server, "select x from kept"), "still here");
    drop(server);
    assert_eq!(servers_under(home.path()), [] as [u32; 0]);
}

#[test]
fn the_settings_keep_what_is_promised() {
    let home = home();
    let server = Embedded::start(&Options { durable: true, ..installed(&home.path().join("data")) }).unwrap();
    for (name, value) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("cluster_name", "handoff"),
        ("jit", "off"),
        ("wal_compression", "pglz"),
        ("max_connections", "100"),
    ] {
        assert_eq!(ask(&server, &format!("show {name}")), value, "{name}");
    }
    let log = home.path().join("data/postgres.log");
    assert_eq!(fs::metadata(log).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(server.socket_dir()).unwrap().mode() & 0o777, 0o700);
    drop(server);
    let server = start(&home);
    assert_eq!(ask(&server, "show fsync") + &ask(&server, "show max_connections"), "off200");
}

#[test]
fn the_server_is_not_root_and_listens_on_no_tcp_port() {
    let home = home();
    let server = start(&home);
    let pid = postmaster_pid(server.data_dir()).unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for ids in [field("Uid:"), field("Gid:")] {
        let ids: Vec<u32> = ids.split_whitespace().map(|id| id.parse().unwrap()).collect();
        assert!(ids.iter().all(|id| *id != 0), "{ids:?}");
    }
    if as_root() {
        assert_eq!(field("Groups:"), "");
        assert_eq!(fs::metadata(server.data_dir()).unwrap().mode() & 0o777, 0o711);
        assert_eq!(fs::metadata(server.data_dir()).unwrap().uid(), 0);
    }
    // Only root may look into another user's process, so an ordinary user sees this too: it is their own.
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    assert!(!sockets.is_empty());
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let inode = line.split_whitespace().nth(9).unwrap();
            assert!(!sockets.iter().any(|socket| socket == inode), "a TCP socket: {line}");
        }
    }
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let known = [&b"PATH="[..], b"LC_ALL=", b"PG_GRANDPARENT_PID="];
    let of_ours = |entry: &&[u8]| !entry.is_empty() && !known.iter().any(|name| entry.starts_with(name));
    assert!(environment.split(|byte| *byte == 0).find(of_ours).is_none(), "our environment reached the server");
}

#[test]
fn no_value_reaches_the_log() {
    let home = home();
    let server = start(&home);
    ask(&server, "create table people (mail text unique); insert into people values ('canary@example.org')");
    for sql in [
        "insert into people values ('canary@example.org')",
        "select 'canary@example.org'::uuid",
        "select canary_at_example_org",
        "do $$ begin raise log 'started'; perform 'canary@example.org'::int; end $$",
    ] {
        query(server.socket_dir(), sql).map(|_| ()).unwrap_err();
    }
    let log = fs::read_to_string(home.path().join("data/postgres.log")).unwrap();
    assert!(log.contains("ready to accept connections") && log.contains("started"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn the_url_is_encoded_and_a_long_path_still_has_a_socket() {
    let home = home();
    let long = home.path().join(format!("a,b c%\"{}", "long/".repeat(30)));
    let server = Embedded::start(&installed(&long)).unwrap();
    assert!(server.socket_dir().as_os_str().len() < 90, "{}", server.socket_dir().display());
    assert_eq!(fs::metadata(server.socket_dir()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(ask(&server, "select 1"), "1");
    let again = server.socket_dir().to_path_buf();
    drop(server);
    let odd = home.path().join("a,b \"c");
    let server = Embedded::start(&installed(&odd)).unwrap();
    assert_eq!(ask(&server, "select 1"), "1");
    let host =
        server.socket_dir().to_str().unwrap().replace('/', "%2F").replace(',', "%2C").replace(' ', "%20").replace('"', "%22");
    assert_eq!(server.url("a@b", "c/d"), format!("postgresql://a%40b@/c%2Fd?host={host}"));
    fs::remove_dir_all(again).unwrap();
}

#[test]
fn the_default_directory_follows_the_user() {
    let at = |value: &str| default_data_dir(Some(value.as_ref())).unwrap();
    if as_root() {
        assert_eq!(at("/x"), Path::new("/var/lib/handoff"));
    } else {
        assert_eq!(at("/x"), Path::new("/x/handoff"));
        assert!(at("relative").ends_with("handoff") && at("relative").is_absolute());
    }
}
