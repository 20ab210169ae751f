//! One cluster: the directory `pg<major>` that initdb makes, and the settings that its server runs with.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::{EmbeddedError, tells_of_full_disk};
use super::identity::Identity;
use super::locate::Install;
use super::{place, process, run};

const INITDB_LIMIT: Duration = Duration::from_secs(180);

/// The cluster's superuser. Owner and app roles are made by whoever migrates.
pub const SUPERUSER: &str = "postgres";

/// Who may connect: whoever reaches the socket. It is the only way in, and its directory has mode 0700, so that is root and
/// the server's own user; both could read the data files anyway, so a password would protect nothing. Replication is for base backups.
const HBA: &str = "\
# Written by handoff. There is no TCP listener, and the socket's directory is private to the server's user.
local all         all trust
local replication all trust
";

/// Sizes for a small machine. Not fixed on the command line, so that an operator may change them in postgresql.conf.
const SIZES: &str = "
# Written by handoff when the cluster was made; change these freely.
shared_buffers = 128MB
max_connections = 100
max_wal_size = 1GB
wal_compression = on
";

/// Settings that are promises: no TCP, one time zone, backups that go on, and a log that no record's value can get into. `log_min_messages=log`
/// keeps errors out altogether (they reach the client, and their text may quote a value), `terse` drops the details of the
/// rest, and the others never write a statement or its parameters.
const FIXED: [(&str, &str); 28] = [
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("cluster_name", "handoff"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_line_prefix", "%m [%p] "),
    ("log_min_messages", "log"),
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_min_duration_statement", "-1"),
    ("log_min_duration_sample", "-1"),
    ("log_autovacuum_min_duration", "-1"),
    ("log_checkpoints", "off"),
    ("log_connections", "off"),
    ("log_disconnections", "off"),
    ("log_duration", "off"),
    ("log_lock_waits", "off"),
    ("log_temp_files", "-1"),
    ("debug_pretty_print", "off"),
    ("restart_after_crash", "on"),
    // What a backup that follows the server may miss and still go on: a restart of its own, or of the machine's network.
    ("wal_keep_size", "256MB"),
];

const DURABLE: [(&str, &str); 3] = [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];

/// Test servers lose everything at a power cut and take more connections.
const FORGETFUL: [(&str, &str); 4] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_connections", "200")];

/// The newest cluster in the data directory and its major version, if any is there.
///
/// # Errors
/// [`EmbeddedError::File`] when the data directory cannot be read.
pub fn existing(data_dir: &Path) -> Result<Option<(PathBuf, u32)>, EmbeddedError> {
    let entries = fs::read_dir(data_dir).map_err(EmbeddedError::file("read", data_dir))?;
    let major_of = |name: OsString| name.to_str()?.strip_prefix("pg")?.parse::<u32>().ok();
    let clusters = entries.flatten().filter_map(|entry| Some((entry.path(), major_of(entry.file_name())?)));
    Ok(clusters.max_by_key(|(_, major)| *major))
}

/// Where the cluster of a major version is.
pub fn directory(data_dir: &Path, major: u32) -> PathBuf {
    data_dir.join(format!("pg{major}"))
}

/// Makes a cluster with initdb under another name and renames it when it is whole, so that a kill half-way leaves nothing
/// that looks like a cluster.
///
/// # Errors
/// [`EmbeddedError::InitFailed`] with initdb's own reason, or a file error; a full disk is told as such.
pub fn create(data_dir: &Path, install: &Install, identity: &Identity, durable: bool) -> Result<(), EmbeddedError> {
    let cluster = directory(data_dir, install.major);
    let unfinished = data_dir.join(run::unfinished_name());
    DirBuilder::new().mode(0o700).create(&unfinished).map_err(EmbeddedError::file("make", &unfinished))?;
    identity.own(&unfinished)?;
    let made = init(&unfinished, &cluster, data_dir, install, identity, durable)
        .and_then(|()| fs::rename(&unfinished, &cluster).map_err(EmbeddedError::file("make", &cluster)));
    if made.is_err() {
        // Only tidies up: the next start removes what stays here.
        let _ = fs::remove_dir_all(&unfinished);
        return made;
    }
    File::open(data_dir).and_then(|directory| directory.sync_all()).map_err(EmbeddedError::file("write to", data_dir))
}

fn init(
    unfinished: &Path,
    cluster: &Path,
    data_dir: &Path,
    install: &Install,
    identity: &Identity,
    durable: bool,
) -> Result<(), EmbeddedError> {
    log::info!("Making a new PostgreSQL {} cluster in {}", install.major, cluster.display());
    let mut command = Command::new(install.bin_dir.join("initdb"));
    command.arg("--pgdata").arg(unfinished);
    command.args(["--username", SUPERUSER, "--encoding=UTF8", "--locale=C", "--data-checksums"]);
    command.args(["--auth=trust", "--no-instructions"]);
    if !durable {
        command.arg("--no-sync");
    }
    quiet_surroundings(&mut command, identity);
    match run::to_end(command, INITDB_LIMIT, data_dir) {
        Ok(Ok(_)) => {}
        Ok(Err(said)) if tells_of_full_disk(&said) => {
            return Err(EmbeddedError::file("make", cluster)(io::ErrorKind::StorageFull.into()));
        }
        Ok(Err(said)) => {
            let reason = place::reason_in(&said);
            return Err(EmbeddedError::InitFailed { cluster: cluster.to_path_buf(), reason });
        }
        Err(source) => {
            return Err(EmbeddedError::File { action: "make", path: cluster.to_path_buf(), source });
        }
    }
    write(&unfinished.join("pg_hba.conf"), HBA, true, durable)?;
    write(&unfinished.join("postgresql.conf"), SIZES, false, durable)
}

/// Writes to a file that initdb made, so its owner stays the server's user.
fn write(path: &Path, text: &str, replace: bool, durable: bool) -> Result<(), EmbeddedError> {
    let mut options = OpenOptions::new();
    options.mode(0o600).truncate(replace).append(!replace).write(replace);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            if durable { file.sync_all() } else { Ok(()) }
        })
        .map_err(EmbeddedError::file("write to", path))
}

/// The command that runs the server.
pub fn server_command(install: &Install, cluster: &Path, socket_dir: &Path, identity: &Identity, durable: bool) -> Command {
    let mut command = Command::new(install.bin_dir.join("postgres"));
    command.arg("-D").arg(cluster);
    let lasting: &[(&str, &str)] = if durable { &DURABLE } else { &FORGETFUL };
    for (name, value) in FIXED.iter().chain(lasting) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.arg("-c").arg(socket_setting(socket_dir));
    quiet_surroundings(&mut command, identity);
    // SIGINT, because SIGTERM would wait for every client to leave, and SIGQUIT would leave recovery to the next start.
    process::isolate(&mut command, process::Signal::Fast);
    command
}

/// The value is a list: quoted (and quotes doubled), a path may hold commas and blanks.
fn socket_setting(socket_dir: &Path) -> OsString {
    let mut setting = b"unix_socket_directories=\"".to_vec();
    for byte in socket_dir.as_os_str().as_bytes() {
        setting.push(*byte);
        if *byte == b'"' {
            setting.push(*byte);
        }
    }
    setting.push(b'"');
    OsString::from_vec(setting)
}

/// Nothing of our environment, which holds keys and which other processes of the server's user could read there, and no PG*
/// variables of whoever started us.
pub fn quiet_surroundings(command: &mut Command, identity: &Identity) {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    identity.apply(command);
}
