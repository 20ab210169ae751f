//! The directories and files around a cluster: the data directory itself, its lock, the socket directory, the log.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::error::EmbeddedError;
use super::identity::Identity;
use super::{process, stray};
use crate::privacy::hex;

/// A socket's whole path must fit into about 107 bytes (103 on macOS) including `/.s.PGSQL.5432`.
const SOCKET_DIR_BYTES: usize = 85;
/// One older log is kept beside the current one.
const LOG_BYTES: u64 = 4 * 1024 * 1024;
/// A process that was just killed may need a moment until the kernel lets go of its lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);
const REMOVE_PATIENCE: Duration = Duration::from_secs(2);

/// The lock holds a process id and a path.
const LOCK_TEXT_BYTES: u64 = 4096;

/// What a kill in the middle of making something leaves behind starts with this and is removed at the next start.
pub const UNFINISHED: &str = ".unfinished-";

/// Makes the data directory if need be and returns its absolute path without links. Under root it stays root's and may be
/// passed through but not listed (0711), because keys are put beside the cluster; otherwise it is ours alone (0700).
///
/// # Errors
/// A sentence for each: not a directory, everyone's, somebody else's, no rights, disk full.
pub fn prepare_data_dir(data_dir: &Path) -> Result<PathBuf, EmbeddedError> {
    let path = std::path::absolute(data_dir).map_err(EmbeddedError::file("make", data_dir))?;
    let root = process::effective_uid() == 0;
    let existed = path.exists();
    if existed && !path.is_dir() {
        return Err(EmbeddedError::NotADirectory { path });
    }
    DirBuilder::new().recursive(true).mode(0o755).create(&path).map_err(EmbeddedError::file("make", &path))?;
    let path = path.canonicalize().map_err(EmbeddedError::file("read", &path))?;
    let metadata = fs::metadata(&path).map_err(EmbeddedError::file("read", &path))?;
    if metadata.mode() & 0o002 != 0 {
        return Err(EmbeddedError::OpenToAll { path });
    }
    // Whoever owns the directory could swap a cluster for a link and have root give them its target.
    if root && metadata.uid() != 0 {
        return Err(EmbeddedError::ForeignOwner { path, owner: metadata.uid(), expected: 0 });
    }
    let mode = match (root, existed) {
        (true, _) => Some(0o711),
        (false, false) => Some(0o700),
        (false, true) => None,
    };
    if let Some(mode) = mode.filter(|mode| metadata.mode() & 0o7777 != *mode) {
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(EmbeddedError::file("change the rights of", &path))?;
    }
    Ok(path)
}

/// Takes the lock that keeps a second handoff off the directory. The kernel releases it when we die, however we die.
///
/// # Errors
/// [`EmbeddedError::Locked`] with the other's process id, or a file error.
pub fn lock(data_dir: &Path) -> Result<File, EmbeddedError> {
    let path = data_dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(EmbeddedError::file("write to", &path))?;
    let patience = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only decorates the sentence: without it the refusal stands all the same.
                let _ = (&mut file).take(LOCK_TEXT_BYTES).read_to_string(&mut text);
                let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
                return Err(EmbeddedError::Locked { path: data_dir.to_path_buf(), pid });
            }
            Err(TryLockError::Error(source)) => {
                return Err(EmbeddedError::File { action: "lock", path, source });
            }
        }
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(EmbeddedError::file("write to", &path))?;
    Ok(file)
}

/// Notes in the lock where the server's socket is, for a second process of the same installation ([`noted_socket_dir`]).
///
/// # Errors
/// A file error.
pub fn note_socket_dir(lock: &mut File, data_dir: &Path, socket_dir: &Path) -> Result<(), EmbeddedError> {
    writeln!(lock, "{}", socket_dir.display()).map_err(EmbeddedError::file("write to", &data_dir.join("lock")))
}

/// Where the socket of the server is that runs on this directory now; `None` when none runs.
#[must_use]
pub fn noted_socket_dir(data_dir: &Path) -> Option<PathBuf> {
    let mut file = File::open(data_dir.join("lock")).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        // Nobody holds it: what it says is of an earlier run.
        _ => return None,
    }
    let mut text = String::new();
    (&mut file).take(LOCK_TEXT_BYTES).read_to_string(&mut text).ok()?;
    text.lines().nth(1).map(PathBuf::from)
}

