//! Keys of the server: one master key, and one derived key per purpose and site (HKDF-SHA256, RFC 5869).

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use crate::domain::ids::SiteId;

/// What a derived key is for. A purpose never reads another's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing list cursors.
    Cursor,
    /// Digests of contact details for matching.
    ContactDigest,
    /// Fingerprints of request bodies behind idempotency keys.
    Fingerprint,
    /// Staff tokens that `handoff token create` issues.
    LocalToken,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Cursor => "cursor",
            Self::ContactDigest => "contact-digest",
            Self::Fingerprint => "fingerprint",
            Self::LocalToken => "local-token",
        }
    }
}

/// The master key: 32 random bytes, from which everything else is derived.
#[derive(Clone)]
pub struct MasterKey(std::sync::Arc<SecretBox<[u8; 32]>>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

impl MasterKey {
    /// Reads a key written as 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = Box::new([0_u8; 32]);
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(std::sync::Arc::new(SecretBox::new(bytes))))
    }

    /// A fresh key as hexadecimal text, to be kept by the operator.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate_hex() -> Result<String, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The key of one purpose at one site.
    #[must_use]
    pub fn derive(&self, purpose: Purpose, site: SiteId) -> SiteKey {
        let mut key = Box::new([0_u8; 32]);
        let label = purpose.label();
        let expanded = Hkdf::<Sha256>::new(None, self.0.expose_secret())
            .expand_multi_info(&[b"handoff/v1/", label.as_bytes(), b"/", site.0.as_bytes()], key.as_mut_slice());
        // HKDF-SHA256 gives up to 8160 bytes; 32 cannot be too many.
        debug_assert!(expanded.is_ok());
        SiteKey(SecretBox::new(key))
    }
}

/// A key of one purpose at one site.
pub struct SiteKey(SecretBox<[u8; 32]>);

impl std::fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SiteKey(redacted)")
    }
}

impl SiteKey {
    /// HMAC-SHA256 over parts, each preceded by its length, so that parts cannot run into one another.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else { return [0; 32] };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The raw key, for a library that signs by itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_sites_have_keys_of_their_own() {
        let master = MasterKey::from_hex(&"ab".repeat(32)).unwrap();
        let site = SiteId(uuid::Uuid::from_u128(1));
        let other = SiteId(uuid::Uuid::from_u128(2));
        let mac = |purpose, site| master.derive(purpose, site).mac(&[b"x"]);
        assert_eq!(mac(Purpose::Cursor, site), mac(Purpose::Cursor, site));
        assert_ne!(mac(Purpose::Cursor, site), mac(Purpose::Fingerprint, site));
        assert_ne!(mac(Purpose::Cursor, site), mac(Purpose::Cursor, other));
    }

    #[test]
    fn parts_do_not_run_into_one_another() {
        let key = MasterKey::from_hex(&"01".repeat(32)).unwrap().derive(Purpose::Cursor, SiteId(uuid::Uuid::nil()));
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
    }

    #[test]
    fn a_master_key_is_sixty_four_hexadecimal_digits_and_never_printed() {
        let text = MasterKey::generate_hex().unwrap();
        assert_eq!(format!("{:?}", MasterKey::from_hex(&text).unwrap()), "MasterKey(redacted)");
        assert!(MasterKey::from_hex("short").is_none());
        assert!(MasterKey::from_hex(&"zz".repeat(32)).is_none());
        assert!(MasterKey::from_hex(&"é".repeat(32)).is_none());
    }
}
