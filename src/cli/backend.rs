//! The database as the command line finds it: one's own, the embedded one, or the embedded one of a serving process.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::Failure;
use crate::config::Config;
use crate::db::embedded::{self, Embedded, Options, SUPERUSER};
use crate::db::{self, APP_ROLE, Conn, OWNER_ROLE};
use crate::privacy::keys::MasterKey;

const DATABASE: &str = "handoff";
/// The master key of the embedded mode, beside the data.
pub(super) const KEY_FILE: &str = "master.key";
/// Those that are accepted beside it, one a line: the latest first.
pub(super) const ALSO_FILE: &str = "master.key.also";
/// Anchors of the audit chains in the embedded mode, beside the data.
pub(super) const ANCHORS_FILE: &str = "audit-anchors.ndjson";
/// Where erasures go, beside the data of the embedded server.
pub(super) const ERASURES_FILE: &str = "erasures.ndjson";
/// More keys than this are a mistake: each of them is tried wherever something made earlier is checked.
const MOST_ALSO: usize = 4;

/// Where the data is and how to get at it.
pub(super) struct Backend {
    app_url: String,
    owner_url: Option<String>,
    /// Where the embedded server keeps its data.
    pub data_dir: Option<PathBuf>,
    /// The root of every derived key.
    pub master: MasterKey,
    /// Held for as long as the server is needed; a serving process's own is not ours to stop.
    _server: Option<Embedded>,
}

impl Backend {
    /// Opens the database of the settings. In embedded mode this starts the server and migrates, unless a serving process
    /// runs it already: then that one is used.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        if let Some(url) = &config.database_url {
            let master = config.master_key.as_ref().ok_or(
                "with DATABASE_URL a master key of one's own is needed: set HANDOFF_MASTER_KEY or HANDOFF_MASTER_KEY_FILE to 64 hexadecimal digits (openssl rand -hex 32) and keep it with the backups",
            )?;
            return Ok(Self {
                app_url: url.expose_secret().to_owned(),
                owner_url: config.migrate_database_url.as_ref().map(|url| url.expose_secret().to_owned()),
                data_dir: None,
                master: accepting_settings(config, parse_master(master.expose_secret(), "HANDOFF_MASTER_KEY")?)?,
                _server: None,
            });
        }
        let data_dir = Self::data_dir(config)?;
        let running = |role| embedded::running_url(&data_dir, role, DATABASE);
        if let (Some(app_url), Some(owner_url)) = (running(APP_ROLE), running(OWNER_ROLE)) {
            let master = master_key(config, &data_dir)?;
            return Ok(Self { app_url, owner_url: Some(owner_url), data_dir: Some(data_dir), master, _server: None });
        }
        Self::start(config)
    }

    /// Opens the database for serving: as [`Backend::open`], but an embedded server must be this process's own.
    pub fn open_to_serve(config: &Config) -> Result<Self, Failure> {
        if config.database_url.is_some() { Self::open(config) } else { Self::start(config) }
    }

    /// Where the embedded server keeps its data.
    pub fn data_dir(config: &Config) -> Result<PathBuf, Failure> {
        if !config.embedded {
            return Err("DATABASE_URL is not set, and HANDOFF_EMBEDDED=off rules out an embedded server: set DATABASE_URL and HANDOFF_MASTER_KEY".into());
        }
        match &config.data_dir {
            Some(data_dir) => Ok(data_dir.clone()),
            None => Ok(embedded::default_data_dir(config.xdg_data_home.as_deref())?),
        }
    }

    /// How and where the embedded server runs.
    pub fn options(config: &Config) -> Result<Options, Failure> {
        Ok(Options {
            data_dir: Self::data_dir(config)?,
            durable: true,
            offline: config.offline,
            pg_bin: config.pg_bin.clone(),
            path: config.path.clone(),
            well_known: true,
        })
    }

    /// Starts the embedded server and brings its database up to date; refuses when another process runs it.
    fn start(config: &Config) -> Result<Self, Failure> {
        let server = Embedded::start(&Self::options(config)?)?;
        let data_dir = server.data_dir().to_path_buf();
        let mut superuser = db::connect(&server.url(SUPERUSER, "postgres"))?;
        db::ensure_roles_and_database(&mut superuser, DATABASE)?;
        let owner_url = server.url(OWNER_ROLE, DATABASE);
        let migrated = db::migrate(&mut db::connect(&owner_url)?)?;
        if migrated > 0 {
            log::info!("{migrated} migration(s) run");
        }
        let master = master_key(config, &data_dir)?;
        Ok(Self {
            app_url: server.url(APP_ROLE, DATABASE),
            owner_url: Some(owner_url),
            data_dir: Some(data_dir),
            master,
            _server: Some(server),
        })
    }

    /// The file of anchors of the audit chains; `None`: the operator named none, and there is no data directory.
    pub fn anchors_path(&self, config: &Config) -> Option<PathBuf> {
        config.audit_anchors.clone().or_else(|| self.data_dir.as_ref().map(|data_dir| data_dir.join(ANCHORS_FILE)))
    }

    /// The file of erasures; `None`: the operator named none, and there is no data directory.
    pub fn erasures_path(&self, config: &Config) -> Option<PathBuf> {
        config.erasures.clone().or_else(|| self.data_dir.as_ref().map(|data_dir| data_dir.join(ERASURES_FILE)))
    }

    /// The URL that serving uses.
    pub fn app_url(&self) -> &str {
        &self.app_url
    }

    /// A connection as the app role, after the catalogue lint.
    pub fn connect(&self) -> Result<Conn, Failure> {
        let mut conn = db::connect(&self.app_url)?;
        let findings = db::inspect(&mut conn)?;
        if findings.is_empty() {
            return Ok(conn);
        }
        let sentences: Vec<String> = findings.into_iter().map(|finding| finding.sentence).collect();
        Err(format!("refusing to use this database: {}", sentences.join("; ")).into())
    }

    /// A connection as the owner.
    pub fn connect_owner(&self) -> Result<Conn, Failure> {
        let url = self.owner_url.as_deref().ok_or("this needs the owner: set HANDOFF_MIGRATE_DATABASE_URL")?;
        Ok(db::connect(url)?)
    }
}