/// Removes what a kill in the middle of making something has left. Call under the lock.
pub fn remove_unfinished(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes()) {
            let path = entry.path();
            if let Err(error) = remove(&path) {
                log::warn!("{} is left over and could not be removed: {error}", path.display());
            }
        }
    }
}

/// initdb dies with us, but not the server that it runs to fill the cluster: until that has noticed it makes new files.
fn remove(path: &Path) -> std::io::Result<()> {
    let patience = Instant::now() + REMOVE_PATIENCE;
    loop {
        stray::end_all(path);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if path.symlink_metadata().is_ok() => {
                if Instant::now() > patience {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => return Ok(()),
        }
    }
}

/// Makes the directory of the server's socket, `run` in the data directory or, where that path is too long for a
/// socket, one with a stable name under the temporary directory; private to the server's user.
///
/// # Errors
/// [`EmbeddedError::ForeignOwner`] when somebody else made the directory first, or a file error.
pub fn prepare_socket_dir(data_dir: &Path, identity: &Identity) -> Result<PathBuf, EmbeddedError> {
    let near = data_dir.join("run");
    let path = if fits(&near) { near } else { far_socket_dir(data_dir, identity) };
    match DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => identity.own(&path)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(source) => {
            return Err(EmbeddedError::File { action: "make", path, source });
        }
    }
    // Under the temporary directory anybody could have made it, or a link of that name, to get at our connections.
    let metadata = fs::symlink_metadata(&path).map_err(EmbeddedError::file("read", &path))?;
    if !metadata.is_dir() {
        return Err(EmbeddedError::NotADirectory { path });
    }
    match metadata.uid() {
        owner if owner == identity.uid() => {}
        // Root's own, in root's own directory: a kill came between making it and giving it away, or the identity changed.
        0 if process::effective_uid() == 0 => identity.own(&path)?,
        _ if process::effective_uid() == 0 && path.starts_with(data_dir) => identity.own(&path)?,
        owner => {
            return Err(EmbeddedError::ForeignOwner { path, owner, expected: identity.uid() });
        }
    }
    fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(EmbeddedError::file("change the rights of", &path))?;
    Ok(path)
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= SOCKET_DIR_BYTES
}

fn far_socket_dir(data_dir: &Path, identity: &Identity) -> PathBuf {
    let mut hasher = Sha256::new();
    hasher.update(data_dir.as_os_str().as_bytes());
    hasher.update(identity.uid().to_be_bytes());
    let digest = hasher.finalize();
    let (short, _) = digest.split_at(8);
    let name = format!("handoff-{}", hex::encode(short));
    let path = std::env::temp_dir().join(&name);
    if fits(&path) { path } else { Path::new("/tmp").join(name) }
}

/// The server's log. Rotated at each start of the server, which is enough: it holds starts, stops and refusals only.
#[derive(Debug, Clone)]
pub struct ServerLog {
    path: PathBuf,
}

impl ServerLog {
    /// The log of the server in this data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("postgres.log") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for the server to append to, and says how long it is already.
    ///
    /// # Errors
    /// [`EmbeddedError::File`].
    pub fn open(&self) -> Result<(File, u64), EmbeddedError> {
        if fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() > LOG_BYTES) {
            let older = self.path.with_extension("log.1");
            fs::rename(&self.path, &older).map_err(EmbeddedError::file("rotate", &self.path))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(EmbeddedError::file("write to", &self.path))?;
        let length = file.metadata().map_err(EmbeddedError::file("read", &self.path))?.len();
        Ok((file, length))
    }

    /// Why the server ended, in one line: the last fatal message written since `from`, or the last line.
    pub fn reason_since(&self, from: u64) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            file.take(64 * 1024).read_to_end(&mut text)
        });
        match read {
            Ok(_) => reason_in(&String::from_utf8_lossy(&text)),
            Err(error) => format!("its log cannot be read: {error}"),
        }
    }
}

/// Picks the line that says why a program of PostgreSQL gave up.
pub fn reason_in(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let after = |line: &str, mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim().to_owned());
    let marked =
        ["PANIC:", "FATAL:", "error:", "LOG:"].iter().find_map(|mark| lines.iter().rev().find_map(|line| after(line, mark)));
    let reason = marked.or_else(|| lines.last().map(|line| (*line).to_owned()));
    let reason = reason.unwrap_or_else(|| "it gave no reason".to_owned());
    reason.trim_end_matches('.').chars().take(300).collect()
}
