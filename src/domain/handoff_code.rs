//! The handoff code: what a person types or says at the site's intake so that their referral is found.

use super::text::{HandoffCode, SpokenCode};

/// Crockford's base 32: no I, L, O, U, so that a code survives a phone call.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N', 'P', 'Q', 'R',
    'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

/// Makes a code of 50 bits from eight random bytes.
///
/// # Errors
/// None in practice: the alphabet fits the bounds of [`HandoffCode`], which has no unchecked constructor.
pub fn from_random(bytes: &[u8; 8]) -> Result<HandoffCode, super::OutOfBounds> {
    let mut bits = u64::from_le_bytes(*bytes);
    let mut code = String::with_capacity(10);
    for _ in 0..10 {
        code.extend(ALPHABET.get((bits & 31) as usize));
        bits >>= 5;
    }
    HandoffCode::parse(code)
}

/// The code that somebody typed or read out: in any case, in groups, and with letters that the alphabet leaves out for the digits
/// that they look like. `None`: no code of ours looks like this.
#[must_use]
pub fn understand(spoken: &SpokenCode) -> Option<HandoffCode> {
    let meant = spoken.as_str().chars().filter(|sign| !matches!(sign, ' ' | '-')).map(|sign| match sign.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    HandoffCode::parse(meant.collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_as_it_is_typed_and_read_out_and_nothing_else_is_one() {
        for spoken in ["7Q2MZK4R10", "7q2mzk4r10", "7Q2M ZK4R 1O", "7q2m-zk4r-lo", "7Q2MZK4RI0"] {
            let code = understand(&SpokenCode::parse(spoken.to_owned()).unwrap());
            assert_eq!(code.unwrap().as_str(), "7Q2MZK4R10", "{spoken}");
        }
        for other in ["7Q2MZK4R1", "7Q2MZK4R100", "7Q2MZK4RU0", "7", "lakeside"] {
            assert!(understand(&SpokenCode::parse(other.to_owned()).unwrap()).is_none(), "{other}");
        }
    }

    #[test]
    fn every_byte_pattern_gives_a_code_of_its_alphabet() {
        for seed in 0..=u8::MAX {
            let code = from_random(&[seed; 8]).unwrap();
            assert_eq!(code.as_str().len(), 10);
        }
        assert_ne!(from_random(&[1; 8]).unwrap(), from_random(&[2; 8]).unwrap());
    }
}
