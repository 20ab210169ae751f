//! The handoff code: what a person types or says at the site's intake so that their referral is found.

use super::text::HandoffCode;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_pattern_gives_a_code_of_its_alphabet() {
        for seed in 0..=u8::MAX {
            let code = from_random(&[seed; 8]).unwrap();
            assert_eq!(code.as_str().len(), 10);
        }
        assert_ne!(from_random(&[1; 8]).unwrap(), from_random(&[2; 8]).unwrap());
    }
}
