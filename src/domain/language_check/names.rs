//! The study by its approved name: names that resemble it and are not it, and the protocol code.

use super::tokens::{Draft, Gap, Sentence, Token};
use super::vocabulary::LanguageRule;
use super::{Approved, Finding};

/// The word with which the name of a study ends.
const LAST: &[&str] = &["study", "trial", "program", "programme", "project", "registry"];
/// Words that tell no study from another.
const COMMON: &[&str] = &[
    "study",
    "trial",
    "program",
    "programme",
    "project",
    "registry",
    "research",
    "clinical",
    "the",
    "a",
    "an",
    "of",
    "for",
    "in",
    "and",
    "on",
    "our",
    "this",
    "new",
    "join",
    "about",
    "ask",
    "welcome",
    "to",
    "volunteer",
    "volunteers",
    "paid",
    "medical",
];
/// No name has more words.
const LONGEST: usize = 12;
/// Words of a name that are written small.
const SMALL: &[&str] = &["of", "for", "in", "and", "on", "the"];

pub(super) fn read(draft: &Draft, approved: &Approved, findings: &mut Vec<Finding>) {
    let names: Vec<Vec<String>> = approved.names.iter().map(|name| words(name)).collect();
    let code = approved.protocol_code.as_deref().map(words).filter(|code| code.concat().len() >= 4);
    for sentence in &draft.sentences {
        for run in runs(sentence).filter(|run| deviates(run, &names)) {
            if let (Some(first), Some(last), Some(name)) = (run.first(), run.last(), approved.names.first()) {
                let finding = Finding::new(LanguageRule::NameNotApproved, first.start, last.end);
                findings.push(
                    finding.suggesting(format!("If this is the study, use its approved public name: \u{201c}{name}\u{201d}.")),
                );
            }
        }
        for window in code.iter().flat_map(|code| sentence.tokens.windows(code.len()).filter(move |window| is(window, code))) {
            if let (Some(first), Some(last)) = (window.first(), window.last()) {
                findings.push(Finding::new(LanguageRule::ProtocolCodeDisclosed, first.start, last.end));
            }
        }
    }
}

fn words(text: &str) -> Vec<String> {
    Draft::read(text).sentences.into_iter().flat_map(|sentence| sentence.tokens).map(|token| token.word).collect()
}

fn is(tokens: &[Token], words: &[String]) -> bool {
    tokens.len() == words.len() && tokens.iter().zip(words).all(|(token, word)| token.word == *word)
}

/// Words in capitals that end like the name of a study. A line in capitals throughout names nothing.
fn runs(sentence: &Sentence) -> impl Iterator<Item = &[Token]> {
    let tokens = &sentence.tokens;
    let shouted = tokens.iter().filter(|token| token.is_shouted).count() * 2 > tokens.len();
    tokens.iter().enumerate().filter(move |_| !shouted).filter_map(move |(end, last)| {
        if !(last.is_capital && LAST.contains(&last.word.as_str())) {
            return None;
        }
        let mut start = end;
        while end - start < LONGEST
            && let Some(before) = start.checked_sub(1).and_then(|at| tokens.get(at))
        {
            let part = before.is_capital || SMALL.contains(&before.word.as_str());
            let apart = tokens.get(start).is_some_and(|token| token.gap == Gap::Strong);
            if !part || apart {
                break;
            }
            start -= 1;
        }
        tokens.get(start..=end)
    })
}

/// Whether a name shares half of its own words with an approved one, or nearly so, and is none of the approved ones.
fn deviates(run: &[Token], names: &[Vec<String>]) -> bool {
    if names.iter().any(|name| run.windows(name.len().max(1)).any(|window| is(window, name))) {
        return false;
    }
    let own: Vec<&str> = run.iter().map(|token| token.word.as_str()).filter(|word| !COMMON.contains(word)).collect();
    names.iter().any(|name| {
        let theirs = name.iter().filter(|word| !COMMON.contains(&word.as_str()));
        let shared = own.iter().filter(|word| theirs.clone().any(|other| is_like(word, other))).count();
        shared > 0 && shared * 2 >= theirs.count()
    })
}

/// The same word but for a slip: one letter, or two of a long word.
fn is_like(one: &str, other: &str) -> bool {
    let slips = match one.len().max(other.len()) {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    distance(one, other) <= slips
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(other.chars()) {
            let here = (diagonal + usize::from(left != right)).min(before + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            before = here;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
