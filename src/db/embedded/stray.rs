//! What an earlier run may have left on a cluster: a server that still shuts down, one that lives on, children of one that was
//! killed, files that name a process which is something else by now. Called only under the data directory's lock.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::EmbeddedError;
use super::process::{self, Signal};

/// After a kill -9 of ours the kernel tells the server to stop; a checkpoint may take this long.
const PATIENCE: Duration = Duration::from_secs(15);
/// From a signal of ours until the next, stronger one.
const AFTER_SIGNAL: Duration = Duration::from_secs(10);
/// Children without a postmaster have nothing to finish.
const AFTER_QUIT: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(10);

/// What `postmaster.pid` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PidFile {
    pub pid: u32,
    pub ready: bool,
}

/// Reads `postmaster.pid`: the process on the first line, its state on the eighth.
pub fn read_pid_file(cluster: &Path) -> Option<PidFile> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let ready = lines.nth(6).is_some_and(|line| line.trim() == "ready");
    Some(PidFile { pid, ready })
}

/// Whether somebody accepts connections on the server's socket.
pub fn answers(socket_dir: &Path) -> bool {
    UnixStream::connect(socket_path(socket_dir)).is_ok()
}

fn socket_path(socket_dir: &Path) -> PathBuf {
    socket_dir.join(".s.PGSQL.5432")
}

/// A server of an earlier run that can be taken over: only where children do not die with us, so that a kill -9 of ours
/// leaves a healthy one.
pub fn adoptable(cluster: &Path, socket_dir: &Path) -> Option<u32> {
    if process::CHILDREN_DIE_WITH_US {
        return None;
    }
    healthy(cluster, socket_dir)
}

/// The socket's directory is private to the server's user and each data directory has its own, so what answers there is ours.
fn healthy(cluster: &Path, socket_dir: &Path) -> Option<u32> {
    let file = read_pid_file(cluster)?;
    (file.ready && process::exists(file.pid) && answers(socket_dir)).then_some(file.pid)
}

/// Has nothing of an earlier server work on the cluster any more: waits, then signals, and then removes files that would
/// keep a new server from starting.
///
/// # Errors
/// [`EmbeddedError::StillRunning`] when a process of the server does not even end at SIGKILL.
pub fn clear(cluster: &Path, socket_dir: &Path) -> Result<(), EmbeddedError> {
    // A server that stops cleanly removes it last.
    let Some(file) = read_pid_file(cluster) else {
        return Ok(());
    };
    let postmaster = |working: &[u32]| working.contains(&file.pid);
    let mut waiting_since = None;
    let mut working = working_on(cluster);
    if postmaster(&working) {
        log::info!("Waiting for PostgreSQL (process {}) of an earlier run to stop", file.pid);
        waiting_since = Some(Instant::now());
        working = wait_for_end(cluster, PATIENCE, |working| !postmaster(working));
    }
    if postmaster(&working) {
        log::warn!("PostgreSQL (process {}) of an earlier run lives on: stopping it", file.pid);
        tell(&[file.pid], Signal::Fast);
        working = wait_for_end(cluster, AFTER_SIGNAL, |working| !postmaster(working));
    }
    for (signal, patience) in [(Signal::Immediate, AFTER_QUIT), (Signal::Kill, AFTER_SIGNAL)] {
        if !working.is_empty() {
            log::warn!("{} processes of an earlier PostgreSQL are left: ending them", working.len());
            tell(&working, signal);
            working = wait_for_end(cluster, patience, <[u32]>::is_empty);
        }
    }
    if let Some(pid) = working.first() {
        return Err(EmbeddedError::StillRunning { pid: *pid, cluster: cluster.to_path_buf() });
    }
    if let Some(since) = waiting_since {
        log::info!("PostgreSQL of the earlier run has stopped after {} ms", since.elapsed().as_millis());
    }
    forget(cluster, socket_dir);
    Ok(())
}

/// Kills whatever still works on a cluster that was never finished.
pub fn end_all(unfinished: &Path) {
    tell(&working_on(unfinished), Signal::Kill);
}

fn tell(pids: &[u32], signal: Signal) {
    for pid in pids {
        // It may have ended in the meantime, and who may not be signalled is reported by its staying.
        let _ = process::send(*pid, signal);
    }
}

fn wait_for_end(cluster: &Path, patience: Duration, done: impl Fn(&[u32]) -> bool) -> Vec<u32> {
    let deadline = Instant::now() + patience;
    loop {
        let working = working_on(cluster);
        if done(&working) || Instant::now() >= deadline {
            return working;
        }
        sleep(GLANCE);
    }
}

/// Removes lock files whose process id is somebody else's by now (after a reboot, or a zombie's): PostgreSQL would refuse to
/// start, because it cannot see that the process is no server of this cluster, and we can.
fn forget(cluster: &Path, socket_dir: &Path) {
    if !process::CHILDREN_DIE_WITH_US {
        return;
    }
    if read_pid_file(cluster).is_some_and(|file| process::exists(file.pid)) {
        let _ = fs::remove_file(cluster.join("postmaster.pid"));
    }
    forget_socket(socket_dir);
}

/// Removes what a server that ended without a word has left of its socket.
pub fn forget_socket(socket_dir: &Path) {
    let socket = socket_path(socket_dir);
    // Often not there, and if they cannot be removed the server's start says so.
    let _ = fs::remove_file(socket.with_file_name(".s.PGSQL.5432.lock"));
    let _ = fs::remove_file(socket);
}

/// The processes of a server of this cluster: their program is `postgres` and they work in the cluster's directory, which
/// every one of them has done since before it wrote `postmaster.pid`.
#[cfg(target_os = "linux")]
fn working_on(cluster: &Path) -> Vec<u32> {
    use std::os::unix::ffi::OsStrExt;

    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let is_ours = |directory: &Path| {
        let program = fs::read_link(directory.join("exe")).unwrap_or_default();
        // After an upgrade of the package the kernel adds " (deleted)".
        let is_postgres = program.file_name().is_some_and(|name| name.as_bytes().starts_with(b"postgres"));
        is_postgres && fs::read_link(directory.join("cwd")).is_ok_and(|cwd| cwd == cluster)
    };
    let pid_of = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    entries.flatten().filter_map(pid_of).filter(|pid| is_ours(&Path::new("/proc").join(pid.to_string()))).collect()
}

/// Without /proc only the postmaster is known: by its id, and by its command line, lest another process have the id by now.
#[cfg(not(target_os = "linux"))]
fn working_on(cluster: &Path) -> Vec<u32> {
    let is_ours = |pid: &u32| {
        let mut ps = std::process::Command::new("/bin/ps");
        ps.args(["-ww", "-o", "command=", "-p"]).arg(pid.to_string());
        let said = ps.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        said.is_ok_and(|said| said.contains("postgres") && said.contains(&*cluster.to_string_lossy()))
    };
    read_pid_file(cluster).map(|file| file.pid).filter(is_ours).into_iter().collect()
}