fn parse_master(text: &str, place: &str) -> Result<MasterKey, Failure> {
    MasterKey::from_hex(text).ok_or_else(|| format!("{place} does not hold 64 hexadecimal digits").into())
}

/// The keys of a text: 64 hexadecimal digits each, separated by white space.
pub(super) fn read_keys(text: &str, place: &str) -> Result<Vec<MasterKey>, Failure> {
    let keys: Option<Vec<MasterKey>> = text.split_whitespace().map(MasterKey::from_hex).collect();
    let keys = keys.filter(|keys| !keys.is_empty());
    let keys = keys.ok_or_else(|| format!("{place} does not hold keys of 64 hexadecimal digits, separated by white space"))?;
    if keys.len() > MOST_ALSO {
        return Err(format!("{place} holds more than {MOST_ALSO} keys: remove the oldest, the last one").into());
    }
    Ok(keys)
}

/// The key with those that the settings accept beside it.
fn accepting_settings(config: &Config, master: MasterKey) -> Result<MasterKey, Failure> {
    let Some(also) = &config.master_key_also else { return Ok(master) };
    let also = read_keys(also.expose_secret(), "HANDOFF_MASTER_KEY_ALSO")?;
    if also.iter().any(|other| master.is_or_accepts(other)) {
        return Err("HANDOFF_MASTER_KEY_ALSO holds the key of HANDOFF_MASTER_KEY: it is for another one".into());
    }
    Ok(master.accepting(also))
}

/// The master key of the embedded mode: the setting, or the file beside the data, made on the first start; with those that are
/// accepted beside it.
fn master_key(config: &Config, data_dir: &Path) -> Result<MasterKey, Failure> {
    if let Some(key) = &config.master_key {
        return accepting_settings(config, parse_master(key.expose_secret(), "HANDOFF_MASTER_KEY")?);
    }
    if config.master_key_also.is_some() {
        return Err(
            "HANDOFF_MASTER_KEY_ALSO goes with HANDOFF_MASTER_KEY: without it the keys are in files beside the data".into()
        );
    }
    let path = data_dir.join(KEY_FILE);
    if let Some(text) = read_if_there(&path)? {
        let master = parse_master(&text, &path.display().to_string())?;
        let also = data_dir.join(ALSO_FILE);
        return match read_if_there(&also)? {
            // A rotation that stopped half-way left the present key here too; it is accepted once.
            Some(text) => Ok(master.accepting(read_keys(&text, &also.display().to_string())?)),
            None => Ok(master),
        };
    }
    write_private(&path, &format!("{}\n", MasterKey::generate_hex()?))?;
    parse_master(&fs::read_to_string(&path)?, &path.display().to_string())
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {}", path.display(), error.kind()).into()),
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let unfinished = path.with_extension("unfinished");
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|error| format!("{} cannot be written: {}", path.display(), error.kind()).into())
}
