//! Contact details become keyed digests at the edge and are gone: normalised, HMAC-SHA256 under the site's key, dropped.

use unicode_normalization::UnicodeNormalization;

use super::keys::{KeyId, Keyring, SiteKey};
use crate::domain::vocabulary::DigestKind;

/// A digest of one contact detail; nothing of the detail can be read from it without the site's key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContactDigest {
    /// What it was made of.
    pub kind: DigestKind,
    /// HMAC-SHA256 of the normalised detail.
    pub digest: [u8; 32],
    /// Under which key.
    pub key_id: KeyId,
}

/// One contact detail under every key that is accepted: the digest to keep, and those that it may have been kept under before.
#[derive(Debug, Clone)]
pub struct DetailDigests {
    /// Under the current key.
    pub current: ContactDigest,
    /// Under each key that is accepted beside it.
    pub also: Vec<ContactDigest>,
}

impl DetailDigests {
    /// Digests a detail under every key of the ring; `None` when it is none.
    #[must_use]
    pub fn under(keyring: &Keyring, of: impl Fn(&SiteKey) -> Option<ContactDigest>) -> Option<Self> {
        Some(Self { current: of(&keyring.current)?, also: keyring.also().iter().filter_map(&of).collect() })
    }

    /// Every digest of the detail, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &ContactDigest> {
        std::iter::once(&self.current).chain(&self.also)
    }
}

impl std::fmt::Debug for ContactDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContactDigest({}, redacted)", self.kind)
    }
}

/// The digest of an e-mail address, compared without regard to case; `None` when it is no address.
#[must_use]
pub fn of_email(key: &SiteKey, email: &str) -> Option<ContactDigest> {
    let normal: String = email.trim().nfc().collect::<String>().to_lowercase();
    let (local, domain) = normal.rsplit_once('@')?;
    let plausible = !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
    (plausible && !normal.chars().any(char::is_whitespace)).then(|| digest(key, DigestKind::Email, &normal))
}

/// The digest of a telephone number in E.164, read with the site's default region; `None` when it is no number.
#[must_use]
pub fn of_phone(key: &SiteKey, phone: &str, default_region: &str) -> Option<ContactDigest> {
    let region = default_region.parse::<phonenumber::country::Id>().ok();
    let number = phonenumber::parse(region, phone.trim()).ok().filter(phonenumber::is_valid)?;
    // An extension is a person's desk at a shared number; the number alone identifies the household line.
    let normal = format!("+{}{}", number.code().value(), number.national());
    Some(digest(key, DigestKind::Phone, &normal))
}

fn digest(key: &SiteKey, kind: DigestKind, normal: &str) -> ContactDigest {
    ContactDigest { kind, digest: key.mac(&[kind.as_str().as_bytes(), normal.as_bytes()]), key_id: key.id() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SiteId;
    use crate::privacy::keys::{MasterKey, Purpose};

    fn key(site: u128) -> SiteKey {
        MasterKey::from_hex(&"5a".repeat(32)).unwrap().derive(Purpose::ContactDigest, SiteId(uuid::Uuid::from_u128(site)))
    }

    #[test]
    fn spellings_of_one_detail_agree() {
        let key = key(1);
        assert_eq!(of_email(&key, " Ana@Example.ORG "), of_email(&key, "ana@example.org"));
        let spellings = ["+1 415 555 2671", "(415) 555-2671", "415.555.2671", "+14155552671"];
        let digests: Vec<_> = spellings.iter().map(|text| of_phone(&key, text, "US").unwrap()).collect();
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(of_phone(&key, "+44 20 7946 0958", "US"), of_phone(&key, "020 7946 0958", "GB"));
    }

    #[test]
    fn sites_do_not_share_digests_and_kinds_do_not_meet() {
        assert_ne!(of_email(&key(1), "a@b.example"), of_email(&key(2), "a@b.example"));
        assert_ne!(of_email(&key(1), "a@b.example"), of_email(&key(1), "c@b.example"));
    }

    #[test]
    fn what_is_no_address_or_number_gives_none() {
        let key = key(1);
        for text in ["", "@", "a@", "a@b", "a b@c.de", "a@.de"] {
            assert!(of_email(&key, text).is_none(), "{text}");
        }
        for text in ["", "hello", "12", "+999999"] {
            assert!(of_phone(&key, text, "US").is_none(), "{text}");
        }
        assert!(of_phone(&key, "415 555 2671", "ZZ").is_none());
    }
}
