//! How a written word finds its list entry: as it stands, in the singular, without its digits, as a compound,
//! one slip of the pen away, or by its medical stem.

use super::{Lexicon, Role, Word};
use crate::privacy::names::Category;

/// Pieces of a compound shorter than four letters; all others are accidents (`mess-age`).
const SHORT_PIECES: &[&str] = &[
    "pt", "hx", "dx", "rx", "id", "no", "of", "de", "da", "du", "la", "dob", "mrn", "ssn", "med", "pat", "lab", "nr", "kg",
    "txt", "tel", "fax", "zip", "num", "bmi", "nom", "del", "the", "dat",
];

/// Longest word that is taken apart; the work grows with the square.
const MAX_WORD: usize = 40;

impl Lexicon {
    /// The entry of a written word, or the entries of its parts; a word that is in no list comes out as an
    /// ordinary one.
    pub(in super::super) fn resolve(&self, text: &str, into: &mut Vec<Word>) {
        if let Some(word) = self.word(text).or_else(|| self.singular(text)) {
            into.push(word);
            return;
        }
        if text.len() > MAX_WORD {
            into.push(unlisted(text, Role::Ordinary));
            return;
        }
        if text.bytes().any(|byte| !byte.is_ascii_lowercase()) {
            self.with_digits(text, into);
            return;
        }
        self.letters(text, into);
    }

    fn letters(&self, text: &str, into: &mut Vec<Word>) {
        if let Some(word) = self.word(text).or_else(|| self.singular(text)) {
            into.push(word);
        } else if let Some(parts) = self.compound(text) {
            into.extend(parts);
        } else if let Some(word) = self.misspelt(text) {
            into.push(word);
        } else if let Some(category) = self.by_stem(text) {
            into.push(unlisted(text, Role::Strong(category)));
        } else {
            into.push(unlisted(text, Role::Ordinary));
        }
    }

    /// Digits as letters (`d1agn0sis`), else digits as digits (`address1`).
    fn with_digits(&self, text: &str, into: &mut Vec<Word>) {
        let letters: String = text.chars().map(leet).collect();
        let inside = text.trim_end_matches(|c: char| c.is_ascii_digit()).chars().any(|c| leet(c) != c);
        if inside && letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let listed = self.word(&letters).or_else(|| self.singular(&letters));
            if let Some(word) = listed.or_else(|| self.misspelt(&letters)) {
                into.push(word);
                return;
            }
            if let Some(parts) = self.compound(&letters) {
                into.extend(parts);
                return;
            }
        }
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            if digit {
                into.push(unlisted(part, Role::Decoration));
            } else {
                self.letters(part, into);
            }
            rest = after;
        }
    }

    fn singular(&self, text: &str) -> Option<Word> {
        if text.len() < 4 {
            return None;
        }
        ["s", "es", "x", "n", "en", "e"]
            .iter()
            .find_map(|ending| {
                let stem = text.strip_suffix(ending)?;
                // German and French endings are too short to trust on short words.
                let trusted = ending.ends_with('s') && stem.len() >= 3 || stem.len() >= 6;
                trusted.then(|| self.word(stem)).flatten()
            })
            .or_else(|| self.word(&format!("{}y", text.strip_suffix("ies")?)))
    }

    /// The fewest listed words that make up the text.
    fn compound(&self, text: &str) -> Option<Vec<Word>> {
        if text.len() < 5 || !text.is_ascii() {
            return None;
        }
        // best[i]: the shortest way to write the first i letters, as the starts of its pieces.
        let mut best: Vec<Option<Vec<usize>>> = vec![None; text.len() + 1];
        *best.first_mut()? = Some(Vec::new());
        for end in 2..=text.len() {
            let mut shortest: Option<Vec<usize>> = None;
            for start in 0..end.saturating_sub(1) {
                let (Some(Some(before)), Some(piece)) = (best.get(start), text.get(start..end)) else {
                    continue;
                };
                let better = shortest.as_ref().is_none_or(|s| before.len() + 1 < s.len());
                if better && self.is_piece(piece) {
                    let mut path = before.clone();
                    path.push(start);
                    shortest = Some(path);
                }
            }
            if let Some(slot) = best.get_mut(end) {
                *slot = shortest;
            }
        }
        let starts = best.pop()??;
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let piece = text.get(*start..end)?;
                self.word(piece).or_else(|| self.singular(piece))
            })
            .collect()
    }

    fn is_piece(&self, piece: &str) -> bool {
        if piece.len() < 4 {
            return SHORT_PIECES.contains(&piece);
        }
        self.knows(piece) || self.singular(piece).is_some()
    }

    /// The listed word one slip away. An ordinary or operational neighbour wins: a misspelt `partner` must
    /// not become somebody's `pattern` of disease.
    fn misspelt(&self, text: &str) -> Option<Word> {
        if text.len() < 5 {
            return None;
        }
        let mut found: Option<&String> = None;
        let neighbours = text.len() - 1..=text.len() + 1;
        for word in neighbours.filter_map(|length| self.by_length.get(&length)).flatten() {
            if is_near(text.as_bytes(), word.as_bytes()) {
                match self.roles.get(word) {
                    // Lone words are everyday words, with everyday neighbours: `letter` and `getter`.
                    Some(Role::Lone(_)) if word.len() < 7 => {}
                    Some(Role::Strong(_) | Role::Weak(_) | Role::Person | Role::Lone(_)) => {
                        // The alphabetically first, so that a map's order never decides.
                        found = Some(found.map_or(word, |other| other.min(word)));
                    }
                    _ => return self.word(word),
                }
            }
        }
        self.word(found?)
    }

    fn by_stem(&self, text: &str) -> Option<Category> {
        let longer = |form: &str| text.len() >= form.len() + 2;
        let stem = self.stems.iter().find(|(_, stem)| longer(stem) && text.starts_with(stem.as_str()));
        let ending = || self.endings.iter().find(|(_, ending)| longer(ending) && text.ends_with(ending.as_str()));
        stem.or_else(ending).map(|(category, _)| *category)
    }
}

fn unlisted(text: &str, role: Role) -> Word {
    Word { text: text.to_owned(), role, attribute: None }
}

fn leet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

/// One insertion, deletion, substitution or swap of neighbours apart; among five letters only a swap.
fn is_near(left: &[u8], right: &[u8]) -> bool {
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    let head = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (Some(short), Some(long)) = (short.get(head..), long.get(head..)) else {
        return false;
    };
    let tail = short.iter().rev().zip(long.iter().rev()).take_while(|(a, b)| a == b).count();
    match (short.len() - tail, long.len() - tail) {
        (2, 2) => matches!((short, long), ([a, b, ..], [c, d, ..]) if a == d && b == c),
        (0 | 1, 1) => left.len() >= 6,
        _ => false,
    }
}
