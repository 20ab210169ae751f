//! The tenant's registered names: what a site itself calls its studies and partners is no news about anybody.

use super::fold::fold;
use super::lexicon::{Lexicon, Match, hash};
use super::words;

/// The words of a tenant's registered names, as hashes. Built when the register changes, not per text.
#[derive(Clone, Default)]
pub struct Registered {
    hashes: Vec<u32>,
}

impl Registered {
    /// No names.
    pub const NONE: Registered = Registered { hashes: Vec::new() };

    /// The words of these names.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut hashes = Vec::new();
        for name in names {
            let folded = fold(name);
            for word in words::read(&folded, Lexicon::EMPTY, &Registered::NONE) {
                hashes.push(std::str::from_utf8(word.bytes).map_or(0, |word| hash(Match::Word, word)));
            }
        }
        hashes.sort_unstable();
        hashes.dedup();
        Self { hashes }
    }

    /// Whether a registered name has this word, in ASCII letters.
    pub fn knows(&self, word: &str) -> bool {
        self.has(hash(Match::Word, &word.to_ascii_lowercase()))
    }

    /// Whether a word with this hash is in a registered name.
    pub(super) fn has(&self, hash: u32) -> bool {
        !self.hashes.is_empty() && self.hashes.binary_search(&hash).is_ok()
    }
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registered").finish_non_exhaustive()
    }
}
