//! Anchors of the audit chain: what a site's chain had come to at a moment, signed, and kept where no database can reach it.
//!
//! Whoever can write the database can write a chain anew from any place on, and it verifies. What has left the database cannot be
//! taken back: an anchor names a place and its hash, and a chain that says otherwise, or ends before, is not the one that was kept.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::hex;
use super::keys::SiteKey;
use crate::domain::ids::SiteId;

/// What a site's chain had come to, as a line of the file of anchors holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Whose chain.
    pub site_id: SiteId,
    /// The last place that was sealed: so many entries.
    pub position: i64,
    /// The chain's hash there, as hexadecimal digits.
    pub hash: String,
    /// When that was written.
    pub anchored_at: DateTime<Utc>,
    /// The Ed25519 key that signs, as hexadecimal digits.
    pub public_key: String,
    /// Its signature over all of the above, as hexadecimal digits.
    pub signature: String,
}

impl Anchor {
    /// An anchor of this place, signed under the site's key. `None`: the key cannot sign.
    #[must_use]
    pub fn sign(key: &SiteKey, site_id: SiteId, position: i64, hash: &[u8], now: DateTime<Utc>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(key.expose()).ok()?;
        let public_key = hex::encode(pair.public_key().as_ref());
        let unsigned =
            Self { site_id, position, hash: hex::encode(hash), anchored_at: now, public_key, signature: String::new() };
        let signature = hex::encode(pair.sign(&unsigned.signed()).as_ref());
        Some(Self { signature, ..unsigned })
    }

    /// The public key that anchors of this site key are signed with, as hexadecimal digits. `None`: the key cannot sign.
    #[must_use]
    pub fn public_key_of(key: &SiteKey) -> Option<String> {
        Ed25519KeyPair::from_seed_unchecked(key.expose()).ok().map(|pair| hex::encode(pair.public_key().as_ref()))
    }

    /// Whether its own key signed it. Whether that key is to be believed is another question.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let (Some(key), Some(signature)) = (hex::decode(&self.public_key), hex::decode(&self.signature)) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(&self.signed(), &signature).is_ok()
    }

    /// The chain's hash, as it is kept.
    #[must_use]
    pub fn hash(&self) -> Option<Vec<u8>> {
        hex::decode(&self.hash)
    }

    /// The bytes that are signed: every part with its length before it.
    fn signed(&self) -> Vec<u8> {
        let at = self.anchored_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let (position, site) = (self.position.to_be_bytes(), self.site_id.0);
        let parts: [&[u8]; 6] = [
            b"handoff/audit-anchor/v1",
            site.as_bytes(),
            &position,
            self.hash.as_bytes(),
            at.as_bytes(),
            self.public_key.as_bytes(),
        ];
        parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::keys::{MasterKey, Purpose};

    #[test]
    fn an_anchor_is_good_as_it_was_signed_and_in_no_other_form() {
        let site = SiteId(uuid::Uuid::from_u128(1));
        let master = MasterKey::from_hex(&"ab".repeat(32)).unwrap();
        let key = master.derive(Purpose::AuditAnchor, site);
        let now = "2026-06-01T09:00:00.000001Z".parse().unwrap();
        let anchor = Anchor::sign(&key, site, 7, &[9; 32], now).unwrap();
        assert!(anchor.is_signed());
        assert_eq!(anchor.hash(), Some(vec![9; 32]));
        assert_eq!(Some(&anchor.public_key), Anchor::public_key_of(&key).as_ref());
        let line = serde_json::to_string(&anchor).unwrap();
        assert_eq!(serde_json::from_str::<Anchor>(&line).unwrap(), anchor, "a line of the file brings all of it back");
        let other_site = SiteId(uuid::Uuid::from_u128(2));
        let other = Anchor::sign(&master.derive(Purpose::AuditAnchor, other_site), other_site, 7, &[9; 32], now).unwrap();
        assert_ne!(other.public_key, anchor.public_key);
        for forged in [
            Anchor { site_id: other_site, ..anchor.clone() },
            Anchor { position: 6, ..anchor.clone() },
            Anchor { hash: "08".repeat(32), ..anchor.clone() },
            Anchor { anchored_at: now + chrono::Duration::microseconds(1), ..anchor.clone() },
            Anchor { public_key: other.public_key, ..anchor.clone() },
            Anchor { signature: other.signature, ..anchor.clone() },
            Anchor { signature: "0".into(), ..anchor.clone() },
            Anchor { public_key: "é".into(), ..anchor },
        ] {
            assert!(!forged.is_signed(), "{forged:?}");
        }
    }
}
