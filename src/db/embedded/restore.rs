//! A backup put back into an empty data directory, and a server that recovers on it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::backup::{
    BASE, PARTIAL, SEGMENT_BYTES, WAL, copy_file, entries, finished, make_private, mark, place_of, private_file, sync_directory,
    tool,
};
use super::error::EmbeddedError;
use super::identity::Identity;
use super::locate::Install;
use super::place::ServerLog;
use super::supervisor::{Plan, Supervisor};
use super::{Options, cluster, find_or_fetch, place, process, run, socket_url, stray};

/// A page of the write-ahead log, and what is at its beginning.
const PAGE: u64 = 8192;
const HEADER: u64 = 24;
const LONG_HEADER: u64 = 40;

/// A cluster that came back from a backup and has recovered, with its server, under a name that no start takes for a cluster: what is not
/// finished is gone with the next start. Dropping it takes it away.
#[derive(Debug)]
pub struct Restoring {
    supervisor: Option<Supervisor>,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    unfinished: PathBuf,
    cluster: PathBuf,
    /// Held for its lock, until everything else is over.
    _lock: File,
}

impl Restoring {
    /// Puts the backup at `from` into the data directory of `options`, which must hold no cluster, and has a server recover: up to the end
    /// of what was received, or to a moment. The backup is only read. Blocks for as long as that takes.
    ///
    /// # Errors
    /// One sentence for the operator; the data directory has no cluster then, as before.
    pub fn recover(options: &Options, from: &Path, until: Option<DateTime<Utc>>) -> Result<Self, EmbeddedError> {
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
        let install = find_or_fetch(options, &data_dir, Some(&(base, major)), &identity)?;
        let socket_dir = place::prepare_socket_dir(&data_dir, &identity)?;
        // Of an earlier restore that was killed: its cluster is gone by now.
        stray::forget_socket(&socket_dir);
        let (cluster, unfinished) = (cluster::directory(&data_dir, major), data_dir.join(run::unfinished_name()));
        // From here on it is taken away again, unless it is finished.
        let mut restoring = Self { supervisor: None, data_dir, socket_dir, unfinished, cluster, _lock: lock };
        let newest = put_back(from, &restoring.unfinished, &restoring.data_dir, &install, &identity, until)?;
        log::info!("The backup is copied, and PostgreSQL recovers: as long as its write-ahead log is long");
        let supervisor = Supervisor::start(Plan {
            cluster: restoring.unfinished.clone(),
            socket_dir: restoring.socket_dir.clone(),
            log: ServerLog::new(&restoring.data_dir),
            durable: options.durable,
            install,
            identity,
            ready_limit: None,
        });
        restoring.supervisor = Some(supervisor.map_err(|error| match error {
            EmbeddedError::StartFailed { reason, .. } => EmbeddedError::NotRecovered { reason },
            other => other,
        })?);
        if let Some((newest, name)) = newest.filter(|_| until.is_none()) {
            let end = end_of_recovery(&restoring.unfinished)?;
            let short = newest.saturating_sub(end / SEGMENT_BYTES);
            if short > 0 && !breaks_off(from, end, short)? {
                let reason = format!("its write-ahead log is damaged before the end, which is in {name}");
                return Err(EmbeddedError::NotRecovered { reason });
            }
        }
        Ok(restoring)
    }

    /// The URL of the server that has recovered.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        socket_url(&self.socket_dir, role, database)
    }

    /// The data directory: absolute, links resolved.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the server and gives the cluster its name: from then on it is there.
    ///
    /// # Errors
    /// When it cannot be named; it is taken away then.
    pub fn finish(mut self) -> Result<(), EmbeddedError> {
        self.stop();
        fs::rename(&self.unfinished, &self.cluster).map_err(EmbeddedError::file("make", &self.cluster))?;
        sync_directory(&self.data_dir)
    }

    /// Stopped by force it recovers with its next start: nothing that came back is lost.
    fn stop(&mut self) {
        if let Some(Err(error)) = self.supervisor.take().map(|mut supervisor| supervisor.stop()) {
            log::warn!("{error}");
        }
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.stop();
        if self.unfinished.exists()
            && let Err(error) = fs::remove_dir_all(&self.unfinished)
        {
            log::warn!("{} is left over and could not be removed: {error}", self.unfinished.display());
        }
    }
}

/// Where the server found the end of the write-ahead log, in bytes: it says so in the history of the timeline that it then began.
fn end_of_recovery(cluster: &Path) -> Result<u64, EmbeddedError> {
    let histories = entries(&cluster.join("pg_wal"))?.into_iter().filter(|(_, name)| name.ends_with(".history"));
    let newest = histories.max_by(|one, other| one.1.cmp(&other.1));
    let text = newest.and_then(|(path, _)| fs::read_to_string(path).ok()).unwrap_or_default();
    let position = text.lines().rev().find_map(|line| line.split('\t').nth(1)?.split_once('/'));
    let (high, low) = position.unwrap_or_default();
    let number = |digits| u64::from_str_radix(digits, 16);
    match (number(high), number(low)) {
        (Ok(high), Ok(low)) => Ok((high << 32) + low),
        _ => Err(EmbeddedError::NotRecovered { reason: "it does not say where its write-ahead log ended".to_owned() }),
    }
}

