//! What identifies or reaches a person, by its form and by the words before it.
//!
//! Telephone numbers, e-mail and postal addresses that a site gives of itself are no disclosure: such rules stand back
//! where the text speaks as a site and of nobody in particular.

mod patterns;

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use self::patterns::{Exempt, Needs, PATTERNS};
use super::Profile;
use super::lexicon::{Class, Classes};
use super::vocabulary::{Rule, Set};
use super::words::Word;

/// Patterns that need a digit, an `@` or neither: most texts have none of the three and are not searched for them.
static WITH_DIGIT: LazyLock<RegexSet> = LazyLock::new(|| compile(Needs::Digit));
static WITH_AT: LazyLock<RegexSet> = LazyLock::new(|| compile(Needs::At));
static WITH_CAPITAL: LazyLock<RegexSet> = LazyLock::new(|| compile(Needs::Capital));

/// The table is constant and a test compiles it; an empty set stands for a table that does not compile.
fn compile(needs: Needs) -> RegexSet {
    let sources = PATTERNS.iter().filter(|pattern| pattern.needs == needs).map(|pattern| pattern.source);
    RegexSetBuilder::new(sources).unicode(false).case_insensitive(true).build().unwrap_or_else(|_| RegexSet::empty())
}

/// Whether all patterns compile.
#[cfg(test)]
pub(super) fn compiles() -> bool {
    [&WITH_DIGIT, &WITH_AT, &WITH_CAPITAL].iter().all(|set| !set.is_empty())
}

/// Compiles the patterns, some milliseconds, ahead of the first text.
pub(super) fn prepare() {
    for set in [&WITH_DIGIT, &WITH_AT, &WITH_CAPITAL] {
        LazyLock::force(set);
    }
}

/// Adds the rules of identifiers in a folded text.
pub(super) fn inspect(folded: &str, words: &[Word<'_>], profile: Profile, rules: &mut Set<Rule>) {
    let bytes = folded.as_bytes();
    let mut has = [false; 3];
    for byte in bytes {
        has[0] |= byte.is_ascii_digit();
        has[1] |= *byte == b'@';
        has[2] |= byte.is_ascii_uppercase();
    }
    let mut speaker = None;
    for (needs, set, is_needed) in
        [(Needs::Digit, &WITH_DIGIT, has[0]), (Needs::At, &WITH_AT, has[1]), (Needs::Capital, &WITH_CAPITAL, has[2])]
    {
        if !is_needed {
            continue;
        }
        let found = set.matches(bytes);
        if !found.matched_any() {
            continue;
        }
        let speaker = *speaker.get_or_insert_with(|| Speaker::of(words));
        for (place, pattern) in PATTERNS.iter().filter(|pattern| pattern.needs == needs).enumerate() {
            if found.matched(place) && !speaker.is_exempt(pattern.exempt, profile) {
                rules.insert(pattern.rule);
            }
        }
    }
}

/// Who speaks, and of whom.
#[derive(Clone, Copy)]
struct Speaker {
    classes: Classes,
}

impl Speaker {
    fn of(words: &[Word<'_>]) -> Self {
        let mut classes = Classes::default();
        for word in words {
            classes.insert(word.class);
        }
        Self { classes }
    }

    fn is_exempt(self, exempt: Exempt, profile: Profile) -> bool {
        const GROUP: Classes = Classes::of(&[Class::Study, Class::Copy, Class::Population]);
        match exempt {
            Exempt::Never => false,
            Exempt::OwnContact => {
                // Registered copy says how to reach the site: who wrote it is staff.
                let is_own = profile == Profile::Copy || self.classes.contains(Class::Site);
                is_own && !self.classes.intersects(Classes::SOMEBODY)
            }
            Exempt::Group => {
                profile == Profile::Copy || (self.classes.intersects(GROUP) && !self.classes.intersects(Classes::SOMEBODY))
            }
        }
    }
}

#[cfg(test)]
mod tests;
