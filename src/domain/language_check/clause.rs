//! What stands before a phrase in its clause: a negation, or words that make it an open question.

use super::tokens::{Gap, Token};

/// How many words a negation or a doubt reaches.
const REACH: usize = 12;

const NEGATORS: &[&str] = &["not", "no", "never", "nobody", "none", "neither", "nor", "without", "nothing"];

/// A negator before one of these denies nothing: "no doubt", "not only", "do not wait".
const IDIOMS: &[&str] = &[
    "only",
    "doubt",
    "matter",
    "wait",
    "miss",
    "hesitate",
    "delay",
    "worry",
    "wonder",
    "just",
    "cost",
    "charge",
    "insurance",
    "longer",
    "forget",
    "let",
    "obligation",
    "one",
    "better",
    "fail",
];

/// With one of these a new clause begins.
const BREAKS: &[&str] = &["but", "however", "because", "so", "then"];

/// After a comma, or "and", these begin a clause of their own.
const SUBJECTS: &[&str] = &[
    "you", "we", "it", "this", "they", "our", "your", "the", "all", "every", "everyone", "get", "just", "call", "earn", "i",
    "receive", "join",
];

const OPENERS: &[&str] = &["whether", "may", "might", "could", "purpose", "goal", "learn", "designed", "unknown", "unclear"];
const OPENING_STEMS: &[&str] = &[
    "evaluat",
    "investigat",
    "determin",
    "compar",
    "explor",
    "examin",
    "assess",
    "hope",
    "aim",
    "testing",
    "tests",
    "understand",
];

/// Whether a word denies what follows it.
pub(super) fn is_negator(tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let next = tokens.get(at + 1).map(|token| token.word.as_str()).unwrap_or_default();
    NEGATORS.contains(&token.word.as_str()) && !IDIOMS.contains(&next)
}

/// The words of the same clause before this one, nearest first, by their place in the sentence.
fn before(tokens: &[Token], start: usize) -> impl Iterator<Item = (usize, &Token)> {
    (0..start).rev().take(REACH).map_while(move |at| {
        let (token, next) = (tokens.get(at)?, tokens.get(at + 1)?);
        let begins = SUBJECTS.contains(&next.word.as_str());
        let is_break = next.gap == Gap::Strong
            || begins && (next.gap == Gap::Comma || token.word == "and")
            || BREAKS.contains(&token.word.as_str());
        (!is_break).then_some((at, token))
    })
}

/// Whether the phrase that begins at this word is denied.
pub(super) fn is_negated(tokens: &[Token], start: usize) -> bool {
    before(tokens, start).any(|(at, _)| is_negator(tokens, at))
}

/// Whether it is something that may be so, or that somebody wants to find out.
pub(super) fn is_open(tokens: &[Token], start: usize) -> bool {
    before(tokens, start).any(|(at, token)| {
        let word = token.word.as_str();
        OPENERS.contains(&word)
            || OPENING_STEMS.iter().any(|stem| word.starts_with(stem))
            || word == "if" && at > 0 && token.gap == Gap::None
            || word == "out" && at > 0 && tokens.get(at - 1).is_some_and(|token| token.word.starts_with("find"))
    })
}
