//! Finding PostgreSQL's binaries. Looks, and asks each for its version; changes nothing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{EmbeddedError, OLDEST_MAJOR};
use super::fetch;
use super::identity::Identity;

/// A directory with binaries that the server's user can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    pub bin_dir: PathBuf,
    pub major: u32,
}

/// Where packages put PostgreSQL: directory, beginning of the name within it, rest of the path.
const WELL_KNOWN: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/local", "pgsql", "bin"),
];

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    pub data_dir: &'a Path,
    pub pg_bin: Option<&'a Path>,
    pub path: Option<&'a OsStr>,
    pub well_known: bool,
}

/// Finds the binaries to use: those of `wanted`, the major version that made the data, or else the newest. `None` when
/// fetching could help.
///
/// # Errors
/// A `pg_bin` that cannot be used, or binaries found that are not of the wanted version while no release that we fetch is.
pub fn find(
    places: Places<'_>,
    wanted: Option<u32>,
    cluster: &Path,
    identity: &Identity,
) -> Result<Option<Install>, EmbeddedError> {
    if let Some(named) = places.pg_bin {
        return named_install(named, wanted, cluster, identity).map(Some);
    }
    let found = all_found(places, identity);
    let usable = found.iter().filter(|install| install.major >= OLDEST_MAJOR);
    let chosen = match wanted {
        Some(major) => usable.clone().find(|install| install.major == major),
        // max_by_key returns the last of equals and the places are in order of preference.
        None => usable.clone().rev().max_by_key(|install| install.major),
    };
    if let Some(install) = chosen {
        return Ok(Some(install.clone()));
    }
    if let Some(major) = wanted.filter(|major| !fetch::offers(*major)) {
        let mut majors: Vec<u32> = usable.map(|install| install.major).collect();
        majors.sort_unstable();
        majors.dedup();
        return Err(EmbeddedError::MissingMajor { cluster: cluster.to_path_buf(), major, found: majors });
    }
    if let Some(install) = found.iter().find(|install| install.major < OLDEST_MAJOR) {
        log::info!("PostgreSQL {} in {} is too old to use", install.major, install.bin_dir.display());
    }
    Ok(None)
}

/// The too old binaries that were passed over, for the sentence when there is nothing else.
pub fn too_old(places: Places<'_>, identity: &Identity) -> Option<Install> {
    all_found(places, identity).into_iter().find(|install| install.major < OLDEST_MAJOR)
}

fn named_install(named: &Path, wanted: Option<u32>, cluster: &Path, identity: &Identity) -> Result<Install, EmbeddedError> {
    let bad = |reason: String| EmbeddedError::BadBinaries { path: named.to_path_buf(), reason };
    let bin_dir = complete(named).ok_or_else(|| bad("postgres and initdb are not both in it".to_owned()))?;
    let major = ask_version(&bin_dir, identity).map_err(bad)?;
    if major < OLDEST_MAJOR {
        return Err(EmbeddedError::TooOld { path: bin_dir, major });
    }
    match wanted {
        Some(wanted) if wanted != major => {
            Err(EmbeddedError::MissingMajor { cluster: cluster.to_path_buf(), major: wanted, found: vec![major] })
        }
        _ => Ok(Install { bin_dir, major }),
    }
}

fn all_found(places: Places<'_>, identity: &Identity) -> Vec<Install> {
    let mut directories: Vec<PathBuf> = Vec::new();
    let mut add = |directory: PathBuf| {
        if let Some(bin_dir) = complete(&directory)
            && !directories.contains(&bin_dir)
        {
            directories.push(bin_dir);
        }
    };
    fetch::bin_dirs(places.data_dir).into_iter().for_each(&mut add);
    for directory in places.path.iter().flat_map(std::env::split_paths) {
        add(directory);
    }
    if places.well_known {
        for (base, beginning, rest) in WELL_KNOWN {
            expand(Path::new(base), beginning, rest).into_iter().for_each(&mut add);
        }
    }
    let ask = |bin_dir: PathBuf| match ask_version(&bin_dir, identity) {
        Ok(major) => Some(Install { bin_dir, major }),
        Err(reason) => {
            log::info!("PostgreSQL in {} is passed over: {reason}", bin_dir.display());
            None
        }
    };
    directories.into_iter().filter_map(ask).collect()
}

/// The directory that holds both programs, once links are resolved: `/usr/local/bin/postgres` may be a link to where its
/// libraries and `initdb` really are. Absolute, because a relative PATH entry means another place to another program.
fn complete(directory: &Path) -> Option<PathBuf> {
    if !directory.is_absolute() {
        return None;
    }
    let real = directory.join("postgres").canonicalize().ok()?;
    let bin_dir = real.parent()?;
    let whole = |name: &str| bin_dir.join(name).is_file();
    (whole("postgres") && whole("initdb")).then(|| bin_dir.to_path_buf())
}

fn expand(base: &Path, beginning: &str, rest: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else {
        return Vec::new();
    };
    let matching = |name: &OsStr| name.as_encoded_bytes().starts_with(beginning.as_bytes());
    let mut found: Vec<PathBuf> =
        entries.flatten().filter(|entry| matching(&entry.file_name())).map(|entry| entry.path().join(rest)).collect();
    found.sort();
    found
}

/// Runs `postgres --version` as the server's user: tells the version, and that the user can execute it and load its libraries.
fn ask_version(bin_dir: &Path, identity: &Identity) -> Result<u32, String> {
    let mut command = Command::new(bin_dir.join("postgres"));
    command.arg("--version").env_clear().current_dir("/");
    identity.apply(&mut command);
    let output = command.output().map_err(|error| format!("the server's user cannot run it: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("it does not run: {}", said.lines().last().unwrap_or("no reason given")));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    parse_major(&said).ok_or_else(|| "it does not tell its version".to_owned())
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0)`, also `18beta1`.
fn parse_major(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL)")?.1.trim_start();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn versions_are_read_as_packages_write_them() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("postgres 15"), None);
    }
}
