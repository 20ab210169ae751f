//! The file of erasures: keyed digests that are linked to nothing, line by line, outside the database. A restore brings back what was
//! erased; the file says what has to go again.

use std::collections::{BTreeMap, HashMap};
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

/// Digests by what they are in the database too, of a kind and without their key's name: one from before keys had names may have got
/// it in one place alone.
type Digests = BTreeMap<(DigestKind, Vec<u8>), Option<Vec<u8>>>;

/// Where erasures are kept outside the database, and what stands there.
#[derive(Debug)]
pub struct Erasures {
    path: PathBuf,
    /// By site; `None`: not read yet.
    written: Mutex<Option<HashMap<SiteId, Digests>>>,
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
        let kept: Digests = kept.into_iter().map(|one| ((one.kind, one.digest), one.key_id)).collect();
        let new = || kept.iter().filter(|(digest, _)| !of_site.contains_key(*digest));
        let lines: Vec<String> =
            new().map(|((kind, digest), key_id)| line(site, *kind, digest, key_id.as_deref())).collect::<Result<_, _>>()?;
        if !lines.is_empty() {
            self.add(&lines)?;
            of_site.extend(kept.iter().map(|(digest, key_id)| (digest.clone(), key_id.clone())));
        }
        let missing = of_site.iter().filter(|(digest, _)| !kept.contains_key(*digest));
        Ok(missing
            .map(|((kind, digest), key_id)| KeptDigest { kind: *kind, digest: digest.clone(), key_id: key_id.clone() })
            .collect())
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
    fn read(&self) -> std::io::Result<HashMap<SiteId, Digests>> {
        let mut all: HashMap<SiteId, Digests> = HashMap::new();
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(error),
        };
        for text in BufReader::new(file).lines() {
            if let Some((site, kept)) = serde_json::from_str(&text?).ok().and_then(read_line) {
                all.entry(site).or_default().insert((kept.kind, kept.digest), kept.key_id);
            }
        }
        Ok(all)
    }
}

fn line(site_id: SiteId, kind: DigestKind, digest: &[u8], key_id: Option<&[u8]>) -> std::io::Result<String> {
    let line = Line { site_id, kind, digest: hex::encode(digest), key_id: key_id.map(hex::encode) };
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
