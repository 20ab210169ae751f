//! When keys were last used, until a job writes it down: a request that reads writes nothing to the database.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::domain::ids::{ApiKeyId, SiteId};

/// More keys than this between two passes, and a use is not remembered: what it tells is a convenience, and memory is bounded.
const MOST: usize = 100_000;

/// The uses that are not written down yet.
#[derive(Debug, Default)]
pub struct KeyUses(Mutex<HashMap<(SiteId, ApiKeyId), DateTime<Utc>>>);

impl KeyUses {
    /// Remembers that somebody was let in with this key.
    pub fn note(&self, site: SiteId, key: ApiKeyId, at: DateTime<Utc>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= MOST && !uses.contains_key(&(site, key)) {
            return;
        }
        let last = uses.entry((site, key)).or_insert(at);
        *last = at.max(*last);
    }

    /// Takes everything, by site and in order of keys: servers that write the same keys at once take their rows in one order.
    #[must_use]
    pub fn take(&self) -> BTreeMap<SiteId, Vec<(ApiKeyId, DateTime<Utc>)>> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let uses: BTreeMap<_, _> = uses.into_iter().collect();
        let mut by_site = BTreeMap::<_, Vec<_>>::new();
        for ((site, key), at) in uses {
            by_site.entry(site).or_default().push((key, at));
        }
        by_site
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_of_each_key_is_kept_and_no_more_keys_than_there_is_room_for() {
        let uses = KeyUses::default();
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let (site, other) = (SiteId::at(at(0)), SiteId::at(at(0)));
        let (first, second) = (ApiKeyId::at(at(0)), ApiKeyId::at(at(0)));
        for (key, second) in [(first, 5), (second, 1), (first, 9), (first, 7)] {
            uses.note(site, key, at(second));
        }
        uses.note(other, first, at(3));
        let mut taken = uses.take();
        let mut of_site = taken.remove(&site).unwrap();
        of_site.sort_by_key(|(_, at)| *at);
        assert_eq!((of_site, taken.remove(&other).unwrap()), (vec![(second, at(1)), (first, at(9))], vec![(first, at(3))]));
        assert!(uses.take().is_empty());

        for number in 0..=MOST {
            uses.note(site, ApiKeyId(uuid::Uuid::from_u128(number as u128)), at(1));
        }
        uses.note(site, ApiKeyId(uuid::Uuid::from_u128(0)), at(2));
        let kept = uses.take().remove(&site).unwrap();
        assert!(kept.len() == MOST && kept.contains(&(ApiKeyId(uuid::Uuid::from_u128(0)), at(2))));
    }
}
