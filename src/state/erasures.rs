//! The file of erasures: keyed digests that are linked to nothing, line by line, outside the database. A restore brings back what was
//! erased; the file says what has to go again.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::domain::ids::SiteId;
use crate::domain::vocabulary::DigestKind;
use crate::privacy::hex;
use crate::store::contact_digests::KeptDigest;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    site_id: SiteId,
    kind: DigestKind,
    /// As hexadecimal digits.
    digest: String,
    /// As hexadecimal digits.
    key_id: Option<String>,
}

/// Where erasures are kept outside the database, and what stands there.
#[derive(Debug)]
pub struct Erasures {
    path: PathBuf,
    /// By site; `None`: not read yet.
    written: Mutex<Option<HashMap<SiteId, BTreeSet<KeptDigest>>>>,
}

impl Erasures {
    /// Erasures that go to this file, which is made with the first.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, written: Mutex::new(None) }
    }

    /// Writes down what the database has and the file has not, and says what the file has and the database has not. Waits until the disk
    /// has it: blocks.
    ///
    /// # Errors
    /// When the file can be neither read nor written.
    pub fn compare(&self, site: SiteId, kept: Vec<KeptDigest>) -> std::io::Result<Vec<KeptDigest>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match written.take() {
            Some(all) => written.insert(all),
            None => written.insert(self.read()?),
        };
        let of_site = all.entry(site).or_default();
        let kept: BTreeSet<KeptDigest> = kept.into_iter().collect();
        let lines: Vec<String> = kept.difference(of_site).map(|digest| line(site, digest)).collect::<Result<_, _>>()?;
        if !lines.is_empty() {
            self.add(&lines)?;
            of_site.extend(kept.iter().cloned());
        }
        Ok(of_site.difference(&kept).cloned().collect())
    }

    fn add(&self, lines: &[String]) -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.create(true).append(true).open(&self.path)?;
        // With one call, and on lines of their own also after one that broke off.
        file.write_all(format!("\n{}\n", lines.join("\n")).as_bytes())?;
        file.sync_data()
    }

    /// What stands in the file. A line that broke off, when its server or machine did, counts for nothing: it is written again.
    fn read(&self) -> std::io::Result<HashMap<SiteId, BTreeSet<KeptDigest>>> {
        let mut all: HashMap<SiteId, BTreeSet<KeptDigest>> = HashMap::new();
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(error),
        };
        for text in BufReader::new(file).lines() {
            if let Some((site, digest)) = serde_json::from_str(&text?).ok().and_then(read_line) {
                all.entry(site).or_default().insert(digest);
            }
        }
        Ok(all)
    }
}

fn line(site_id: SiteId, kept: &KeptDigest) -> std::io::Result<String> {
    let key_id = kept.key_id.as_deref().map(hex::encode);
    let line = Line { site_id, kind: kept.kind, digest: hex::encode(&kept.digest), key_id };
    serde_json::to_string(&line).map_err(std::io::Error::other)
}

fn read_line(line: Line) -> Option<(SiteId, KeptDigest)> {
    let key_id = match line.key_id {
        Some(key_id) => Some(hex::decode(&key_id).filter(|bytes| bytes.len() == 8)?),
        None => None,
    };
    let digest = hex::decode(&line.digest).filter(|bytes| bytes.len() == 32)?;
    Some((line.site_id, KeptDigest { kind: line.kind, digest, key_id }))
}
