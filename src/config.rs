//! The only reader of the environment: every setting, typed, with its default. Secrets are wrapped; each may also come
//! from a file named by the same variable with `_FILE`.

mod limits;
mod outbound;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::provider::{self, Issuer};

pub use limits::LimitsConfig;
pub use outbound::OutboundConfig;

/// The settings of a process.
#[derive(Debug)]
pub struct Config {
    /// `HANDOFF_LISTEN`: where to serve; default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `HANDOFF_ADMIN_LISTEN`: a loopback address for metrics and readiness in detail, without credentials; default off.
    pub admin_listen: Option<SocketAddr>,
    /// `HANDOFF_DATA_DIR`: where the embedded server keeps its data; `None`: the platform's place.
    pub data_dir: Option<PathBuf>,
    /// `HANDOFF_AUDIT_ANCHORS`: the file that anchors of the audit chains are added to; `None`: `audit-anchors.ndjson` beside the data of the
    /// embedded server, and with `DATABASE_URL` nowhere.
    pub audit_anchors: Option<PathBuf>,
    /// `HANDOFF_ERASURES`: the file that erasures are kept in outside the database, so that they are done again after a restore; `None`:
    /// `erasures.ndjson` beside the data of the embedded server, and with `DATABASE_URL` nowhere.
    pub erasures: Option<PathBuf>,
    /// `DATABASE_URL`: a PostgreSQL of one's own, as the app role; `None`: the embedded server.
    pub database_url: Option<SecretString>,
    /// `HANDOFF_MIGRATE_DATABASE_URL`: the owner's URL, read by `handoff migrate` and `handoff demo --remove` only.
    pub migrate_database_url: Option<SecretString>,
    /// `HANDOFF_DATABASE_REPLICA_URL`: the app role's way to a streaming standby, for reports; default: none.
    pub replica_url: Option<SecretString>,
    /// `HANDOFF_DATABASE_REPLICA_MAX_LAG_SECONDS`: further behind, the standby is not used; default 30.
    pub replica_max_lag: Duration,
    /// `HANDOFF_MASTER_KEY`: 64 hexadecimal digits; generated beside the data in embedded mode.
    pub master_key: Option<SecretString>,
    /// `HANDOFF_MASTER_KEY_ALSO`: up to four other master keys, separated by white space: what they made is accepted too.
    pub master_key_also: Option<SecretString>,
    /// `HANDOFF_JWT_ISSUERS`: the identity providers that staff sign in at, as JSON; default none.
    pub jwt_issuers: Vec<Issuer>,
    /// What leaves the server: e-mail, and posts to configured addresses.
    pub outbound: OutboundConfig,
    /// How many requests are taken.
    pub limits: LimitsConfig,
    /// `HANDOFF_POOL_SIZE`: database connections; default 16.
    pub pool_size: u32,
    /// `HANDOFF_MAX_WAITING`: requests that may wait for a connection; default 8 per connection.
    pub max_waiting: usize,
    /// `HANDOFF_DEADLINE_MS`: how long a request may take; default 10000.
    pub deadline: Duration,
    /// `HANDOFF_PG_STATEMENT_CACHE`: `off` behind PgBouncer in transaction mode; default `on`.
    pub statement_cache: bool,
    /// `HANDOFF_LOG_FORMAT`: `text` (default) or `json`.
    pub log_format: LogFormat,
    /// `RUST_LOG`: what is logged; default `info`.
    pub log_filter: String,
    /// `HANDOFF_PG_BIN`: the directory of the PostgreSQL binaries of the embedded server.
    pub pg_bin: Option<PathBuf>,
    /// `HANDOFF_EMBEDDED`: `off`: refuse to start without `DATABASE_URL`, as in a container; default `on`.
    pub embedded: bool,
    /// `HANDOFF_OFFLINE`: `1`: never fetch PostgreSQL binaries.
    pub offline: bool,
    /// `PATH`: where PostgreSQL binaries and package clients are looked for.
    pub path: Option<OsString>,
    /// `XDG_DATA_HOME`: the platform's place for data.
    pub xdg_data_home: Option<OsString>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A setting that cannot be used; it names the variable and never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

const KNOWN: &[&str] = &[
    "HANDOFF_LISTEN",
    "HANDOFF_ADMIN_LISTEN",
    "HANDOFF_DATA_DIR",
    "HANDOFF_AUDIT_ANCHORS",
    "HANDOFF_ERASURES",
    "HANDOFF_MIGRATE_DATABASE_URL",
    "HANDOFF_MASTER_KEY",
    "HANDOFF_MASTER_KEY_ALSO",
    "HANDOFF_JWT_ISSUERS",
    "HANDOFF_POOL_SIZE",
    "HANDOFF_MAX_WAITING",
    "HANDOFF_DEADLINE_MS",
    "HANDOFF_PG_STATEMENT_CACHE",
    "HANDOFF_DATABASE_REPLICA_URL",
    "HANDOFF_DATABASE_REPLICA_MAX_LAG_SECONDS",
    "HANDOFF_LOG_FORMAT",
    "HANDOFF_PG_BIN",
    "HANDOFF_EMBEDDED",
    "HANDOFF_OFFLINE",
    "HANDOFF_SMTP_URL",
    "HANDOFF_SMTP_PASSWORD",
    "HANDOFF_SMTP_FROM",
    "HANDOFF_PUBLIC_URL",
    "HANDOFF_OUTBOUND_ALLOW",
    "HANDOFF_WEBHOOK_RETRIES",
    "HANDOFF_IMPORT_MAX_MIB",
    // Of `handoff import`, a caller like any other.
    "HANDOFF_API_KEY",
    "HANDOFF_SERVER",
    "HANDOFF_RATE_LIMIT_KEY",
    "HANDOFF_RATE_LIMIT_SITE",
    "HANDOFF_RATE_LIMIT_ADDRESS",
    "HANDOFF_TRUSTED_PROXIES",
    "HANDOFF_CORS_ORIGINS",
];
/// Settings that may come from a file: secrets, and what is long.
const SECRETS: &[&str] = &[
    "DATABASE_URL",
    "HANDOFF_MIGRATE_DATABASE_URL",
    "HANDOFF_DATABASE_REPLICA_URL",
    "HANDOFF_MASTER_KEY",
    "HANDOFF_MASTER_KEY_ALSO",
    "HANDOFF_JWT_ISSUERS",
    "HANDOFF_SMTP_URL",
    "HANDOFF_SMTP_PASSWORD",
];

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first setting that cannot be used, or one with our prefix that does not exist: a mistyped name would silently mean
    /// its default.
    #[allow(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var_os(name), std::env::vars_os().map(|(name, _)| name))
    }

    fn read(get: &dyn Fn(&str) -> Option<OsString>, names: impl Iterator<Item = OsString>) -> Result<Self, ConfigError> {
        for name in names.filter_map(|name| name.into_string().ok()) {
            let plain = name.strip_suffix("_FILE").filter(|plain| SECRETS.contains(plain)).unwrap_or(&name);
            if plain.starts_with("HANDOFF_") && !KNOWN.contains(&plain) {
                return Err(ConfigError(format!("there is no setting {name}: see the configuration table of the README")));
            }
        }
        let pool_size = number(get, "HANDOFF_POOL_SIZE", 16, 1..=200)?;
        Ok(Self {
            listen: text(get, "HANDOFF_LISTEN")?.unwrap_or_else(|| "127.0.0.1:8080".into()).parse().map_err(|_| {
                ConfigError("HANDOFF_LISTEN is not an address with a port, such as 127.0.0.1:8080 or [::]:8080".into())
            })?,
            admin_listen: loopback(get, "HANDOFF_ADMIN_LISTEN")?,
            data_dir: get("HANDOFF_DATA_DIR").filter(|path| !path.is_empty()).map(PathBuf::from),
            audit_anchors: get("HANDOFF_AUDIT_ANCHORS").filter(|path| !path.is_empty()).map(PathBuf::from),
            erasures: get("HANDOFF_ERASURES").filter(|path| !path.is_empty()).map(PathBuf::from),
            database_url: secret(get, "DATABASE_URL")?,
            migrate_database_url: secret(get, "HANDOFF_MIGRATE_DATABASE_URL")?,
            replica_url: secret(get, "HANDOFF_DATABASE_REPLICA_URL")?,
            replica_max_lag: Duration::from_secs(number(get, "HANDOFF_DATABASE_REPLICA_MAX_LAG_SECONDS", 30, 1..=86_400)?),
            master_key: secret(get, "HANDOFF_MASTER_KEY")?,
            master_key_also: secret(get, "HANDOFF_MASTER_KEY_ALSO")?,
            jwt_issuers: match secret(get, "HANDOFF_JWT_ISSUERS")? {
                Some(text) => {
                    provider::parse(text.expose_secret()).map_err(|wrong| ConfigError(format!("HANDOFF_JWT_ISSUERS {wrong}")))?
                }
                None => Vec::new(),
            },
            outbound: outbound::read(get)?,
            limits: limits::read(get)?,
            pool_size: u32::try_from(pool_size).unwrap_or(16),
            max_waiting: usize::try_from(number(get, "HANDOFF_MAX_WAITING", pool_size * 8, 0..=100_000)?).unwrap_or(128),
            deadline: Duration::from_millis(number(get, "HANDOFF_DEADLINE_MS", 10_000, 100..=600_000)?),
            statement_cache: choice(get, "HANDOFF_PG_STATEMENT_CACHE", &[("on", true), ("off", false)], true)?,
            log_format: choice(
                get,
                "HANDOFF_LOG_FORMAT",
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                LogFormat::Text,
            )?,
            log_filter: text(get, "RUST_LOG")?.unwrap_or_else(|| "info".into()),
            pg_bin: get("HANDOFF_PG_BIN").filter(|path| !path.is_empty()).map(PathBuf::from),
            embedded: choice(get, "HANDOFF_EMBEDDED", &[("on", true), ("off", false)], true)?,
            offline: choice(get, "HANDOFF_OFFLINE", &[("1", true), ("0", false)], false)?,
            path: get("PATH"),
            xdg_data_home: get("XDG_DATA_HOME"),
        })
    }
}

