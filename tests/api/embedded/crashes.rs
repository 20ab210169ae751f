//! Killed servers, killed processes, and what they leave behind.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use handoff::db::embedded::{Embedded, Options};

use crate::support::db::bin_dir;

use super::support::*;

#[test]
fn a_server_that_is_killed_comes_back_by_itself() {
    let home = home();
    // Durable: without waiting for the disk the row below would be lost.
    let server = Embedded::start(&Options { durable: true, ..installed(&home.path().join("data")) }).unwrap();
    ask(&server, "create table kept as select 'still here'::text as x");
    // A client in the middle of a long calculation would keep the killed server's shared memory in use.
    let socket_dir = server.socket_dir().to_path_buf();
    let busy = std::thread::spawn(move || query(&socket_dir, "select count(*) from generate_series(1, 2000000000)"));
    std::thread::sleep(Duration::from_millis(100));
    for _ in 0..3 {
        let killed = postmaster_pid(server.data_dir()).unwrap();
        let begun = Instant::now();
        kill_9(killed);
        wait_for("a new server", Duration::from_secs(5), || {
            let new = postmaster_pid(server.data_dir()).is_some_and(|pid| pid != killed);
            (new && server.is_alive() && query(server.socket_dir(), "select 1").is_ok()).then_some(())
        });
        println!("embedded: back after kill -9 of PostgreSQL in {:?}", begun.elapsed());
    }
    busy.join().unwrap().unwrap_err();
    assert_eq!(ask(&server, "select x from kept"), "still here");
    server.stop().unwrap();
    assert_eq!(servers_under(home.path()), [] as [u32; 0]);
}

#[test]
fn stopping_does_not_wait_for_clients_that_stay() {
    let home = home();
    let server = start(&home);
    let socket_dir = server.socket_dir().to_path_buf();
    let sleeper = std::thread::spawn(move || query(&socket_dir, "select pg_sleep(60)"));
    std::thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    server.stop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    sleeper.join().unwrap().unwrap_err();
}

const HELPER_DIR: &str = "HANDOFF_TEST_EMBEDDED_DIR";

/// Not a test: the process that `a_killed_process_…` kills. Without the variable it does nothing.
#[test]
#[ignore = "the body of a child process"]
fn helper_that_serves_until_it_is_killed() {
    let Some(data_dir) = std::env::var_os(HELPER_DIR) else { return };
    // Started from a thread that ends: the server has to stay all the same.
    let server = std::thread::spawn(move || Embedded::start(&Options { durable: true, ..installed(Path::new(&data_dir)) }));
    let server = server.join().unwrap().unwrap();
    println!("serving");
    std::thread::sleep(Duration::from_secs(60));
    drop(server);
}

fn helper(data_dir: &Path) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    let name = format!("{module}::helper_that_serves_until_it_is_killed");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .env(HELPER_DIR, data_dir)
        .envs(bin_dir().map(|bin_dir| ("HANDOFF_PG_BIN", bin_dir)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_loses_nothing_and_leaves_no_server() {
    let home = home();
    let data_dir = home.path().join("data");
    let mut sum = 0;
    let mut last = None;
    for round in 0..3 {
        let mut child = helper(&data_dir);
        let socket_dir = data_dir.join("run");
        // The last round's server may still answer while it shuts down.
        last = wait_for("the helper's server", Duration::from_secs(10), || {
            let pid = postmaster_pid(&data_dir).filter(|pid| Some(*pid) != last);
            pid.filter(|_| query(&socket_dir, "select 1").is_ok()).map(Some)
        });
        query(&socket_dir, "create table if not exists kept (x int)").unwrap();
        query(&socket_dir, &format!("insert into kept values ({round})")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        sum += round;
        if round < 2 {
            continue; // The next round's start has to cope with a server that still shuts down.
        }
        wait_for("no server", Duration::from_secs(10), || servers_under(home.path()).is_empty().then_some(()));
        assert_eq!(postmaster_pid(&data_dir), None, "it did not stop cleanly");
    }
    let server = Embedded::start(&installed(&data_dir)).unwrap();
    assert_eq!(ask(&server, "select sum(x) from kept"), sum.to_string());
}

#[test]
fn a_kill_while_the_cluster_is_made_leaves_nothing_half_made() {
    let home = home();
    let data_dir = home.path().join("data");
    for delay in [30, 120, 250, 400] {
        let mut child = helper(&data_dir);
        wait_for("initdb", Duration::from_secs(10), || {
            let entries = fs::read_dir(&data_dir).ok()?.flatten();
            entries.into_iter().find(|entry| entry.file_name().as_bytes().starts_with(b".unfinished-"))
        });
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let server = Embedded::start(&installed(&data_dir)).unwrap();
    assert_eq!(ask(&server, "select 1"), "1");
    let unfinished = fs::read_dir(&data_dir).unwrap().flatten().filter(|entry| entry.file_name().as_bytes().starts_with(b"."));
    assert_eq!(unfinished.count(), 0);
}

#[test]
fn a_stale_lock_file_that_names_a_living_process_is_no_hindrance() {
    let home = home();
    let server = start(&home);
    let cluster = server.data_dir().join(format!("pg{}", server.server_version()));
    drop(server);
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(
        cluster.join("postmaster.pid"),
        format!("{}\n{}\n1\n5432\n/x\n\n  1 1\nready\n", bystander.id(), cluster.display()),
    )
    .unwrap();
    assert_eq!(ask(&start(&home), "select 1"), "1");
    assert!(bystander.try_wait().unwrap().is_none(), "somebody else's process was ended");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}
