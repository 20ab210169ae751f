//! The form of API keys: `hk_live_` or `hk_test_`, 32 base62 characters of randomness, 6 of CRC-32.
//!
//! The checksum lets a typo be told from a stranger without a query, and lets secret scanners recognise a leak.

use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 32;
const CHECK_LENGTH: usize = 6;

/// A well-formed key, by its hash only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedKey {
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// Whether it claims to be a test key; the database decides.
    pub is_test: bool,
}

/// A fresh key: its text is shown once and never kept.
pub struct FreshKey {
    /// The key itself.
    pub text: secrecy::SecretString,
    /// What is stored.
    pub hash: [u8; 32],
}

/// Makes a key.
///
/// # Errors
/// When the system has no randomness to give.
pub fn generate(is_test: bool) -> Result<FreshKey, getrandom::Error> {
    let prefix = if is_test { "hk_test_" } else { "hk_live_" };
    let mut random = String::with_capacity(RANDOM_LENGTH);
    while random.len() < RANDOM_LENGTH {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes)?;
        // 248 = 4 × 62: bytes above it would make some characters likelier.
        let fair = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| BASE62.get(usize::from(*byte) % 62));
        random.extend(fair.take(RANDOM_LENGTH - random.len()).map(|byte| char::from(*byte)));
    }
    let text = format!("{prefix}{random}{}", checksum(&random));
    let hash = Sha256::digest(text.as_bytes()).into();
    Ok(FreshKey { text: text.into(), hash })
}

/// Reads a presented key; `None` when it is not of the form or its checksum is wrong.
#[must_use]
pub fn parse(text: &str) -> Option<PresentedKey> {
    let (is_test, rest) = match (text.strip_prefix("hk_live_"), text.strip_prefix("hk_test_")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return None,
    };
    if rest.len() != RANDOM_LENGTH + CHECK_LENGTH || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (random, check) = rest.split_at_checked(RANDOM_LENGTH)?;
    (checksum(random) == check).then(|| PresentedKey { hash: Sha256::digest(text.as_bytes()).into(), is_test })
}

fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = ['0'; CHECK_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).map_or('0', |byte| char::from(*byte));
        rest /= 62;
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_fresh_key_parses_and_a_mistyped_one_does_not() {
        for is_test in [false, true] {
            let key = generate(is_test).unwrap();
            let text = key.text.expose_secret();
            assert_eq!(text.len(), 8 + 32 + 6);
            let parsed = parse(text).unwrap();
            assert!(parsed.hash == key.hash && parsed.is_test == is_test);
            let mut typo: Vec<char> = text.chars().collect();
            typo[12] = if typo[12] == 'a' { 'b' } else { 'a' };
            assert!(parse(&typo.into_iter().collect::<String>()).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_random_texts_are_refused(text in "\\PC{0,60}") {
            prop_assert!(parse(&text).is_none());
            let prefixed = format!("hk_live_{text}");
            prop_assert!(parse(&prefixed).is_none());
        }
    }
}
