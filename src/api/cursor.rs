//! Opaque list cursors: where the page ended, signed for this list, this caller and these filters, good for 24 hours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::auth::{Actor, SiteScope};
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::{MasterKey, Purpose, SiteKey};

const LIFE: Duration = Duration::hours(24);
const MAC_BYTES: usize = 16;

/// Where a page ends: what its list is ordered by, in bytes.
pub trait Keyset: Copy + Send + 'static {
    /// The place as bytes of one length.
    fn to_bytes(self) -> Vec<u8>;
    /// The place that these bytes stand for.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Most lists are ordered by id, which is the order of recording.
impl Keyset for Uuid {
    fn to_bytes(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// By a place that is counted.
impl Keyset for i64 {
    fn to_bytes(self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

/// By a time of whole microseconds, as the database keeps it, and then by id.
impl Keyset for (DateTime<Utc>, Uuid) {
    fn to_bytes(self) -> Vec<u8> {
        [&self.0.timestamp_micros().to_be_bytes()[..], self.1.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, id) = bytes.split_first_chunk::<8>()?;
        Some((DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?, Uuid::from_slice(id).ok()?))
    }
}

/// What a cursor is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The operation's id.
    pub operation: &'static str,
    /// The caller; the principal and not its key, so that a rotation does not break a crawl.
    pub actor: &'a Actor,
    /// The tenant.
    pub scope: &'a SiteScope,
    /// The filters, as canonical text.
    pub filters: &'a str,
}

impl Binding<'_> {
    fn mac(&self, key: &SiteKey, place: &[u8], issued: i64) -> [u8; 32] {
        key.mac(&[
            self.operation.as_bytes(),
            self.actor.principal().0.as_bytes(),
            &[u8::from(self.actor.is_test())],
            self.filters.as_bytes(),
            place,
            &issued.to_be_bytes(),
        ])
    }

    /// The cursor that goes on after this place.
    #[must_use]
    pub fn seal<K: Keyset>(&self, master: &MasterKey, place: K, now: DateTime<Utc>) -> String {
        let (mut bytes, issued) = (place.to_bytes(), now.timestamp());
        let mac = self.mac(&master.derive(Purpose::Cursor, self.scope.site()), &bytes, issued);
        bytes.extend_from_slice(&issued.to_be_bytes());
        bytes.extend(mac.iter().take(MAC_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that the page before ended with.
    ///
    /// # Errors
    /// 400 when the cursor is not one of this binding, or too old.
    pub fn open<K: Keyset>(&self, master: &MasterKey, cursor: &str, now: DateTime<Utc>) -> Result<K, AppError> {
        let refused = || AppError::new(ErrorCode::InvalidCursor);
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
        let (rest, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or_else(refused)?;
        let (place, issued) = rest.split_last_chunk::<8>().ok_or_else(refused)?;
        let issued = i64::from_be_bytes(*issued);
        let genuine = master.keyring(Purpose::Cursor, self.scope.site()).all().any(|key| {
            let expected = self.mac(key, place, issued);
            expected.get(..MAC_BYTES).is_some_and(|expected| expected.ct_eq(mac).into())
        });
        let age = now.timestamp().saturating_sub(issued);
        if !genuine || age > LIFE.num_seconds() { Err(refused()) } else { K::from_bytes(place).ok_or_else(refused) }
    }
}

/// What a cursor of the event feed is bound to: the site, the live or the test feed, and the filter.
///
/// It is a durable bookmark, so it neither expires nor depends on a key that rotates: its check keeps a bookmark of another feed
/// from being read as one of this, and a forged one shows a caller nothing that it may not read from the start.
#[derive(Debug, Clone, Copy)]
pub struct FeedCursor<'a> {
    /// The tenant.
    pub scope: SiteScope,
    /// Which of the two feeds.
    pub is_test: bool,
    /// The filter, as canonical text.
    pub filter: &'a str,
}

impl FeedCursor<'_> {
    fn check(&self, position: i64) -> [u8; 32] {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new_with_prefix(b"handoff/feed/v1");
        hash.update(self.scope.site().0.as_bytes());
        hash.update([u8::from(self.is_test)]);
        hash.update(position.to_be_bytes());
        hash.update(self.filter.as_bytes());
        hash.finalize().into()
    }

    /// The cursor that goes on after this position.
    #[must_use]
    pub fn seal(&self, position: i64) -> String {
        let mut bytes = Vec::with_capacity(8 + MAC_BYTES);
        bytes.extend_from_slice(&position.to_be_bytes());
        bytes.extend(self.check(position).iter().take(MAC_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that the page before ended with.
    ///
    /// # Errors
    /// 400 when the cursor is not one of this feed and filter.
    pub fn open(&self, cursor: &str) -> Result<i64, AppError> {
        let refused = || AppError::new(ErrorCode::InvalidCursor);
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
        let (position, check) = bytes.split_first_chunk::<8>().ok_or_else(refused)?;
        let position = i64::from_be_bytes(*position);
        let ours = self.check(position).get(..MAC_BYTES) == Some(check);
        if ours && position >= 0 { Ok(position) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::{PartnerActor, operator_scope};
    use crate::domain::ids::{ApiKeyId, PartnerId, SiteId};

    fn actor(partner: u128) -> Actor {
        Actor::Partner(PartnerActor { key: ApiKeyId(Uuid::nil()), partner: PartnerId(Uuid::from_u128(partner)), is_test: false })
    }

    #[test]
    fn a_cursor_opens_for_its_own_list_caller_filters_and_day_only() {
        let master = MasterKey::from_hex(&"77".repeat(32)).unwrap();
        let now: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let (site, other_site) = (operator_scope(SiteId(Uuid::from_u128(1))), operator_scope(SiteId(Uuid::from_u128(2))));
        let (me, other) = (actor(1), actor(2));
        let id = Uuid::from_u128(42);
        let binding = Binding { operation: "list_referrals", actor: &me, scope: &site, filters: "{}" };
        let cursor = binding.seal(&master, id, now);
        assert_eq!(binding.open::<Uuid>(&master, &cursor, now + LIFE).unwrap(), id);
        assert!(binding.open::<Uuid>(&master, &cursor, now + LIFE + Duration::seconds(1)).is_err());
        for strange in [
            Binding { operation: "list_studies", ..binding },
            Binding { actor: &other, ..binding },
            Binding { scope: &other_site, ..binding },
            Binding { filters: "{\"status\":\"closed\"}", ..binding },
        ] {
            assert!(strange.open::<Uuid>(&master, &cursor, now).is_err(), "{strange:?}");
        }
        // While the master key is rotated.
        let next = MasterKey::from_hex(&"88".repeat(32)).unwrap();
        assert_eq!(binding.open::<Uuid>(&next.clone().accepting([master]), &cursor, now).unwrap(), id);
        assert!(binding.open::<Uuid>(&next, &cursor, now).is_err());
    }

    #[test]
    fn a_cursor_of_a_time_and_an_id_opens_as_that_and_as_nothing_else() {
        let master = MasterKey::from_hex(&"77".repeat(32)).unwrap();
        let now: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let (site, me) = (operator_scope(SiteId(Uuid::from_u128(1))), actor(1));
        let binding = Binding { operation: "list_queue", actor: &me, scope: &site, filters: "{}" };
        for at in ["2026-06-02T09:00:00.123456Z", "1969-12-31T23:59:59.999999Z"] {
            let place = (at.parse::<DateTime<Utc>>().unwrap(), Uuid::from_u128(42));
            let cursor = binding.seal(&master, place, now);
            assert_eq!(binding.open::<(DateTime<Utc>, Uuid)>(&master, &cursor, now).unwrap(), place);
            assert!(binding.open::<Uuid>(&master, &cursor, now).is_err());
        }
        let by_id = binding.seal(&master, Uuid::from_u128(42), now);
        assert!(binding.open::<(DateTime<Utc>, Uuid)>(&master, &by_id, now).is_err());
    }

    #[test]
    fn a_feed_cursor_opens_for_its_own_site_feed_and_filter_only() {
        let (site, other_site) = (operator_scope(SiteId(Uuid::from_u128(1))), operator_scope(SiteId(Uuid::from_u128(2))));
        let feed = FeedCursor { scope: site, is_test: false, filter: "referral.received" };
        let cursor = feed.seal(42);
        assert_eq!(feed.open(&cursor).unwrap(), 42);
        for strange in
            [FeedCursor { scope: other_site, ..feed }, FeedCursor { is_test: true, ..feed }, FeedCursor { filter: "", ..feed }]
        {
            assert!(strange.open(&cursor).is_err(), "{strange:?}");
        }
        assert!(feed.open(&feed.seal(-1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_opens_and_none_panics(text in "[A-Za-z0-9_-]{0,80}") {
            let master = MasterKey::from_hex(&"77".repeat(32)).unwrap();
            let site = operator_scope(SiteId(Uuid::from_u128(1)));
            let me = actor(1);
            let binding = Binding { operation: "list_referrals", actor: &me, scope: &site, filters: "" };
            prop_assert!(binding.open::<Uuid>(&master, &text, DateTime::UNIX_EPOCH).is_err());
        }
    }
}
