//! A backup put back into an empty data directory, and a server that recovers on it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::backup::{BASE, PARTIAL, WAL, copy_file, entries, finished, make_private, private_file, sync_directory, tool};
use super::error::EmbeddedError;
use super::identity::Identity;
use super::locate::Install;
use super::place::ServerLog;
use super::{Embedded, Options, cluster, find_or_fetch, place, process, run};

/// A server on a cluster that came back from a backup. It recovers, and may be asked already.
#[derive(Debug)]
pub struct Restored {
    /// The server.
    pub server: Embedded,
    cluster: PathBuf,
    log: ServerLog,
    log_from: u64,
}

impl Restored {
    /// Puts the backup at `from` into the data directory of `options`, which must hold no cluster, and starts a server that recovers: up
    /// to the end of what was received, or to a moment. The backup is only read.
    ///
    /// # Errors
    /// One sentence for the operator; the data directory has no cluster then, as before.
    pub fn start(options: &Options, from: &Path, until: Option<DateTime<Utc>>) -> Result<Self, EmbeddedError> {
        let base = from.join(BASE);
        let major = fs::read_to_string(base.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
        let major: u32 = major.ok_or_else(|| EmbeddedError::NoBackup { path: from.to_path_buf() })?;
        let data_dir = place::prepare_data_dir(&options.data_dir)?;
        let lock = place::lock(&data_dir)?;
        place::remove_unfinished(&data_dir);
        if let Some((path, _)) = cluster::existing(&data_dir)? {
            return Err(EmbeddedError::ClusterThere { path });
        }
        let identity = Identity::choose(None)?;
        identity.check_reach(&data_dir)?;
        let install = find_or_fetch(options, &data_dir, Some(&(base.clone(), major)), &identity)?;
        let cluster = cluster::directory(&data_dir, major);
        let unfinished = data_dir.join(run::unfinished_name());
        let placed = put_back(from, &unfinished, &data_dir, &install, &identity, until)
            .and_then(|()| fs::rename(&unfinished, &cluster).map_err(EmbeddedError::file("make", &cluster)))
            .and_then(|()| sync_directory(&data_dir));
        if placed.is_err() {
            // Only tidies up: the next start removes what stays here.
            let _ = fs::remove_dir_all(&unfinished);
        }
        placed?;
        let log = ServerLog::new(&data_dir);
        let log_from = fs::metadata(log.path()).map_or(0, |metadata| metadata.len());
        drop(lock);
        match Embedded::start(options) {
            Ok(server) => Ok(Self { server, cluster, log, log_from }),
            Err(error) => {
                remove(&cluster);
                Err(error)
            }
        }
    }

    /// Stops the server, which did not recover, and takes its cluster away again; says why it did not.
    #[must_use]
    pub fn give_up(self) -> EmbeddedError {
        let reason = self.log.reason_since(self.log_from);
        drop(self.server);
        remove(&self.cluster);
        EmbeddedError::NotRecovered { reason }
    }
}

/// A copy of the base backup, checked against its manifest, with what was received since and the wish to recover.
fn put_back(
    from: &Path,
    unfinished: &Path,
    scratch: &Path,
    install: &Install,
    identity: &Identity,
    until: Option<DateTime<Utc>>,
) -> Result<(), EmbeddedError> {
    copy_tree(&from.join(BASE), unfinished, identity)?;
    let mut verify = tool(install, identity, "pg_verifybackup")?;
    verify.args(["--no-parse-wal", "--quiet"]).arg(unfinished);
    finished(verify, scratch, "restore", from)?;
    let (wal, placed) = (from.join(WAL), unfinished.join("pg_wal"));
    if wal.exists() {
        for (path, name) in entries(&wal)? {
            let name = name.strip_suffix(PARTIAL).and_then(|name| name.strip_suffix('.')).unwrap_or(&name);
            copy_file(&path, &placed.join(name), identity)?;
        }
    }
    if let Some(after) = gap(entries(&placed)?.into_iter().map(|(_, name)| name)) {
        return Err(EmbeddedError::MissingSegment { path: wal, after });
    }
    // What was received is there already, and nothing is to be asked for: the command only has to fail.
    let mut settings = "\nrestore_command = 'exit 1'\nrecovery_target_action = 'promote'\n".to_owned();
    if let Some(moment) = until {
        settings.push_str(&format!("recovery_target_time = '{}'\n", moment.to_rfc3339()));
    }
    let own_settings = unfinished.join("postgresql.auto.conf");
    let appended = OpenOptions::new().append(true).open(&own_settings).and_then(|mut file| file.write_all(settings.as_bytes()));
    appended.map_err(EmbeddedError::file("write to", &own_settings))?;
    let signal = unfinished.join("recovery.signal");
    private_file(&signal).map_err(EmbeddedError::file("make", &signal))?;
    identity.own(&signal)?;
    process::flush_disks();
    Ok(())
}

/// The segment after which one is missing: the server would take that for the end, and leave out what comes after it.
fn gap(names: impl Iterator<Item = String>) -> Option<String> {
    let mut segments: Vec<(u64, String)> = names.filter_map(|name| Some((place_of(&name)?, name))).collect();
    segments.sort();
    segments.windows(2).find_map(|pair| match pair {
        [(place, name), (next, _)] if next - place > 1 => Some(name.clone()),
        _ => None,
    })
}

/// Where a segment of 16 MB stands among the others, whatever timeline it is of; `None` for what is no segment.
fn place_of(name: &str) -> Option<u64> {
    let number = |from: usize, to: usize| u64::from_str_radix(name.get(from..to)?, 16).ok();
    number(0, 8)?;
    if name.len() == 24 { Some(number(8, 16)? * 256 + number(16, 24)?) } else { None }
}

fn copy_tree(from: &Path, to: &Path, identity: &Identity) -> Result<(), EmbeddedError> {
    make_private(to)?;
    identity.own(to)?;
    for (path, name) in entries(from)? {
        let target = to.join(name);
        if fs::symlink_metadata(&path).map_err(EmbeddedError::file("read", &path))?.is_dir() {
            copy_tree(&path, &target, identity)?;
        } else {
            copy_file(&path, &target, identity)?;
        }
    }
    Ok(())
}

fn remove(cluster: &Path) {
    if let Err(error) = fs::remove_dir_all(cluster) {
        log::warn!("{} is left over and could not be removed: {error}", cluster.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_segment_is_named_by_the_one_before_it() {
        let gap = |names: &[&str]| gap(names.iter().map(|name| (*name).to_owned()));
        let (last, first) = ("0000000100000000000000FF", "000000010000000100000000");
        assert_eq!(gap(&[first, last, "archive_status", "00000002.history"]), None, "the next one begins anew");
        assert_eq!(gap(&[last, "000000020000000100000000", first]), None, "a timeline begins within a segment");
        assert_eq!(gap(&[last, "000000010000000100000001"]).as_deref(), Some(last));
    }
}
