//! Which site a key that was let in belongs to: whose line its next look-up waits in ([`crate::db::Db::look_up`]).
//!
//! It lets nobody in: a key that is no longer valid is found out by the look-up, and forgotten here.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::domain::ids::SiteId;

/// More keys than this, and a further one waits in the line of those that nobody knows.
const MOST: usize = 100_000;

/// The keys that were let in, by their digests.
#[derive(Debug, Default)]
pub struct KnownKeys(RwLock<HashMap<[u8; 32], SiteId>>);

impl KnownKeys {
    /// The site of the key with this digest, if it was let in before.
    #[must_use]
    pub fn site_of(&self, hash: &[u8; 32]) -> Option<SiteId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(hash).copied()
    }

    /// Forgets the key with this digest: it was refused.
    pub fn forget(&self, hash: &[u8; 32]) {
        if self.site_of(hash).is_some() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
        }
    }

    /// Remembers that the key with this digest was let in.
    pub fn remember(&self, hash: [u8; 32], site: SiteId) {
        if self.site_of(&hash) == Some(site) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert(hash, site);
        }
    }
}
