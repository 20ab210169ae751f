//! The character gate: text in disguise is refused, not repaired.
//!
//! Single characters and scripts are `letters`' business, spellings in other codes `encodings`', and letters that are
//! spaced out or replaced by digits `spellings`'. Ordinary text of any language passes.

mod encodings;
mod kinds;
mod letters;
mod spellings;

use self::kinds::Kinds;
use super::lexicon::Lexicon;
use super::vocabulary::{Rule, Set};
use super::words::Word;

/// Adds the rules of form that a text breaks.
pub(super) fn inspect(text: &str, words: &[Word<'_>], lexicon: Lexicon<'_>, rules: &mut Set<Rule>) {
    let kinds = Kinds::all(text.as_bytes());
    letters::inspect(text, kinds, rules);
    encodings::inspect(text, kinds, rules);
    spellings::inspect(text, kinds, words, lexicon, rules);
}

#[cfg(test)]
mod tests;
