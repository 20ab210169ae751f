//! PostgreSQL without an administrator: finds or fetches the binaries, keeps a cluster in a data directory and runs its server
//! as a child that starts and stops with handoff.
//!
//! Knows nothing of roles, schemas or pools: whoever uses it connects as `postgres` through [`Embedded::url`] and takes it
//! from there. Reads no environment; `config.rs` hands over what matters in [`Options`].
//!
//! In the data directory: `pg<major>` (the cluster), `run` (its socket), `postgres.log`, `lock`, `fetched` (binaries).

mod backup;
mod cluster;
mod error;
mod fetch;
mod identity;
mod locate;
mod place;
mod process;
mod releases;
mod restore;
mod run;
mod stray;
mod supervisor;
mod unpack;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use backup::{Source, is_whole};
pub use cluster::SUPERUSER;
pub use error::{EmbeddedError, OLDEST_MAJOR};
pub use restore::Restoring;

use identity::Identity;
use locate::{Install, Places};
use place::ServerLog;
use supervisor::{Plan, READY_LIMIT, Supervisor};

/// How and where to run the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds the cluster and everything around it; made if it is not there. See [`default_data_dir`].
    pub data_dir: PathBuf,
    /// False only for servers of tests: they do not wait for the disk, and a power cut loses them.
    pub durable: bool,
    /// Never fetch binaries.
    pub offline: bool,
    /// `HANDOFF_PG_BIN`: use the binaries in this directory and no others.
    pub pg_bin: Option<PathBuf>,
    /// `PATH`: where to look for binaries, and for the package client when there are none. `None` leaves both out.
    pub path: Option<OsString>,
    /// Look where Debian, Red Hat, Homebrew and Postgres.app install, too.
    pub well_known: bool,
}

impl Options {
    /// A durable server in `data_dir` that may fetch its binaries, looks where packages install but not along a PATH.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), durable: true, offline: false, pg_bin: None, path: None, well_known: true }
    }
}

/// A running server. Dropping it stops the server and waits for that.
#[derive(Debug)]
pub struct Embedded {
    supervisor: Supervisor,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    install: Install,
    /// Held for its lock; declared last, so that it is released when the server has stopped.
    _lock: File,
}

impl Embedded {
    /// Starts the server on the cluster in the data directory, making the cluster first if there is none, and returns when it
    /// accepts connections. Blocks: about half a second for a new cluster, a twentieth otherwise, longer for recovery or a fetch.
    ///
    /// # Errors
    /// One sentence for the operator; see [`EmbeddedError`].
    pub fn start(options: &Options) -> Result<Self, EmbeddedError> {
        let data_dir = place::prepare_data_dir(&options.data_dir)?;
        let mut lock = place::lock(&data_dir)?;
        place::remove_unfinished(&data_dir);
        let existing = cluster::existing(&data_dir)?;
        let identity = Identity::choose(existing.as_ref().map(|(path, _)| path.as_path()))?;
        identity.check_reach(&data_dir)?;
        let install = find_or_fetch(options, &data_dir, existing.as_ref(), &identity)?;
        let socket_dir = place::prepare_socket_dir(&data_dir, &identity)?;
        if existing.is_none() {
            // Of a restore that was killed: its cluster is gone by now.
            stray::forget_socket(&socket_dir);
            cluster::create(&data_dir, &install, &identity, options.durable)?;
        }
        place::note_socket_dir(&mut lock, &data_dir, &socket_dir)?;
        let supervisor = Supervisor::start(Plan {
            cluster: cluster::directory(&data_dir, install.major),
            socket_dir: socket_dir.clone(),
            log: ServerLog::new(&data_dir),
            durable: options.durable,
            install: install.clone(),
            identity,
            ready_limit: Some(READY_LIMIT),
        })?;
        Ok(Self { supervisor, data_dir, socket_dir, install, _lock: lock })
    }

    /// The URL for libpq to connect with, over the socket and without a password.
    pub fn url(&self, role: &str, database: &str) -> String {
        socket_url(&self.socket_dir, role, database)
    }

    /// Whether the server accepts connections as far as is known: false while a server that died is being started again.
    pub fn is_alive(&self) -> bool {
        self.supervisor.is_alive()
    }

