//! Cuts a field name into lower-case words of plain letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::lexicon::Lexicon;

/// Characters of a name that are looked at; longer names say what they are before that.
const MAX_CHARS: usize = 256;

/// The words of a name, in order.
pub(super) fn split(name: &str, lexicon: &Lexicon) -> Vec<String> {
    let plain: String =
        name.chars().take(MAX_CHARS).nfkd().filter(|c| !is_combining_mark(*c) && !is_invisible(*c)).map(homoglyph).collect();
    let mut words = Vec::new();
    for chunk in plain.split(|c: char| !(c.is_alphanumeric() || c == '@' || c == '$')) {
        let whole = fold(chunk);
        if whole.is_empty() {
            continue;
        }
        if lexicon.knows(&whole) {
            words.push(whole);
            continue;
        }
        let humps = humps(chunk);
        // mEdIcAlHiStOrY: so many humps are no humps.
        if humps.len() * 2 > whole.chars().count() && humps.len() > 2 {
            words.push(whole);
        } else {
            words.extend(humps);
        }
    }
    join_letters(words)
}

/// Lower case, with the letters that do not decompose written out.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            c => folded.push(c),
        }
    }
    folded
}

/// A word of the lists in the form names are cut into: without diacritics.
pub(super) fn plain(word: &str) -> String {
    let bare: String = word.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    fold(&bare)
}

/// `patientName` → patient, name; `MRNNumber` → mrn, number; digits stay with what stands before them.
fn humps(chunk: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = chunk.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(c) = chars.next() {
        let starts = c.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || chars.peek().is_some_and(|next| next.is_lowercase()));
        // The s of a plural acronym is no hump: DOBs.
        let plural = starts && before.is_some_and(char::is_uppercase) && {
            let mut rest = chars.clone();
            rest.next() == Some('s') && rest.next().is_none_or(|next| !next.is_lowercase())
        };
        if starts && !plural && !word.is_empty() {
            words.push(fold(&word));
            word.clear();
        }
        word.push(c);
        before = Some(c);
    }
    if !word.is_empty() {
        words.push(fold(&word));
    }
    words
}

/// `d_o_b` → dob.
fn join_letters(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut in_run = false;
    for word in words {
        let single = word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        match joined.last_mut() {
            Some(last) if single && in_run => last.push_str(&word),
            _ => joined.push(word),
        }
        in_run = single;
    }
    joined
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Cyrillic and Greek letters that look like Latin ones.
fn homoglyph(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'А' | 'Α' => 'A',
        'в' => 'b',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'Е' | 'Ε' => 'E',
        'ɡ' => 'g',
        'һ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ι' => 'i',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'ј' => 'j',
        'Ј' => 'J',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'ⅼ' => 'l',
        'м' => 'm',
        'М' | 'Μ' => 'M',
        'п' => 'n',
        'Ν' => 'N',
        'о' | 'ο' => 'o',
        'О' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'т' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' => 'y',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        c => c,
    }
}
