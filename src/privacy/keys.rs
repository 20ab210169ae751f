//! Keys of the server: one master key, and one derived key per purpose and site (HKDF-SHA256, RFC 5869).
//!
//! While a master key is rotated, others are accepted beside it: what they made is still good, and nothing new is made under
//! them. Which of two keys makes does not matter to whoever accepts both, so that servers can be changed over one by one.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::hex;
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
    /// Secrets of alert webhooks.
    AlertWebhook,
    /// Secrets of webhook endpoints.
    Webhook,
    /// Sealed details of persons.
    SealedDetails,
    /// Signing anchors of the audit chain.
    AuditAnchor,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Cursor => "cursor",
            Self::ContactDigest => "contact-digest",
            Self::Fingerprint => "fingerprint",
            Self::LocalToken => "local-token",
            Self::AlertWebhook => "alert-webhook",
            Self::Webhook => "webhook",
            Self::SealedDetails => "sealed-details",
            Self::AuditAnchor => "audit-anchor",
        }
    }
}

/// One secret of 32 random bytes.
type Secret = std::sync::Arc<SecretBox<[u8; 32]>>;

/// The master key: 32 random bytes, from which everything else is derived; and those that are accepted beside it.
#[derive(Clone)]
pub struct MasterKey {
    current: Secret,
    also: Vec<Secret>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey(redacted, {} also accepted)", self.also.len())
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
        Some(Self { current: std::sync::Arc::new(SecretBox::new(bytes)), also: Vec::new() })
    }

    /// This key, which accepts beside its own what these made. One that it has already is no other.
    #[must_use]
    pub fn accepting(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            if !self.is_or_accepts(&other) {
                self.also.push(other.current);
            }
        }
        self
    }

    /// Whether the other's current key is this one's, or accepted beside it.
    #[must_use]
    pub fn is_or_accepts(&self, other: &Self) -> bool {
        self.secrets().any(|secret| secret.expose_secret().ct_eq(other.current.expose_secret()).into())
    }

    /// How many keys are accepted beside the current one.
    #[must_use]
    pub fn accepted_beside(&self) -> usize {
        self.also.len()
    }

    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.current).chain(&self.also)
    }

    /// A fresh key as hexadecimal text, to be kept by the operator.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate_hex() -> Result<String, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(hex::encode(&bytes))
    }

    /// The key of one purpose at one site, to make something new with.
    #[must_use]
    pub fn derive(&self, purpose: Purpose, site: SiteId) -> SiteKey {
        derive(&self.current, purpose, site)
    }

    /// Every key of one purpose at one site, to check with what was made before.
    #[must_use]
    pub fn keyring(&self, purpose: Purpose, site: SiteId) -> Keyring {
        let also = self.also.iter().map(|secret| derive(secret, purpose, site)).collect();
        Keyring { current: self.derive(purpose, site), also }
    }
}

fn derive(secret: &Secret, purpose: Purpose, site: SiteId) -> SiteKey {
    let label = purpose.label();
    let info: [&[u8]; 4] = [b"handoff/v1/", label.as_bytes(), b"/", site.0.as_bytes()];
    SiteKey(SecretBox::new(expand(&Hkdf::new(None, secret.expose_secret()), &info)))
}

fn expand(hkdf: &Hkdf<Sha256>, info: &[&[u8]]) -> Box<[u8; 32]> {
    let mut key = Box::new([0_u8; 32]);
    let expanded = hkdf.expand_multi_info(info, key.as_mut_slice());
    // HKDF-SHA256 gives up to 8160 bytes; 32 cannot be too many.
    debug_assert!(expanded.is_ok());
    key
}

/// The keys of one purpose at one site: what is new is made under the current one, what is old is good under any.
#[derive(Debug)]
pub struct Keyring {
    /// The key to make with.
    pub current: SiteKey,
    also: Vec<SiteKey>,
}

impl Keyring {
    /// Every key, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &SiteKey> {
        std::iter::once(&self.current).chain(&self.also)
    }

    /// The keys that are accepted beside the current one.
    #[must_use]
    pub fn also(&self) -> &[SiteKey] {
        &self.also
    }
}

/// Which key a kept digest was made under: a public name that tells nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

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

    /// The public name of this key: the beginning of a hash over an output of HKDF that nothing else uses.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let Ok(hkdf) = Hkdf::<Sha256>::from_prk(self.0.expose_secret()) else { return KeyId([0; 8]) };
        let hash = Sha256::digest(expand(&hkdf, &[b"handoff/v1/key-id"]).as_slice());
        let mut id = [0; 8];
        id.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        KeyId(id)
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
        assert_eq!(format!("{:?}", MasterKey::from_hex(&text).unwrap()), "MasterKey(redacted, 0 also accepted)");
        assert!(MasterKey::from_hex("short").is_none());
        assert!(MasterKey::from_hex(&"zz".repeat(32)).is_none());
        assert!(MasterKey::from_hex(&"é".repeat(32)).is_none());
    }

    #[test]
    fn whoever_accepts_two_keys_checks_alike_whichever_of_them_makes() {
        let key = |byte: &str| MasterKey::from_hex(&byte.repeat(32)).unwrap();
        let site = SiteId(uuid::Uuid::from_u128(1));
        let macs = |master: &MasterKey| {
            let keyring = master.keyring(Purpose::Cursor, site);
            let mut macs: Vec<_> = keyring.all().map(|key| key.mac(&[b"x"])).collect();
            assert_eq!(
                macs[0],
                master.derive(Purpose::Cursor, site).mac(&[b"x"]),
                "the current one first, and new things under it"
            );
            macs.sort_unstable();
            macs
        };
        let (first, second) = (key("01").accepting([key("02")]), key("02").accepting([key("01")]));
        assert_eq!(macs(&first), macs(&second));
        assert_ne!(macs(&first), macs(&key("01")));
        assert_eq!(key("01").accepting([key("01"), key("02"), key("02")]).accepted_beside(), 1, "a key counts once");
        assert!(first.is_or_accepts(&key("02")) && !key("01").is_or_accepts(&key("02")));
    }

    #[test]
    fn the_name_of_a_key_differs_by_key_purpose_and_site_and_is_no_part_of_it() {
        let (one, other) = (MasterKey::from_hex(&"01".repeat(32)).unwrap(), MasterKey::from_hex(&"02".repeat(32)).unwrap());
        let (site, elsewhere) = (SiteId(uuid::Uuid::from_u128(1)), SiteId(uuid::Uuid::from_u128(2)));
        let key = one.derive(Purpose::ContactDigest, site);
        assert_eq!(key.id(), one.derive(Purpose::ContactDigest, site).id());
        for strange in [
            other.derive(Purpose::ContactDigest, site),
            one.derive(Purpose::ContactDigest, elsewhere),
            one.derive(Purpose::Fingerprint, site),
        ] {
            assert_ne!(key.id(), strange.id());
        }
        let holds = |bytes: &[u8]| bytes.windows(3).any(|part| key.id().0.windows(3).any(|named| named == part));
        assert!(!holds(key.expose()) && !holds(&[1; 32]) && !holds(&key.mac(&[b"x"])));
    }
}