/// Whether the record at the end of what came back goes on so many segments further, where it was not received whole: the log ends in a record
/// as often as not, and nothing of it was ever answered.
fn breaks_off(from: &Path, end: u64, further: u64) -> Result<bool, EmbeddedError> {
    let mut segments = entries(&from.join(BASE).join("pg_wal"))?;
    if from.join(WAL).exists() {
        segments.extend(entries(&from.join(WAL))?);
    }
    let is_it = |name: &str| name.get(..24).and_then(place_of) == Some(end / SEGMENT_BYTES);
    // Received is what is newer than the copy.
    let Some((path, _)) = segments.into_iter().rev().find(|(_, name)| is_it(name)) else { return Ok(false) };
    // At the beginning of a page its header comes first, and a longer one at that of a segment.
    let header = match end % SEGMENT_BYTES {
        0 => LONG_HEADER,
        offset if offset % PAGE == 0 => HEADER,
        _ => 0,
    };
    let (offset, mut length) = (end % SEGMENT_BYTES + header, [0; 4]);
    if offset + 4 > SEGMENT_BYTES {
        return Ok(further == 1);
    }
    let mut read = || {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut length)
    };
    read().map_err(EmbeddedError::file("read", &path))?;
    Ok(goes_on(offset, u32::from_le_bytes(length), further))
}

/// Whether a record of this length that begins at `offset` of a segment reaches so many segments further, with the headers of the pages that
/// it crosses.
fn goes_on(offset: u64, length: u32, further: u64) -> bool {
    let length = u64::from(length);
    length > 0 && offset + length + (length / (PAGE - HEADER) + 1) * HEADER > further * SEGMENT_BYTES
}

/// A copy of the base backup, checked against its manifest, with what was received since and the wish to recover. Says which is the last
/// segment that was written, by its place.
fn put_back(
    from: &Path,
    unfinished: &Path,
    scratch: &Path,
    install: &Install,
    identity: &Identity,
    until: Option<DateTime<Utc>>,
) -> Result<Option<(u64, String)>, EmbeddedError> {
    // Asked for before the copy is made.
    let mut verify = tool(install, identity, "pg_verifybackup")?;
    copy_tree(&from.join(BASE), unfinished, identity)?;
    verify.args(["--no-parse-wal", "--quiet"]).arg(unfinished);
    finished(verify, scratch, "restore", from)?;
    let (wal, placed) = (from.join(WAL), unfinished.join("pg_wal"));
    if wal.exists() {
        for (path, name) in entries(&wal)? {
            let name = name.strip_suffix(PARTIAL).and_then(|name| name.strip_suffix('.')).unwrap_or(&name);
            copy_file(&path, &placed.join(name), identity)?;
        }
    }
    let segments: Vec<(u64, PathBuf, String)> =
        entries(&placed)?.into_iter().filter_map(|(path, name)| Some((place_of(&name)?, path, name))).collect();
    if let Some(after) = gap(segments.iter().map(|(place, _, name)| (*place, name.clone())).collect()) {
        return Err(EmbeddedError::MissingSegment { path: wal, after });
    }
    let mut newest = None;
    for (place, path, name) in segments {
        let mut first = [0; 2];
        let mut file = File::open(&path).map_err(EmbeddedError::file("read", &path))?;
        let bytes = file.metadata().map_err(EmbeddedError::file("read", &path))?.len();
        if bytes != SEGMENT_BYTES || file.read_exact(&mut first).is_err() {
            return Err(EmbeddedError::NotRecovered {
                reason: format!("the segment {name} has {bytes} bytes and not {SEGMENT_BYTES}"),
            });
        }
        // A page of the log begins with a number that is not zero; a segment that was made ready and not begun is all zeros.
        if first != [0; 2] && newest.as_ref().is_none_or(|(newest, _)| *newest < place) {
            newest = Some((place, name));
        }
    }
    mark(unfinished, identity)?;
    // What was received is there already, and nothing is to be asked for: the command only has to fail. Nobody asks meanwhile, and so
    // it does not matter for how many connections the server that wrote the log was set up.
    let mut settings = "\nrestore_command = 'exit 1'\nrecovery_target_action = 'promote'\nhot_standby = off\n".to_owned();
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
    Ok(newest)
}

/// The segment after which one is missing: the server would take that for the end, and leave out what comes after it.
fn gap(mut segments: Vec<(u64, String)>) -> Option<String> {
    segments.sort();
    segments.windows(2).find_map(|pair| match pair {
        [(place, name), (next, _)] if next - place > 1 => Some(name.clone()),
        _ => None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_segment_is_named_by_the_one_before_it() {
        let placed = |name: &&str| Some((place_of(name)?, (*name).to_owned()));
        let gap = |names: &[&str]| gap(names.iter().filter_map(placed).collect());
        let (last, first) = ("0000000100000000000000FF", "000000010000000100000000");
        assert_eq!(gap(&[first, last, "archive_status", "00000002.history"]), None, "the next one begins anew");
        assert_eq!(gap(&[last, "000000020000000100000000", first]), None, "a timeline begins within a segment");
        assert_eq!(gap(&[last, "000000010000000100000001"]).as_deref(), Some(last));
    }

    #[test]
    fn a_record_that_goes_on_in_the_next_segment_is_told_from_one_that_ends_in_its_own() {
        for (offset, length, further, goes) in [
            (SEGMENT_BYTES - 100, 50, 1, false),
            (SEGMENT_BYTES - 100, 100, 1, true),
            (SEGMENT_BYTES - 100, 0, 1, false),
            (SEGMENT_BYTES - 20_000, 19_980, 1, true),
            (9_000, 120, 1, false),
            (40, 17_000_000, 1, true),
            (40, 17_000_000, 2, false),
            (40, 34_000_000, 2, true),
        ] {
            assert_eq!(goes_on(offset, length, further), goes, "{length} bytes at {offset}");
        }
    }
}
