//! `handoff backup` and `handoff restore`: the embedded server's data, its keys and its files, to a directory and back.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;

use super::Failure;
use super::backend::{ALSO_FILE, ANCHORS_FILE, Backend, ERASURES_FILE, KEY_FILE, read_if_there, write_private};
use crate::config::Config;
use crate::db;
use crate::db::embedded::{self, Embedded, Options, Restored, SUPERUSER, Source};

/// How often the files beside the database are looked at while the server is followed, and how long until it is tried again when it
/// was away.
const PACE: Duration = Duration::from_secs(1);

/// What lies beside the database: without the keys nobody is recognised any more and sealed details stay sealed.
const KEYS: [&str; 2] = [KEY_FILE, ALSO_FILE];
/// What grows beside the database, and is not in it.
const FILES: [&str; 2] = [ANCHORS_FILE, ERASURES_FILE];

#[derive(Debug, Args)]
pub(super) struct BackupCommand {
    /// The directory of this one backup, on another disk or machine. Made if it is not there.
    directory: PathBuf,
    /// Go on after the copy: receive all that is written, until stopped. If the directory holds a backup, it is followed from where that ended.
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreCommand {
    /// The directory of the backup. It is only read.
    directory: PathBuf,
    /// The moment to restore, such as 2026-06-01T09:00:00Z; the end of the backup if absent.
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
}

pub(super) fn backup(config: &Config, command: &BackupCommand) -> Result<(), Failure> {
    let options = options(config)?;
    let into = prepare(&command.directory)?;
    // Serving or not: an upgrade begins with a backup of what the version before has left, and so nothing is migrated here.
    let mut own = None;
    let source = match Source::running(&options) {
        Err(embedded::EmbeddedError::NoServer { .. }) if !command.follow => {
            own = Some(Embedded::start(&options)?);
            Source::running(&options)?
        }
        source => source?,
    };
    let data_dir = options.data_dir.canonicalize()?;
    copy_keys(&data_dir, &into)?;
    if command.follow {
        return follow(config, &options, source, &data_dir, &into);
    }
    copy_files(config, &data_dir, &into)?;
    source.copy_base(&into)?;
    drop(own);
    println!("Backed up to {}; it holds the master key: keep it where nobody else reads it.", into.display());
    Ok(())
}

/// Follows the server over its restarts, for good.
fn follow(config: &Config, options: &Options, mut source: Source, data_dir: &Path, into: &Path) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        // Ends with the process, as what it does may at any moment.
        scope.spawn(|| {
            loop {
                if let Err(failure) = copy_files(config, data_dir, into) {
                    log::warn!("a file beside the database was not copied: {failure}");
                }
                std::thread::sleep(PACE);
            }
        });
        if embedded::is_whole(into) {
            println!("Following into {}, from where it ended.", into.display());
        } else {
            source.copy_base(into)?;
            println!("Backed up to {}, and following; it holds the master key.", into.display());
        }
        loop {
            source.follow(into)?;
            std::thread::sleep(PACE);
            match Source::running(options) {
                Ok(running) => source = running,
                Err(embedded::EmbeddedError::NoServer { .. }) => log::debug!("the server is away"),
                Err(error) => return Err(error.into()),
            }
        }
    })
}

pub(super) fn restore(config: &Config, command: &RestoreCommand) -> Result<(), Failure> {
    let options = options(config)?;
    let from = command
        .directory
        .canonicalize()
        .map_err(|error| format!("{} cannot be read: {}", command.directory.display(), error.kind()))?;
    for name in KEYS {
        let (there, backed_up) = (read_if_there(&options.data_dir.join(name))?, read_if_there(&from.join(name))?);
        if there.is_some() && there != backed_up {
            return Err(format!(
                "{} is another one than in the backup: move it away, and keep it",
                options.data_dir.join(name).display()
            )
            .into());
        }
    }
    let restored = Restored::start(&options, &from, command.until)?;
    let url = restored.server.url(SUPERUSER, "postgres");
    let recovered = db::connect(&url).and_then(|mut conn| db::await_recovery(&mut conn).map_err(|error| error.to_string()));
    let Ok(last) = recovered else { return Err(restored.give_up().into()) };
    let data_dir = restored.server.data_dir().to_path_buf();
    for name in KEYS.iter().chain(&FILES) {
        // What is there already is newer than the backup: erasures since, and anchors.
        if let Some(text) = read_if_there(&from.join(name))?.filter(|_| !data_dir.join(name).exists()) {
            write_private(&data_dir.join(name), &text)?;
        }
    }
    restored.server.stop()?;
    let up_to =
        last.map_or_else(|| "the end of the base backup".to_owned(), |last| last.to_rfc3339_opts(SecondsFormat::Millis, true));
    println!("Restored to {}, up to {up_to}.", data_dir.display());
    println!(
        "Next: `handoff audit verify`, then serve. Whoever was erased since is erased again within a minute, by {ERASURES_FILE}."
    );
    Ok(())
}

fn options(config: &Config) -> Result<Options, Failure> {
    if config.database_url.is_some() {
        return Err("DATABASE_URL names a server of your own: back it up with its own tools, as the README says under \"Backup and restore\"".into());
    }
    Backend::options(config)
}

/// The directory of a backup. As root others may pass through it, since PostgreSQL writes its part as another user.
fn prepare(directory: &Path) -> Result<PathBuf, Failure> {
    let cannot = |error: std::io::Error| format!("{} cannot be made: {}", directory.display(), error.kind());
    if !directory.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o711).create(directory).map_err(cannot)?;
    }
    Ok(directory.canonicalize().map_err(cannot)?)
}

fn copy_keys(data_dir: &Path, into: &Path) -> Result<(), Failure> {
    for name in KEYS {
        if let Some(text) = read_if_there(&data_dir.join(name))? {
            write_private(&into.join(name), &text)?;
        }
    }
    Ok(())
}

/// Copies what has grown; both files only ever do.
fn copy_files(config: &Config, data_dir: &Path, into: &Path) -> Result<(), Failure> {
    let places = [config.audit_anchors.clone(), config.erasures.clone()];
    for (name, place) in FILES.iter().zip(places) {
        let (from, to) = (place.unwrap_or_else(|| data_dir.join(name)), into.join(name));
        let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
        if size(&from) != size(&to)
            && let Some(text) = read_if_there(&from)?
        {
            write_private(&to, &text)?;
        }
    }
    Ok(())
}
