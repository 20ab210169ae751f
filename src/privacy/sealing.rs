//! Sealing what must be read again and may lie nowhere in the clear: AES-256-GCM under the key of one purpose at one site.
//!
//! What is sealed is bound to its place (`bound_to`): moved to another row it does not open. Which key it lies under is kept
//! beside it, so that it stays readable while that key is accepted, and one sees when an earlier key may go.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::zeroize::Zeroizing;

use super::keys::{KeyId, Keyring, SiteKey};

/// Something sealed, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Under which key.
    pub key_id: KeyId,
    /// Drawn for this alone.
    pub nonce: [u8; NONCE_LEN],
    /// What it was made into, with the tag of its authenticity.
    pub ciphertext: Vec<u8>,
}

/// Why nothing was sealed or opened. It carries nothing of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealingFailed {
    /// The system gave no randomness, or the cipher refused.
    NotSealed,
    /// It lies under a key that is not configured.
    UnknownKey,
    /// It is not what was sealed for this place: changed, or moved.
    NotGenuine,
}

impl std::fmt::Display for SealingFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotSealed => "nothing was sealed",
            Self::UnknownKey => "sealed under a master key that is not configured; it belongs into HANDOFF_MASTER_KEY_ALSO",
            Self::NotGenuine => "not what was sealed for this place",
        })
    }
}

impl std::error::Error for SealingFailed {}

/// Seals this for one place.
///
/// # Errors
/// [`SealingFailed::NotSealed`].
pub fn seal(key: &SiteKey, bound_to: &[&[u8]], plain: &[u8]) -> Result<Sealed, SealingFailed> {
    let mut nonce = [0_u8; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| SealingFailed::NotSealed)?;
    // Overwritten where it lies, so that no copy of what was in the clear is left behind.
    let mut buffer = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    buffer.extend_from_slice(plain);
    let once = Nonce::assume_unique_for_key(nonce);
    let sealed = cipher(key)?.seal_in_place_append_tag(once, associated(bound_to), &mut buffer);
    sealed.map_err(|_| SealingFailed::NotSealed)?;
    Ok(Sealed { key_id: key.id(), nonce, ciphertext: buffer })
}

/// Opens what was sealed for this place under any key that is accepted; it is wiped from memory when it is dropped.
///
/// # Errors
/// [`SealingFailed`].
pub fn open(keyring: &Keyring, bound_to: &[&[u8]], sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealingFailed> {
    let key = keyring.all().find(|key| key.id() == sealed.key_id).ok_or(SealingFailed::UnknownKey)?;
    let mut buffer = Zeroizing::new(sealed.ciphertext.clone());
    let nonce = Nonce::assume_unique_for_key(sealed.nonce);
    let opened = cipher(key)?.open_in_place(nonce, associated(bound_to), buffer.as_mut_slice());
    let length = opened.map_err(|_| SealingFailed::NotGenuine)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

fn cipher(key: &SiteKey) -> Result<LessSafeKey, SealingFailed> {
    UnboundKey::new(&AES_256_GCM, key.expose()).map(LessSafeKey::new).map_err(|_| SealingFailed::NotSealed)
}

/// The parts, each preceded by its length, so that parts cannot run into one another.
fn associated(parts: &[&[u8]]) -> Aad<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SiteId;
    use crate::privacy::keys::{MasterKey, Purpose};

    fn master(byte: &str) -> MasterKey {
        MasterKey::from_hex(&byte.repeat(32)).unwrap()
    }

    fn keyring(master: &MasterKey, site: u128) -> Keyring {
        master.keyring(Purpose::SealedDetails, SiteId(uuid::Uuid::from_u128(site)))
    }

    const PLACE: [&[u8]; 2] = [b"a", b"row"];

    #[test]
    fn what_is_sealed_opens_at_its_place_under_its_key_and_nowhere_else() {
        let home = keyring(&master("01"), 1);
        let sealed = seal(&home.current, &PLACE, b"canary").unwrap();
        assert_eq!(open(&home, &PLACE, &sealed).unwrap().as_slice(), b"canary");
        assert!(!sealed.ciphertext.windows(3).any(|part| b"canary".windows(3).any(|plain| plain == part)));
        assert_ne!(sealed, seal(&home.current, &PLACE, b"canary").unwrap(), "each has a nonce of its own");
        assert_eq!(open(&home, &[b"ar", b"ow"], &sealed), Err(SealingFailed::NotGenuine));
        assert_eq!(open(&keyring(&master("01"), 2), &PLACE, &sealed), Err(SealingFailed::UnknownKey));
        assert_eq!(open(&keyring(&master("02"), 1), &PLACE, &sealed), Err(SealingFailed::UnknownKey));
        let mut named_otherwise = sealed.clone();
        named_otherwise.key_id = keyring(&master("02"), 1).current.id();
        assert_eq!(open(&keyring(&master("02"), 1), &PLACE, &named_otherwise), Err(SealingFailed::NotGenuine));
        for place in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[place] ^= 1;
            assert_eq!(open(&home, &PLACE, &changed), Err(SealingFailed::NotGenuine), "byte {place}");
        }
        let short = Sealed { ciphertext: vec![0; 3], ..sealed };
        assert_eq!(open(&home, &PLACE, &short), Err(SealingFailed::NotGenuine));
    }

    #[test]
    fn an_earlier_key_opens_while_it_is_accepted() {
        let sealed = seal(&keyring(&master("01"), 1).current, &PLACE, b"canary").unwrap();
        let rotated = keyring(&master("02").accepting([master("01")]), 1);
        assert_eq!(open(&rotated, &PLACE, &sealed).unwrap().as_slice(), b"canary");
        let again = seal(&rotated.current, &PLACE, &open(&rotated, &PLACE, &sealed).unwrap()).unwrap();
        assert_eq!(open(&keyring(&master("02"), 1), &PLACE, &again).unwrap().as_slice(), b"canary");
    }
}
