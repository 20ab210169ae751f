//! The audit chain: each entry's hash covers every field of the entry and the hash before it.
//!
//! What was before and after enters as a salted digest, so that a justified redaction can drop values and salt and the chain
//! still verifies. Every part is preceded by its length: no two entries have the same bytes.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash before the first entry of a site.
pub const GENESIS: [u8; 32] = [0; 32];

/// Every field of an entry that the chain covers.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its place, counted from 1.
    pub position: i64,
    /// The tenant.
    pub site: Uuid,
    /// Its id.
    pub id: Uuid,
    /// When, in microseconds since 1970.
    pub recorded_at: i64,
    /// What kind of caller.
    pub actor_kind: &'a str,
    /// Who.
    pub actor: Option<Uuid>,
    /// With which key.
    pub api_key: Option<Uuid>,
    /// For which partner.
    pub partner: Option<Uuid>,
    /// What was done.
    pub operation: &'a str,
    /// To what kind of resource.
    pub subject_kind: &'a str,
    /// To which.
    pub subject: Uuid,
    /// Why.
    pub reason: Option<&'a str>,
    /// In which request.
    pub request_id: Option<&'a str>,
    /// The digest of what was before and after.
    pub values_digest: &'a [u8],
}

fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

/// A missing part is not an empty one.
fn add_optional(hash: &mut Sha256, part: Option<&[u8]>) {
    match part {
        None => hash.update([0]),
        Some(part) => {
            hash.update([1]);
            add(hash, part);
        }
    }
}

/// The digest of what was before and after, under a salt of its own: codes can be guessed, digests without the salt cannot.
#[must_use]
pub fn values_digest(salt: &[u8; 16], before: Option<&str>, after: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    add(&mut hash, salt);
    add_optional(&mut hash, before.map(str::as_bytes));
    add_optional(&mut hash, after.map(str::as_bytes));
    hash.finalize().into()
}

/// The hash of an entry, given the hash before it.
#[must_use]
pub fn link(previous: &[u8], entry: &Link<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    add(&mut hash, b"handoff/audit/v1");
    add(&mut hash, previous);
    add(&mut hash, &entry.position.to_be_bytes());
    add(&mut hash, entry.site.as_bytes());
    add(&mut hash, entry.id.as_bytes());
    add(&mut hash, &entry.recorded_at.to_be_bytes());
    add(&mut hash, entry.actor_kind.as_bytes());
    for id in [&entry.actor, &entry.api_key, &entry.partner] {
        add_optional(&mut hash, id.as_ref().map(|id| id.as_bytes().as_slice()));
    }
    add(&mut hash, entry.operation.as_bytes());
    add(&mut hash, entry.subject_kind.as_bytes());
    add(&mut hash, entry.subject.as_bytes());
    add_optional(&mut hash, entry.reason.map(str::as_bytes));
    add_optional(&mut hash, entry.request_id.map(str::as_bytes));
    add(&mut hash, entry.values_digest);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Link<'static> {
        Link {
            position: 1,
            site: Uuid::from_u128(1),
            id: Uuid::from_u128(2),
            recorded_at: 3,
            actor_kind: "staff",
            actor: Some(Uuid::from_u128(4)),
            api_key: None,
            partner: None,
            operation: "update_site",
            subject_kind: "site",
            subject: Uuid::from_u128(1),
            reason: None,
            request_id: Some("request"),
            values_digest: &[7; 32],
        }
    }

    #[test]
    fn every_field_and_the_hash_before_enter_the_hash() {
        let base = entry();
        let other = Some(Uuid::from_u128(9));
        let hashes = [
            link(&GENESIS, &base),
            link(&[1; 32], &base),
            link(&GENESIS, &Link { position: 2, ..base }),
            link(&GENESIS, &Link { site: Uuid::from_u128(9), ..base }),
            link(&GENESIS, &Link { id: Uuid::from_u128(9), ..base }),
            link(&GENESIS, &Link { recorded_at: 4, ..base }),
            link(&GENESIS, &Link { actor_kind: "system", ..base }),
            link(&GENESIS, &Link { actor: other, ..base }),
            link(&GENESIS, &Link { actor: None, api_key: base.actor, ..base }),
            link(&GENESIS, &Link { api_key: other, ..base }),
            link(&GENESIS, &Link { partner: other, ..base }),
            link(&GENESIS, &Link { operation: "update_sit", ..base }),
            link(&GENESIS, &Link { operation: "update_sites", subject_kind: "ite", ..base }),
            link(&GENESIS, &Link { subject_kind: "study", ..base }),
            link(&GENESIS, &Link { subject: Uuid::from_u128(9), ..base }),
            link(&GENESIS, &Link { reason: Some(""), ..base }),
            link(&GENESIS, &Link { request_id: None, ..base }),
            link(&GENESIS, &Link { values_digest: &[8; 32], ..base }),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(hashes.iter().skip(at + 1).all(|other| other != hash), "{at}");
        }
        assert_eq!(link(&GENESIS, &base), link(&GENESIS, &entry()));
    }

    #[test]
    fn values_are_told_apart_and_so_are_their_salts() {
        let digest = |salt: u8, before, after| values_digest(&[salt; 16], before, after);
        let digests = [
            digest(1, None, Some("{}")),
            digest(2, None, Some("{}")),
            digest(1, Some("{}"), None),
            digest(1, Some("{}"), Some("")),
            digest(1, Some(""), Some("{}")),
            digest(1, None, None),
        ];
        for (at, hash) in digests.iter().enumerate() {
            assert!(digests.iter().skip(at + 1).all(|other| other != hash), "{at}");
        }
    }
}
