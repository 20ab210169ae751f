//! Keys that were let in a moment ago: whoever they are of is not looked up again for each request.
//!
//! A revocation works everywhere within five seconds, and so nothing is believed for longer than [`BELIEVED`]. In the process that revoked the
//! key it works at once: what members of a site change counts for who is known of it ([`KnownKeys::changed`]).
//!
//! Which site a key is of is remembered for longer: it lets nobody in, and says in whose line the next look-up waits
//! ([`crate::db::Db::look_up`]).

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{Actor, SiteScope};
use crate::domain::ids::SiteId;

/// More keys than this, and a further one waits in the line of those that nobody knows and is looked up each time.
const MOST: usize = 100_000;

/// For so long what a look-up found is believed, counted from before it was asked.
const BELIEVED: Duration = Duration::from_secs(3);

/// Whose key it is.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who calls.
    pub actor: Actor,
    /// Which rows the caller's transactions may touch.
    pub scope: SiteScope,
    /// When the key ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The keys that were let in, by their digests.
#[derive(Debug, Default)]
pub struct KnownKeys(RwLock<Keys>);

#[derive(Debug, Default)]
struct Keys {
    known: HashMap<[u8; 32], (Known, Instant)>,
    /// When members of a site last changed something.
    changed: HashMap<SiteId, Instant>,
}

impl KnownKeys {
    /// Whose key has this digest, as long as that is believed.
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<Known> {
        self.find_at(hash, Instant::now())
    }

    fn find_at(&self, hash: &[u8; 32], now: Instant) -> Option<Known> {
        let keys = self.read();
        let (known, asked) = keys.known.get(hash)?;
        let changed = keys.changed.get(&known.scope.site());
        let stands = now.saturating_duration_since(*asked) < BELIEVED && changed.is_none_or(|changed| changed < asked);
        stands.then(|| known.clone())
    }

    /// The site of the key with this digest, if it was let in before.
    #[must_use]
    pub fn site_of(&self, hash: &[u8; 32]) -> Option<SiteId> {
        self.read().known.get(hash).map(|(known, _)| known.scope.site())
    }

    /// Forgets the key with this digest: it was refused.
    pub fn forget(&self, hash: &[u8; 32]) {
        if self.site_of(hash).is_some() {
            self.write().known.remove(hash);
        }
    }

    /// Remembers whose key has this digest, by a look-up that was `asked` for then.
    pub fn remember(&self, hash: [u8; 32], known: Known, asked: Instant) {
        let mut keys = self.write();
        if keys.known.len() < MOST || keys.known.contains_key(&hash) {
            keys.known.insert(hash, (known, asked));
        }
    }

    /// A member of the site changed something, and it may be a key or a partner: whoever is known of the site is looked up anew.
    pub fn changed(&self, site: SiteId) {
        self.write().changed.insert(site, Instant::now());
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::PartnerActor;
    use crate::domain::ids::{ApiKeyId, PartnerId};

    const HASH: [u8; 32] = [7; 32];

    fn known() -> Known {
        let (site, partner) = (SiteId(uuid::Uuid::from_u128(1)), PartnerId(uuid::Uuid::from_u128(2)));
        let actor = Actor::Partner(PartnerActor { key: ApiKeyId(uuid::Uuid::from_u128(3)), partner, is_test: false });
        Known { actor, scope: SiteScope::of_partner(site, partner), expires_at: None }
    }

    #[test]
    fn a_key_is_believed_for_less_than_five_seconds_from_when_it_was_asked_for() {
        let (keys, asked) = (KnownKeys::default(), Instant::now());
        assert!(keys.find(&HASH).is_none());
        keys.remember(HASH, known(), asked);
        assert!(keys.find_at(&HASH, asked + Duration::from_millis(2_999)).is_some());
        assert!(keys.find_at(&HASH, asked + Duration::from_secs(3)).is_none());
        assert!(keys.site_of(&HASH).is_some(), "its line is known for longer");
        keys.forget(&HASH);
        assert!(keys.site_of(&HASH).is_none() && keys.find_at(&HASH, asked).is_none());
    }

    #[test]
    fn what_was_asked_before_a_change_is_not_believed_after_it() {
        let keys = KnownKeys::default();
        let asked = Instant::now();
        keys.changed(SiteId(uuid::Uuid::from_u128(9)));
        keys.remember(HASH, known(), asked);
        assert!(keys.find(&HASH).is_some(), "another site's change");
        keys.changed(known().scope.site());
        assert!(keys.find(&HASH).is_none());
        // The answer to a question from before comes late.
        keys.remember(HASH, known(), asked);
        assert!(keys.find(&HASH).is_none());
        std::thread::sleep(Duration::from_millis(1));
        keys.remember(HASH, known(), Instant::now());
        assert!(keys.find(&HASH).is_some());
    }
}
