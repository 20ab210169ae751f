//! The file of anchors: lines that are added and never changed, each on the disk before it counts.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::domain::ids::SiteId;
use crate::privacy::anchors::Anchor;

/// Where anchors of the audit chains go, and how far this process has anchored each.
#[derive(Debug)]
pub struct Anchors {
    path: PathBuf,
    last: Mutex<HashMap<SiteId, i64>>,
}

impl Anchors {
    /// Anchors that go to this file, which is made with the first.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::default() }
    }

    /// Whether this process has anchored the site's chain at this place already.
    #[must_use]
    pub fn has(&self, site: SiteId, position: i64) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(&site) == Some(&position)
    }

    /// Adds a line, and waits until the disk has it. Blocks.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, anchor: &Anchor) -> std::io::Result<()> {
        let line = serde_json::to_string(anchor).map_err(std::io::Error::other)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.create(true).append(true).open(&self.path)?;
        // With one call, and a line of its own also after one that broke off.
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_data()?;
        last.insert(anchor.site_id, anchor.position);
        Ok(())
    }
}
