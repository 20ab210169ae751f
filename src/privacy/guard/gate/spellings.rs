//! Words written so that a reader sees them and a search does not: l e t t e r s apart, d1g1t5 for letters.

use super::kinds::Kinds;
use crate::privacy::guard::lexicon::{Class, Classes, Lexicon};
use crate::privacy::guard::vocabulary::{Rule, Set};
use crate::privacy::guard::words::Word;

pub(super) fn inspect(text: &str, kinds: Kinds, words: &[Word<'_>], lexicon: Lexicon<'_>, rules: &mut Set<Rule>) {
    if has_spaced_letters(words, lexicon) || (kinds.intersects(Kinds::MARK) && has_split_word(text, lexicon)) {
        rules.insert(Rule::SpacedLetters);
    }
    if kinds.intersects(Kinds::DIGIT.or(Kinds::SIGN)) && is_leetspeak(text, lexicon) {
        rules.insert(Rule::Leetspeak);
    }
}

/// Single letters in a row: five are no initials, three or four only if they make a known word.
fn has_spaced_letters(words: &[Word<'_>], lexicon: Lexicon<'_>) -> bool {
    let is_single = |word: &Word<'_>| word.bytes.len() == 1 || (word.bytes.len() == 2 && !word.bytes.is_ascii());
    for run in words.split(|word| !is_single(word)) {
        let letters: usize = run.iter().filter(|word| !matches!(word.class, Class::Number)).count();
        if letters >= 5 {
            return true;
        }
        if (3..5).contains(&letters) && run.len() == letters {
            let joined: Vec<u8> = run.iter().flat_map(|word| word.bytes).copied().collect();
            if is_health(&joined, lexicon) {
                return true;
            }
        }
    }
    false
}

fn is_health(word: &[u8], lexicon: Lexicon<'_>) -> bool {
    const HEALTH: Classes = Classes::of(&[Class::Condition, Class::Mental, Class::Symptom, Class::Medication, Class::Procedure]);
    HEALTH.contains(lexicon.resolve(word).0)
}

/// A word that nobody has a reason to write with digits.
fn is_telling(word: &[u8], lexicon: Lexicon<'_>) -> bool {
    const PERSONAL: Classes = Classes::of(&[Class::Anatomy, Class::Patient, Class::Record, Class::Identity]);
    is_health(word, lexicon) || PERSONAL.contains(lexicon.resolve(word).0)
}

/// `can.cer`, `dia-be-tes`: short pieces that say nothing apart and a disease together.
fn has_split_word(text: &str, lexicon: Lexicon<'_>) -> bool {
    let is_mark = |byte: u8| Kinds::of(byte).intersects(Kinds::MARK);
    let is_mark_or_letter = |byte: u8| Kinds::of(byte).intersects(Kinds::MARK.or(Kinds::LETTER));
    text.split_ascii_whitespace().any(|run| {
        let pieces = || run.split(|letter: char| letter.is_ascii() && is_mark(letter as u8));
        if !run.bytes().any(is_mark) || run.len() > 40 || !run.bytes().all(is_mark_or_letter) {
            return false;
        }
        let joined: Vec<u8> = run.bytes().filter(u8::is_ascii_alphabetic).collect();
        joined.len() >= 6
            && pieces().all(|piece| piece.len() <= 5 && lexicon.resolve(piece.as_bytes()).0 == Class::Plain)
            && is_health(&joined, lexicon)
    })
}

/// The letter a digit or sign stands for.
const fn letter_of(sign: u8) -> Option<u8> {
    match sign {
        b'0' => Some(b'o'),
        b'1' | b'!' => Some(b'i'),
        b'3' => Some(b'e'),
        b'4' | b'@' => Some(b'a'),
        b'5' | b'$' => Some(b's'),
        b'7' | b'+' => Some(b't'),
        b'8' => Some(b'b'),
        b'9' => Some(b'g'),
        _ => None,
    }
}

fn is_leetspeak(text: &str, lexicon: Lexicon<'_>) -> bool {
    const SPELT: Kinds = Kinds::LETTER.or(Kinds::DIGIT).or(Kinds::SIGN);
    let mut suspects = 0;
    for run in text.as_bytes().split(|byte| !Kinds::of(*byte).intersects(SPELT)) {
        let word = run.strip_suffix(b"!").unwrap_or(run);
        if !(3..=24).contains(&word.len()) || word.iter().all(u8::is_ascii_alphabetic) || !is_suspect(word) {
            continue;
        }
        let spelt = |one: u8| -> Vec<u8> {
            word.iter().map(|sign| if *sign == b'1' { one } else { letter_of(*sign).unwrap_or(*sign) }).collect()
        };
        // `asthma1` is a name with a number; `lupu5` is not.
        let bare = word.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
        let is_numbered = bare < word.len() && word.get(..bare).is_some_and(|bare| is_health(bare, lexicon));
        if !is_numbered && [b'i', b'l'].iter().any(|one| is_telling(&spelt(*one), lexicon)) {
            return true;
        }
        // Names of things are short, hexadecimal or have their digits behind; two other words are no coincidence.
        let letters = || word.iter().map(u8::is_ascii_alphabetic);
        let is_inside = letters().skip_while(|is| !is).skip_while(|is| *is).any(|is| is);
        let is_long = word.len() >= 5 || letters().filter(|is| *is).count() >= 3;
        let is_hexadecimal = word.iter().all(u8::is_ascii_hexdigit);
        suspects += u32::from(is_inside && is_long && !is_hexadecimal);
        if suspects >= 2 {
            return true;
        }
    }
    false
}

/// Lower-case letters with signs among them, and every sign stands for a letter.
fn is_suspect(word: &[u8]) -> bool {
    let (_, tail) = word.split_at(1);
    let is_sign = |sign: &u8| !sign.is_ascii_alphabetic();
    let letters = word.iter().filter(|sign| !is_sign(sign)).count();
    letters >= 2
        && letters < word.len()
        && tail.iter().all(|sign| is_sign(sign) || sign.is_ascii_lowercase())
        && word.iter().all(|sign| !is_sign(sign) || letter_of(*sign).is_some())
}
