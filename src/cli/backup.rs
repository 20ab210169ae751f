//! `handoff backup` and `handoff restore`: the embedded server's data, its keys and its files, to a directory and back.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;

use super::Failure;
use super::backend::{ALSO_FILE, ANCHORS_FILE, Backend, ERASURES_FILE, KEY_FILE, read_if_there, write_private};
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::db::embedded::{self, Embedded, EmbeddedError, Options, Restoring, SUPERUSER, Source};

/// How often what lies beside the database is looked at while the server is followed, and how long until the server is tried again.
const PACE: Duration = Duration::from_secs(1);

/// Without them nobody is recognised any more and sealed details stay sealed. The earlier ones first: a rotation that is caught half-way
/// leaves the present key in both.
const KEYS: [&str; 2] = [ALSO_FILE, KEY_FILE];

#[derive(Debug, Args)]
pub(super) struct BackupCommand {
    /// The directory of this one backup, on another disk or machine. Made if it is not there.
    directory: PathBuf,
    /// Go on after the copy: receive all that is written, until stopped. If the directory holds a backup of this server, it is followed from
    /// where that ended.
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
    // Serving or not: an upgrade begins with a backup of what the version before has left, and so nothing is migrated here.
    let mut own = None;
    let source = match Source::running(&options) {
        Err(EmbeddedError::NoServer { .. }) if !command.follow => {
            own = Some(Embedded::start(&options)?);
            Source::running(&options)?
        }
        source => source?,
    };
    let beside = Beside::of(config, &options.data_dir.canonicalize()?)?;
    let into = prepare(&command.directory, &beside.data_dir)?;
    // Nobody else writes here, for as long as this process lives.
    let lock = File::open(&into).map_err(|error| cannot("read", &into, &error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(format!("another backup writes to {}", into.display()).into()),
        Err(TryLockError::Error(error)) => return Err(cannot("lock", &into, &error)),
    }
    if embedded::is_whole(&into) && !command.follow {
        return Err(EmbeddedError::BackupThere { path: into }.into());
    }
    source.check_target(&into)?;
    beside.copy(&into)?;
    if command.follow {
        return follow(&options, source, beside, &into);
    }
    source.copy_base(&into)?;
    // What was rotated or anchored meanwhile.
    beside.copy(&into)?;
    drop(own);
    println!("Backed up to {}. {}", into.display(), beside.about_the_key());
    Ok(())
}

/// Follows the server over its restarts, for good; returns with what makes that impossible.
fn follow(options: &Options, mut source: Source, beside: Beside, into: &Path) -> Result<(), Failure> {
    if embedded::is_whole(into) {
        println!("Following into {}, from where it ended. {}", into.display(), beside.about_the_key());
    } else {
        source.copy_base(into)?;
        println!("Backed up to {}, and following. {}", into.display(), beside.about_the_key());
    }
    let copied = into.to_path_buf();
    // Ends with the process, as what it does may at any moment.
    std::thread::spawn(move || {
        loop {
            if let Err(failure) = beside.copy(&copied) {
                log::warn!("what lies beside the database was not copied: {failure}");
            }
            std::thread::sleep(PACE);
        }
    });
    loop {
        source.follow(into)?;
        log::warn!("the server is away: what it writes is received when it is back");
        source = loop {
            std::thread::sleep(PACE);
            match Source::running(options) {
                Err(EmbeddedError::NoServer { .. }) => {}
                back => break back?,
            }
        };
        source.check_target(into)?;
        log::info!("following again");
    }
}

pub(super) fn restore(config: &Config, command: &RestoreCommand) -> Result<(), Failure> {
    let options = options(config)?;
    let from = command.directory.canonicalize().map_err(|error| cannot("read", &command.directory, &error))?;
    let backed_up = |name: &str| read_if_there(&from.join(name));
    if backed_up(KEY_FILE)?.is_none() && config.master_key.is_none() && embedded::is_whole(&from) {
        return Err(
            "the backup holds no master key, since its server had it in its settings: set HANDOFF_MASTER_KEY to that key".into(),
        );
    }
    for name in KEYS {
        let (path, backed_up) = (options.data_dir.join(name), backed_up(name)?);
        if read_if_there(&path)?.is_some_and(|there| Some(there) != backed_up) {
            return Err(format!("{} is another one than in the backup: move it away, and keep it", path.display()).into());
        }
    }
    let restoring = Restoring::recover(&options, &from, command.until)?;
    let mut conn = db::connect(&restoring.url(SUPERUSER, "postgres"))?;
    let last = db::after_recovery(&mut conn)?;
    drop(conn);
    let data_dir = restoring.data_dir().to_path_buf();
    let files = files(config, &data_dir);
    let keys = KEYS.map(|name| (name, data_dir.join(name)));
    for (name, path) in keys.iter().chain(&files) {
        // What is there already is newer than the backup: erasures since, and anchors.
        if let Some(text) = backed_up(name)?.filter(|_| !path.exists()) {
            write_private(path, &text)?;
        }
    }
    restoring.finish()?;
    let up_to =
        last.map_or_else(|| "the end of the base backup".to_owned(), |last| last.to_rfc3339_opts(SecondsFormat::Millis, true));
    println!("Restored to {}, up to {up_to}.", data_dir.display());
    println!(
        "Next: `handoff audit verify`, then serve. Whoever was erased since is erased again within a minute, by {}.",
        files[1].1.display()
    );
    println!("Back it up to a new directory: it goes its own way from here.");
    Ok(())
}

/// What grows beside the database and is not in it: by its name in a backup, and where it is.
fn files(config: &Config, data_dir: &Path) -> [(&'static str, PathBuf); 2] {
    let place = |setting: &Option<PathBuf>, name| setting.clone().unwrap_or_else(|| data_dir.join(name));
    [(ANCHORS_FILE, place(&config.audit_anchors, ANCHORS_FILE)), (ERASURES_FILE, place(&config.erasures, ERASURES_FILE))]
}

/// What lies beside the database, and belongs to its backup.
struct Beside {
    data_dir: PathBuf,
    files: [(&'static str, PathBuf); 2],
    key_in_settings: bool,
}

impl Beside {
    fn of(config: &Config, data_dir: &Path) -> Result<Self, Failure> {
        let key_in_settings = config.master_key.is_some();
        if !key_in_settings && !data_dir.join(KEY_FILE).exists() {
            return Err(format!(
                "{} holds no master key, and no setting does: there is nothing that a backup could be read with",
                data_dir.display()
            )
            .into());
        }
        Ok(Self { data_dir: data_dir.to_path_buf(), files: files(config, data_dir), key_in_settings })
    }

    fn about_the_key(&self) -> &'static str {
        if self.key_in_settings {
            "The master key is NOT in it, since it comes from the settings: keep that too, elsewhere."
        } else {
            "It holds the master key: keep it where nobody else reads it."
        }
    }

    /// Copies what has changed. A key that was there before is kept aside: what was sealed earlier opens with it alone.
    fn copy(&self, into: &Path) -> Result<(), Failure> {
        for name in KEYS.iter().filter(|_| !self.key_in_settings) {
            let (Some(text), to) = (read_if_there(&self.data_dir.join(name))?, into.join(name)) else { continue };
            match read_if_there(&to)? {
                Some(same) if same == text => continue,
                Some(before) => {
                    let at = Clock::System.now().format("%Y%m%dT%H%M%S%3fZ");
                    write_private(&into.join(format!("{name}.until-{at}")), &before)?;
                }
                None => {}
            }
            write_private(&to, &text)?;
        }
        for (name, from) in &self.files {
            let to = into.join(name);
            // Both only ever grow.
            let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
            if size(from) != size(&to)
                && let Some(text) = read_if_there(from)?
            {
                write_private(&to, &text)?;
            }
        }
        Ok(())
    }
}

fn options(config: &Config) -> Result<Options, Failure> {
    if config.database_url.is_some() {
        return Err("DATABASE_URL names a server of your own: back it up with its own tools, as the README says under \"Backup and restore\"".into());
    }
    Backend::options(config)
}

/// The directory of a backup. As root others may pass through it, since PostgreSQL writes its part as another user.
fn prepare(directory: &Path, data_dir: &Path) -> Result<PathBuf, Failure> {
    if !directory.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o711).create(directory);
        // Whatever our umask is.
        let made = made.and_then(|()| fs::set_permissions(directory, Permissions::from_mode(0o711)));
        made.map_err(|error| cannot("make", directory, &error))?;
    }
    let path = directory.canonicalize().map_err(|error| cannot("read", directory, &error))?;
    let names = fs::read_dir(&path).map_err(|error| cannot("read", &path, &error))?.flatten().map(|entry| entry.file_name());
    let is_of_a_server = |name: &str| {
        matches!(name, "lock" | "PG_VERSION") || name.strip_prefix("pg").is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    if path.starts_with(data_dir) || names.into_iter().any(|name| name.to_str().is_some_and(is_of_a_server)) {
        return Err(format!("{} is, or is in, a data directory: name a directory for backups", path.display()).into());
    }
    Ok(path)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    format!("handoff could not {what} {}: {}", path.display(), error.kind()).into()
}
