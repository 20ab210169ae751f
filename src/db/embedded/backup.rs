//! Base backups and the write-ahead log of the embedded server, with PostgreSQL's own tools.
//!
//! A backup is a directory: `base` is the cluster as `pg_basebackup` copies it, complete in itself and with its manifest; `wal` is what
//! `pg_receivewal` has received since, if it was asked to. `base` gets its name when it is whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::EmbeddedError;
use super::identity::Identity;
use super::locate::Install;
use super::{Options, SUPERUSER, cluster, find_installed, place, run};

pub(super) const BASE: &str = "base";
pub(super) const WAL: &str = "wal";
/// `pg_receivewal` writes a segment under this ending until it is full.
pub(super) const PARTIAL: &str = "partial";
/// A large cluster over a slow disk; a copy that takes a day will not be followed by another.
const COPY_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Following has no end of its own.
const FOLLOW_LIMIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How the tools tell that the server is away, starting, or going: it may come back.
const SERVER_AWAY: [&str; 8] = [
    "No such file or directory",
    "Connection refused",
    "starting up",
    "shutting down",
    "in recovery mode",
    "server closed the connection",
    "replication stream was terminated",
    "terminating connection",
];
/// What a segment of the write-ahead log holds, as initdb makes them.
pub(super) const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// In the cluster, and so in its backups: which of the servers it is that may have come from one backup.
const INSTANCE: &str = "handoff.instance";

/// A server that runs now, in this process or in another one, as its backup tools reach it.
#[derive(Debug)]
pub struct Source {
    install: Install,
    identity: Identity,
    socket_dir: PathBuf,
    data_dir: PathBuf,
    cluster: PathBuf,
}

impl Source {
    /// The server on the data directory of these options.
    ///
    /// # Errors
    /// [`EmbeddedError::NoServer`] when none runs there, [`EmbeddedError::NoData`] when nothing is there to run on.
    pub fn running(options: &Options) -> Result<Self, EmbeddedError> {
        let none = || EmbeddedError::NoServer { path: options.data_dir.clone() };
        let nothing = || EmbeddedError::NoData { path: options.data_dir.clone() };
        let data_dir = options.data_dir.canonicalize().map_err(|_| nothing())?;
        let existing = cluster::existing(&data_dir)?.ok_or_else(nothing)?;
        let identity = Identity::choose(Some(&existing.0))?;
        let socket_dir = place::noted_socket_dir(&data_dir).ok_or_else(none)?;
        let install = find_installed(options, &data_dir, Some(&existing), &identity)?.ok_or_else(none)?;
        let cluster = existing.0;
        Ok(Self { install, identity, socket_dir, data_dir, cluster })
    }

    /// Checks that a backup of this server may be written to the directory `into`, before anything is: that the server's user gets there,
    /// and that a backup that is there already is of this very server, and not of one with the same history up to a point.
    ///
    /// # Errors
    /// [`EmbeddedError::BackupUnreachable`], [`EmbeddedError::BackupOfAnother`], or a file error.
    pub fn check_target(&self, into: &Path) -> Result<(), EmbeddedError> {
        self.identity.check_reach(into).map_err(|error| match error {
            EmbeddedError::Unreachable { parent, user, .. } => EmbeddedError::BackupUnreachable { parent, user },
            other => other,
        })?;
        let own = self.cluster.join(INSTANCE);
        if !own.exists() {
            mark(&self.cluster, &self.identity)?;
        }
        let read = |path: &Path| fs::read_to_string(path).map_err(EmbeddedError::file("read", path));
        if is_whole(into) && read(&into.join(BASE).join(INSTANCE)).ok() != Some(read(&own)?) {
            return Err(EmbeddedError::BackupOfAnother { path: into.to_path_buf() });
        }
        Ok(())
    }

    /// Copies the running server's cluster into the backup at `into`, which is made and must not hold one yet. Blocks for as long as that
    /// takes; the server goes on meanwhile.
    ///
    /// # Errors
    /// One sentence for the operator; nothing is left under the name of a whole backup then.
    pub fn copy_base(&self, into: &Path) -> Result<(), EmbeddedError> {
        let base = into.join(BASE);
        if base.exists() {
            return Err(EmbeddedError::BackupThere { path: into.to_path_buf() });
        }
        place::remove_unfinished(into);
        let mut command = self.tool("pg_basebackup")?;
        let unfinished = into.join(run::unfinished_name());
        self.make(&unfinished)?;
        command.arg("--pgdata").arg(&unfinished).args(["--checkpoint=fast", "--wal-method=stream", "--format=plain"]);
        let done = finished(command, &self.data_dir, "copy the database to", &base)
            .and_then(|()| fs::rename(&unfinished, &base).map_err(EmbeddedError::file("make", &base)));
        if done.is_err() {
            // Only tidies up: the next attempt removes what stays here.
            let _ = fs::remove_dir_all(&unfinished);
        }
        done?;
        sync_directory(into)
    }

