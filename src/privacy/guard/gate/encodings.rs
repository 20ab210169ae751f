//! Text in another code: character references, escapes, base64, hexadecimal, binary.
//! Identifiers and tokens in these alphabets pass; what spells readable words does not.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::kinds::Kinds;
use crate::privacy::guard::vocabulary::{Rule, Set};

/// Shortest run that may hide words.
const MIN_ENCODED: usize = 12;
/// Longest piece that is decoded: what follows is of the same kind.
const MAX_ENCODED: usize = 512;

pub(super) fn inspect(text: &str, kinds: Kinds, rules: &mut Set<Rule>) {
    let bytes = text.as_bytes();
    if kinds.intersects(Kinds::AMPERSAND) && bytes.split(|byte| *byte == b'&').skip(1).any(is_entity) {
        rules.insert(Rule::HtmlEntity);
    }
    if kinds.intersects(Kinds::ESCAPE) {
        let percent = bytes.split(|byte| *byte == b'%').skip(1).filter(|after| is_percent_escape(after)).count();
        let backslash = bytes.split(|byte| *byte == b'\\').skip(1).filter(|after| is_backslash_escape(after)).count();
        let named = text.split("U+").skip(1).filter(|after| hex_digits(after.as_bytes()) >= 4).count();
        if percent + 2 * backslash + named > 1 {
            rules.insert(Rule::EscapeSequence);
        }
    }
    let mut runs = bytes.split(|byte| Kinds::of(*byte).intersects(Kinds::BETWEEN)).filter(|run| run.len() >= MIN_ENCODED);
    if runs.any(is_encoded) || (kinds.intersects(Kinds::DIGIT) && has_spelt_codes(bytes)) {
        rules.insert(Rule::EncodedText);
    }
}

/// Behind an ampersand: a numeric reference, or a named one beyond the few that exports write by themselves.
fn is_entity(after: &[u8]) -> bool {
    let Some(end) = after.iter().take(12).position(|byte| *byte == b';') else { return false };
    match after.get(..end) {
        Some([b'#', number @ ..]) => !number.is_empty() && number.iter().all(u8::is_ascii_alphanumeric),
        Some(b"amp" | b"lt" | b"gt" | b"quot" | b"apos" | b"nbsp") => false,
        Some(name) => name.len() > 1 && name.iter().all(u8::is_ascii_alphanumeric),
        None => false,
    }
}

/// An escaped letter or digit: links escape spaces and signs, nobody needs to escape letters.
fn is_percent_escape(after: &[u8]) -> bool {
    let [high, low, ..] = after else { return false };
    let hex = |byte: &u8| char::from(*byte).to_digit(16);
    matches!((hex(high), hex(low)), (Some(high @ 3..=7), Some(low)) if ((high * 16 + low) as u8).is_ascii_alphanumeric())
}

fn is_backslash_escape(after: &[u8]) -> bool {
    match after {
        [b'u' | b'U', b'{', rest @ ..] => hex_digits(rest) >= 1,
        [b'u' | b'U', rest @ ..] => hex_digits(rest) >= 4,
        [b'x', rest @ ..] => hex_digits(rest) >= 2,
        _ => false,
    }
}

fn hex_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count()
}

/// A run of base64 or hexadecimal that decodes to readable text.
fn is_encoded(run: &[u8]) -> bool {
    let run = run.get(..MAX_ENCODED).unwrap_or(run);
    if !run.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')) {
        return false;
    }
    if run.iter().all(u8::is_ascii_hexdigit) && is_readable(&from_hex(run)) {
        return true;
    }
    // Words and codes of one case are not base64: it mixes cases.
    let has = |kind: fn(&u8) -> bool| run.iter().any(kind);
    if !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)) {
        return false;
    }
    let decoded = STANDARD_NO_PAD.decode(run).or_else(|_| URL_SAFE_NO_PAD.decode(run));
    decoded.is_ok_and(|decoded| is_readable(&decoded))
}

fn from_hex(digits: &[u8]) -> Vec<u8> {
    let (pairs, _) = digits.as_chunks::<2>();
    let value = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)).collect()
}

/// Letters, spaces and digits as in words.
fn is_readable(decoded: &[u8]) -> bool {
    let letters = decoded.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte == b' ').count();
    decoded.len() >= 6 && letters * 10 >= decoded.len() * 7 && decoded.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'))
}

/// Character codes apart by spaces: binary, or hexadecimal and decimal that spell letters.
fn has_spelt_codes(text: &[u8]) -> bool {
    let (mut binary, mut hex, mut decimal) = (0, 0, 0);
    for code in text.split(|byte| Kinds::of(*byte).intersects(Kinds::CODE_END)) {
        let is_candidate = matches!(code.len(), 2 | 3 | 8) && code.iter().all(u8::is_ascii_hexdigit);
        let is_letter = |radix, length| {
            let value = std::str::from_utf8(code).ok().and_then(|code| u8::from_str_radix(code, radix).ok());
            code.len() == length && value.is_some_and(|value| value.is_ascii_alphabetic() || value == b' ')
        };
        if !is_candidate {
            (binary, hex, decimal) = (0, 0, 0);
            continue;
        }
        binary = if is_letter(2, 8) { binary + 1 } else { 0 };
        hex = if is_letter(16, 2) { hex + 1 } else { 0 };
        decimal = if is_letter(10, 3) || is_letter(10, 2) { decimal + 1 } else { 0 };
        if binary >= 2 || hex >= 5 || decimal >= 6 {
            return true;
        }
    }
    false
}