fn text(get: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<String>, ConfigError> {
    let value = get(name).filter(|value| !value.is_empty());
    value.map(|value| value.into_string().map_err(|_| ConfigError(format!("{name} is not UTF-8")))).transpose()
}

fn secret(get: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<SecretString>, ConfigError> {
    let file = format!("{name}_FILE");
    match (text(get, name)?, get(&file).filter(|path| !path.is_empty())) {
        (Some(_), Some(_)) => Err(ConfigError(format!("{name} and {file} are both set: keep one of them"))),
        (Some(value), None) => Ok(Some(value.into())),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(value) => Ok(Some(value.trim_end_matches(['\r', '\n']).to_owned().into())),
            Err(error) => Err(ConfigError(format!("the file that {file} names cannot be read: {}", error.kind()))),
        },
        (None, None) => Ok(None),
    }
}

fn loopback(get: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<SocketAddr>, ConfigError> {
    let Some(value) = text(get, name)? else { return Ok(None) };
    let address: Option<SocketAddr> = value.parse().ok();
    // It asks for no credentials: whoever reaches it reads it.
    address
        .filter(|address| address.ip().is_loopback())
        .map(Some)
        .ok_or_else(|| ConfigError(format!("{name} is not a loopback address with a port, such as 127.0.0.1:9464 or [::1]:9464")))
}

fn number(
    get: &dyn Fn(&str) -> Option<OsString>,
    name: &str,
    default: u64,
    bounds: std::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let Some(value) = text(get, name)? else { return Ok(default) };
    value
        .parse()
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| ConfigError(format!("{name} is not a whole number from {} to {}", bounds.start(), bounds.end())))
}

fn choice<T: Copy>(
    get: &dyn Fn(&str) -> Option<OsString>,
    name: &str,
    choices: &[(&str, T)],
    default: T,
) -> Result<T, ConfigError> {
    let Some(value) = text(get, name)? else { return Ok(default) };
    choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        ConfigError(format!("{name} is one of: {}", words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Config::read(&find, pairs.iter().map(|(name, _)| OsString::from(name)))
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!((config.pool_size, config.max_waiting), (16, 128));
        assert!(config.database_url.is_none() && config.statement_cache && config.admin_listen.is_none());
        let admin = |value| read(&[("HANDOFF_ADMIN_LISTEN", value)]).unwrap().admin_listen;
        assert!(admin("127.0.0.1:9464").is_some() && admin("[::1]:9464").is_some());
    }

    #[test]
    fn a_bad_setting_is_named_and_its_value_is_not() {
        for (name, value) in [
            ("HANDOFF_LISTEN", "canary"),
            ("HANDOFF_ADMIN_LISTEN", "canary"),
            ("HANDOFF_ADMIN_LISTEN", "0.0.0.0:9464"),
            ("HANDOFF_ADMIN_LISTEN", "203.0.113.9:9464"),
            ("HANDOFF_POOL_SIZE", "canary"),
            ("HANDOFF_LOG_FORMAT", "canary"),
            ("HANDOFF_DEADLINE_MS", "1"),
            ("HANDOFF_MASTER_KEY_FILE", "/nowhere/canary"),
            ("HANDOFF_LISTN", "canary"),
            ("HANDOFF_JWT_ISSUERS", "canary"),
            ("HANDOFF_JWT_ISSUERS", r#"[{"issuer": "canary", "audience": "a", "jwks_url": "canary", "site": "canary"}]"#),
            ("HANDOFF_JWT_ISSUERS_FILE", "/nowhere/canary"),
        ] {
            let sentence = read(&[(name, value)]).unwrap_err().to_string();
            assert!(sentence.contains(name) && !sentence.contains("canary"), "{sentence}");
        }
        assert!(read(&[("DATABASE_URL", "a"), ("DATABASE_URL_FILE", "b")]).is_err());
    }
}
