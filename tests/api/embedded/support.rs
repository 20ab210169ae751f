//! Directories, options and a few lines of the wire protocol, for the tests of the embedded server.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use handoff::db::embedded::{Embedded, EmbeddedError, Options};
use tempfile::TempDir;

/// A temporary directory that a user the server drops to can pass through: `TempDir` itself makes them 0700.
pub fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    home
}

/// A forgetful server that uses the binaries of this test run, installed or fetched, and fetches nothing by itself.
pub fn installed(data_dir: &Path) -> Options {
    let path = std::env::var_os("PATH");
    Options { durable: false, offline: true, path, pg_bin: crate::support::db::bin_dir(), ..Options::new(data_dir) }
}

pub fn start(home: &TempDir) -> Embedded {
    Embedded::start(&installed(&home.path().join("data"))).unwrap()
}

pub fn refusal(options: &Options) -> (EmbeddedError, String) {
    let error = Embedded::start(options).unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.ends_with('.') && !sentence.contains('\n'), "not one sentence: {sentence}");
    (error, sentence)
}

pub fn as_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

pub fn postmaster_pid(data_dir: &Path) -> Option<u32> {
    let clusters = fs::read_dir(data_dir).ok()?.flatten();
    let cluster = clusters.map(|entry| entry.path()).find(|path| path.join("PG_VERSION").exists())?;
    fs::read_to_string(cluster.join("postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

/// The processes of PostgreSQL that work anywhere under a directory.
pub fn servers_under(directory: &Path) -> Vec<u32> {
    let directory = directory.canonicalize().unwrap();
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let under = |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&directory));
    let is_postgres = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ends_with("postgres"));
    pids.filter(under).filter(is_postgres).collect()
}

pub fn kill_9(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// Sends one simple query over the socket and returns the first column of each row, or the server's error message.
pub fn query(socket_dir: &Path, sql: &str) -> Result<Vec<String>, String> {
    let mut socket = UnixStream::connect(socket_dir.join(".s.PGSQL.5432")).map_err(|error| error.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut hello = 196_608_u32.to_be_bytes().to_vec();
    hello.extend_from_slice(b"user\0postgres\0database\0postgres\0\0");
    let mut message = (hello.len() as u32 + 4).to_be_bytes().to_vec();
    message.append(&mut hello);
    message.push(b'Q');
    message.extend_from_slice(&(sql.len() as u32 + 5).to_be_bytes());
    message.extend_from_slice(sql.as_bytes());
    message.push(0);
    socket.write_all(&message).map_err(|error| error.to_string())?;
    let (mut rows, mut failure, mut ready) = (Vec::new(), None, 0);
    while ready < 2 {
        let mut head = [0; 5];
        socket.read_exact(&mut head).map_err(|error| failure.clone().unwrap_or(error.to_string()))?;
        let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4];
        socket.read_exact(&mut body).map_err(|error| error.to_string())?;
        match head[0] {
            b'Z' => ready += 1,
            b'E' => failure = Some(String::from_utf8_lossy(&body).replace('\0', " ")),
            b'D' => {
                let length = u32::from_be_bytes(body[2..6].try_into().unwrap()) as usize;
                rows.push(String::from_utf8(body[6..6 + length].to_vec()).unwrap());
            }
            _ => {}
        }
    }
    failure.map_or(Ok(rows), Err)
}

pub fn ask(server: &Embedded, sql: &str) -> String {
    query(server.socket_dir(), sql).unwrap().concat()
}

/// Where the installed binaries really are, found once.
pub fn installed_bin_dir() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| start(&home()).bin_dir().to_path_buf())
}

pub fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Directory with pretended binaries that tell a version.
pub fn pretended(home: &TempDir, version: &str) -> PathBuf {
    let bin = home.path().join(format!("bin{version}"));
    fs::create_dir(&bin).unwrap();
    fs::set_permissions(&bin, Permissions::from_mode(0o755)).unwrap();
    script(&bin.join("postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
    script(&bin.join("initdb"), "echo 'initdb: error: this is no initdb' >&2; exit 1");
    bin
}

pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
