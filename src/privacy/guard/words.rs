//! A folded text cut into words with their classes; words know where clauses and sentences end.

use super::lexicon::{Class, Lexicon, phrase};
use super::registered::Registered;

/// A word of a folded text.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    /// Its bytes; digits only, or letters with whatever digits stand among them.
    pub bytes: &'a [u8],
    /// What it says.
    pub class: Class,
    /// Its hash in phrases.
    pub hash: u32,
    /// Whether a name of the tenant's register has it.
    pub is_registered: bool,
    /// Whether a clause ends behind it.
    pub ends_clause: bool,
    /// Whether a sentence or line does.
    pub ends_sentence: bool,
}

impl Word<'_> {
    /// Whether it begins with a capital.
    pub fn is_capitalised(&self) -> bool {
        self.bytes.first().is_some_and(u8::is_ascii_uppercase)
    }
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Cuts a text into words and looks them up.
pub fn read<'a>(text: &'a str, lexicon: Lexicon<'_>, registered: &Registered) -> Vec<Word<'a>> {
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    let mut rest = text.as_bytes();
    while let Some(start) = rest.iter().position(|byte| is_word_byte(*byte)) {
        let (gap, from) = rest.split_at(start);
        let length = from.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(from.len());
        let (word, after) = from.split_at(length);
        if let Some(last) = words.last_mut() {
            let last: &mut Word<'_> = last;
            // Most gaps are a space, which ends nothing.
            last.ends_sentence = gap != b" " && ends_sentence(gap, from);
            last.ends_clause = last.ends_sentence || (gap != b" " && ends_clause(gap)) || is_conjunction(word);
        }
        let (number, unit) = split_unit(word);
        for part in [number, unit] {
            if !part.is_empty() {
                words.push(look_up(part, lexicon, registered));
            }
        }
        rest = after;
    }
    if let Some(last) = words.last_mut() {
        (last.ends_clause, last.ends_sentence) = (true, true);
    }
    take_phrases(&mut words, lexicon);
    words
}

/// `500mg` is a number and a unit; `8F3A21` is one word.
fn split_unit(word: &[u8]) -> (&[u8], &[u8]) {
    let digits = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    if unit.iter().any(u8::is_ascii_digit) { (word, &[]) } else { (number, unit) }
}

fn look_up<'a>(bytes: &'a [u8], lexicon: Lexicon<'_>, registered: &Registered) -> Word<'a> {
    let (class, hash) = lexicon.resolve(bytes);
    let class = if bytes.iter().all(u8::is_ascii_digit) { Class::Number } else { class };
    Word { bytes, class, hash, is_registered: registered.has(hash), ends_clause: false, ends_sentence: false }
}

/// Sentence marks count before a space, so that `3.5` and `d.o.b` hold together.
fn ends_sentence(gap: &[u8], after: &[u8]) -> bool {
    gap.contains(&b'\n')
        || (gap.len() > 1 && gap.iter().any(|byte| matches!(byte, b'!' | b'?' | b';' | b'|')))
        || gap.windows(2).any(|pair| pair == b". ") && !after.first().is_some_and(u8::is_ascii_lowercase)
}

/// Whether a reason or an objection begins with the word.
fn is_conjunction(word: &[u8]) -> bool {
    matches!(word, b"because" | b"but" | b"while" | b"weil" | b"aber" | b"porque" | b"pero" | b"parce" | b"mais")
}

/// The marks that part a remark from what stands before it.
fn ends_clause(gap: &[u8]) -> bool {
    gap.iter().any(|byte| matches!(byte, b',' | b':' | b';' | b'(' | b')' | b'=' | b'|'))
        || gap.windows(3).any(|marks| matches!(marks, b" - " | b" / "))
}

/// A phrase says something else than its words: `heart attack`, `pain point`.
fn take_phrases(words: &mut [Word<'_>], lexicon: Lexicon<'_>) {
    let mut rest = words;
    while let [first, second, ..] = rest {
        let pair = phrase(first.hash, second.hash);
        let long = match rest {
            [_, _, third, ..] => lexicon.get(phrase(pair, third.hash)),
            _ => None,
        };
        let found = long.map(|class| (3, class)).or_else(|| lexicon.get(pair).map(|class| (2, class)));
        let length = found.map_or(1, |(length, _)| length);
        let (taken, after) = rest.split_at_mut(length);
        if let Some((_, class)) = found {
            for word in taken {
                word.class = class;
            }
        }
        rest = after;
    }
}