    /// The data directory: absolute, links resolved.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The server's major version.
    pub fn server_version(&self) -> u32 {
        self.install.major
    }

    /// Where the binaries are, `pg_dump` and the others among them if the package has them.
    pub fn bin_dir(&self) -> &Path {
        &self.install.bin_dir
    }

    /// Where the server's socket is.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Stops the server and returns when it has: clients are disconnected, everything is written out.
    ///
    /// # Errors
    /// [`EmbeddedError::StopForced`] when it took too long and force was needed; committed work is safe even then.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        self.supervisor.stop()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.supervisor.stop() {
            log::warn!("{error}");
        }
    }
}

fn places<'a>(options: &'a Options, data_dir: &'a Path) -> Places<'a> {
    Places { data_dir, pg_bin: options.pg_bin.as_deref(), path: options.path.as_deref(), well_known: options.well_known }
}

fn find_installed(
    options: &Options,
    data_dir: &Path,
    existing: Option<&(PathBuf, u32)>,
    identity: &Identity,
) -> Result<Option<Install>, EmbeddedError> {
    let cluster = existing.map_or(data_dir, |(path, _)| path);
    locate::find(places(options, data_dir), existing.map(|(_, major)| *major), cluster, identity)
}

fn find_or_fetch(
    options: &Options,
    data_dir: &Path,
    existing: Option<&(PathBuf, u32)>,
    identity: &Identity,
) -> Result<Install, EmbeddedError> {
    if let Some(install) = find_installed(options, data_dir, existing, identity)? {
        return Ok(install);
    }
    let places = places(options, data_dir);
    let wanted = existing.map(|(_, major)| *major);
    let too_old = || locate::too_old(places, identity);
    let nothing = |error: EmbeddedError| match too_old() {
        Some(old) => EmbeddedError::TooOld { path: old.bin_dir, major: old.major },
        None => error,
    };
    if options.offline {
        return Err(nothing(EmbeddedError::NothingFound { offline: true }));
    }
    match fetch::fetch(data_dir, options.path.as_deref(), wanted) {
        Ok(()) => {}
        Err(error @ EmbeddedError::NothingFound { .. }) => return Err(nothing(error)),
        Err(error) => return Err(error),
    }
    find_installed(options, data_dir, existing, identity)?
        .ok_or_else(|| EmbeddedError::FetchFailed { reasons: vec!["what was fetched does not run on this system".to_owned()] })
}

/// The directory to keep the data in when none is configured: `/var/lib/handoff` for root, otherwise
/// `$XDG_DATA_HOME/handoff` or the platform's own place under the home directory. `xdg_data_home` is that variable's value.
///
/// # Errors
/// [`EmbeddedError::NoHome`] when an ordinary user has no home directory.
pub fn default_data_dir(xdg_data_home: Option<&OsStr>) -> Result<PathBuf, EmbeddedError> {
    if process::effective_uid() == 0 {
        return Ok(PathBuf::from("/var/lib/handoff"));
    }
    // The specification has relative values ignored.
    if let Some(data_home) = xdg_data_home.map(Path::new).filter(|path| path.is_absolute()) {
        return Ok(data_home.join("handoff"));
    }
    let home = std::env::home_dir().filter(|home| home.is_absolute()).ok_or(EmbeddedError::NoHome)?;
    let place = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(home.join(place).join("handoff"))
}

/// The URL of the server that another process runs on this data directory now, for `role` and `database`; `None` when none
/// runs. The command line works beside a serving handoff with it.
#[must_use]
pub fn running_url(data_dir: &Path, role: &str, database: &str) -> Option<String> {
    place::noted_socket_dir(data_dir).map(|socket_dir| socket_url(&socket_dir, role, database))
}

fn socket_url(socket_dir: &Path, role: &str, database: &str) -> String {
    format!(
        "postgresql://{}@/{}?host={}",
        percent_encode(role.as_bytes()),
        percent_encode(database.as_bytes()),
        percent_encode(socket_dir.as_os_str().as_bytes())
    )
}

/// Everything but letters, digits and a few marks is encoded: libpq decodes each part of the URL.
fn percent_encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}
