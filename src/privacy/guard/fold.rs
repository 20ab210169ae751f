//! Text made comparable, for matching only: compatibility forms and diacritics removed, case kept.
//! Nothing folded is ever stored or answered.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds a text. ASCII text, the usual case, is borrowed.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for run in text.split_inclusive(|next: char| !next.is_ascii()) {
        let plain = run.trim_end_matches(|last: char| !last.is_ascii());
        folded.push_str(plain);
        for other in run.get(plain.len()..).unwrap_or_default().chars() {
            push(&mut folded, other);
        }
    }
    Cow::Owned(folded)
}

fn push(folded: &mut String, other: char) {
    match other {
        'ß' => folded.push_str("ss"),
        'æ' => folded.push_str("ae"),
        'Æ' => folded.push_str("Ae"),
        'œ' => folded.push_str("oe"),
        'Œ' => folded.push_str("Oe"),
        'ø' => folded.push('o'),
        'Ø' => folded.push('O'),
        'ł' => folded.push('l'),
        'Ł' => folded.push('L'),
        'đ' => folded.push('d'),
        'ı' => folded.push('i'),
        '‘' | '’' | 'ʼ' => folded.push('\''),
        '“' | '”' | '«' | '»' => folded.push('"'),
        '‐'..='―' => folded.push('-'),
        // The ideographs and syllables: nothing to decompose, and decomposing Hangul would cost time.
        '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => folded.push(other),
        _ => folded.extend(std::iter::once(other).nfkd().filter(|part| !is_combining_mark(*part))),
    }
}