    /// Receives the server's write-ahead log into the backup at `into` as it is written, until the server goes away. What was received
    /// is on the disk. Goes on where an earlier call ended, which the server can do for as long as it keeps what came between.
    ///
    /// # Errors
    /// One sentence for the operator, such as that the server has not kept what came between: then a new backup is due.
    pub fn follow(&self, into: &Path) -> Result<(), EmbeddedError> {
        let wal = into.join(WAL);
        if !wal.exists() {
            self.begin(into, &wal)?;
        }
        remove_broken_off(&wal)?;
        let mut command = self.tool("pg_receivewal")?;
        command.arg("--directory").arg(&wal).args(["--synchronous", "--no-loop"]);
        match run::to_end(command, FOLLOW_LIMIT, &self.data_dir) {
            Ok(Err(said)) if said.contains("already been removed") => Err(EmbeddedError::BackupGap { path: into.to_path_buf() }),
            Ok(Err(said)) if SERVER_AWAY.iter().any(|words| said.contains(words)) => Ok(()),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(said)) => Err(EmbeddedError::backup("receive the write-ahead log into", &wal, &said)),
            Err(source) => Err(EmbeddedError::File { action: "receive the write-ahead log into", path: wal, source }),
        }
    }

    /// Has following begin with the last segment of the base, and not with the one that the server writes now: between them there
    /// may be others.
    fn begin(&self, into: &Path, wal: &Path) -> Result<(), EmbeddedError> {
        let segments = entries(&into.join(BASE).join("pg_wal"))?;
        let last = segments.into_iter().filter(|(_, name)| place_of(name).is_some()).max_by(|one, other| one.1.cmp(&other.1));
        let (segment, name) = last.ok_or_else(|| EmbeddedError::NoBackup { path: into.to_path_buf() })?;
        let unfinished = into.join(run::unfinished_name());
        self.make(&unfinished)?;
        copy_file(&segment, &unfinished.join(format!("{name}.{PARTIAL}")), &self.identity)?;
        fs::rename(&unfinished, wal).map_err(EmbeddedError::file("make", wal))?;
        sync_directory(into)
    }

    /// A directory that the server's user writes to, and nobody else reads.
    fn make(&self, path: &Path) -> Result<(), EmbeddedError> {
        make_private(path)?;
        self.identity.own(path)
    }

    fn tool(&self, name: &'static str) -> Result<Command, EmbeddedError> {
        let mut command = tool(&self.install, &self.identity, name)?;
        command.arg("--host").arg(&self.socket_dir).args(["--port=5432", "--username", SUPERUSER, "--no-password"]);
        Ok(command)
    }
}

/// Says in a cluster that it is one of its own: no other is, though it came from the same backup.
pub(super) fn mark(cluster: &Path, identity: &Identity) -> Result<(), EmbeddedError> {
    let (path, mut bytes) = (cluster.join(INSTANCE), [0; 16]);
    let written = getrandom::fill(&mut bytes).map_err(std::io::Error::other).and_then(|()| {
        let mut file = private_file(&path)?;
        file.write_all(format!("{:032x}\n", u128::from_ne_bytes(bytes)).as_bytes())?;
        file.sync_all()
    });
    written.map_err(EmbeddedError::file("write to", &path))?;
    identity.own(&path)
}

/// A segment that was being made when the disk was full, or its receiver killed, has another size than the receiver accepts. It holds
/// nothing yet: it is filled up before it is written.
fn remove_broken_off(wal: &Path) -> Result<(), EmbeddedError> {
    for (path, name) in entries(wal)? {
        let bytes = fs::metadata(&path).map_err(EmbeddedError::file("read", &path))?.len();
        if name.ends_with(PARTIAL) && bytes != SEGMENT_BYTES {
            fs::remove_file(&path).map_err(EmbeddedError::file("remove", &path))?;
        }
    }
    Ok(())
}

/// Whether a whole backup is there.
#[must_use]
pub fn is_whole(backup: &Path) -> bool {
    backup.join(BASE).is_dir()
}

pub(super) fn make_private(path: &Path) -> Result<(), EmbeddedError> {
    DirBuilder::new().mode(0o700).create(path).map_err(EmbeddedError::file("make", path))
}

/// Has the names in a directory reach the disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), EmbeddedError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(EmbeddedError::file("write to", path))
}

/// Copies a file for the server's user.
pub(super) fn copy_file(from: &Path, to: &Path, identity: &Identity) -> Result<(), EmbeddedError> {
    let mut source = File::open(from).map_err(EmbeddedError::file("read", from))?;
    let copied = private_file(to).and_then(|mut target| std::io::copy(&mut source, &mut target));
    copied.map_err(EmbeddedError::file("write to", to))?;
    identity.own(to)
}

pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// What is in a directory, with its name. PostgreSQL's names are ASCII.
pub(super) fn entries(directory: &Path) -> Result<Vec<(PathBuf, String)>, EmbeddedError> {
    let read = || fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
    let paths = read().map_err(EmbeddedError::file("read", directory))?;
    Ok(paths.into_iter().filter_map(|path| Some((path.clone(), path.file_name()?.to_str()?.to_owned()))).collect())
}

/// Where a segment of 16 MB stands among the others, whatever timeline it is of; `None` for what is no segment.
pub(super) fn place_of(name: &str) -> Option<u64> {
    let number = |from: usize, to: usize| u64::from_str_radix(name.get(from..to)?, 16).ok();
    number(0, 8)?;
    if name.len() == 24 { Some(number(8, 16)? * 256 + number(16, 24)?) } else { None }
}

/// One of PostgreSQL's programs beside the server's, to be run as the server's user.
pub(super) fn tool(install: &Install, identity: &Identity, name: &'static str) -> Result<Command, EmbeddedError> {
    let program = install.bin_dir.join(name);
    if !program.is_file() {
        return Err(EmbeddedError::NoTool { name, bin_dir: install.bin_dir.clone(), major: install.major });
    }
    let mut command = Command::new(program);
    cluster::quiet_surroundings(&mut command, identity);
    Ok(command)
}

/// Runs a tool to its end; `action` and `path` are for the sentence when it fails.
pub(super) fn finished(command: Command, scratch: &Path, action: &'static str, path: &Path) -> Result<(), EmbeddedError> {
    match run::to_end(command, COPY_LIMIT, scratch) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(said)) => Err(EmbeddedError::backup(action, path, &said)),
        Err(source) => Err(EmbeddedError::File { action, path: path.to_path_buf(), source }),
    }
}
