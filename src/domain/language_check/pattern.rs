//! The little language in which rules are written.
//!
//! Words stand beside each other and match in order: `a|b` either, `cur*` by its beginning, `?very` if it is there, `@drug` a word of
//! that class, `..3` up to three words of any kind, `_` exactly one, `<` the beginning of the sentence, `>` its end. Nothing matches across a colon, a
//! semicolon, a dash or a bracket; only `..n` goes over a comma, and it never swallows a negation.

use super::clause::is_negator;
use super::tokens::{Gap, Token};
use super::words::class;

#[derive(Debug)]
enum Word {
    Exact(&'static str),
    Prefix(&'static str),
}

impl Word {
    fn parse(text: &'static str) -> Self {
        text.strip_suffix('*').map_or(Self::Exact(text), Self::Prefix)
    }

    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Exact(exact) => *exact == word,
            Self::Prefix(prefix) => word.starts_with(prefix),
        }
    }

    fn first(&self) -> Option<char> {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text.chars().next(),
        }
    }
}

#[derive(Debug)]
enum Element {
    One { words: Vec<Word>, optional: bool },
    Any,
    UpTo(usize),
    Start,
    End,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Element>);

impl Pattern {
    /// Compiles a pattern; `None` when it names a class that is not there, or a gap without a number. A test compiles every one.
    pub(super) fn compile(source: &'static str) -> Option<Self> {
        let elements: Option<Vec<Element>> = source.split_ascii_whitespace().map(element).collect();
        elements.map(Self)
    }

    /// The letters that a match may begin with; empty when it may be any.
    pub(super) fn firsts(&self) -> Vec<char> {
        match self.0.iter().find(|element| !matches!(element, Element::Start)) {
            Some(Element::One { words, optional: false }) => words.iter().filter_map(Word::first).collect(),
            _ => Vec::new(),
        }
    }

    /// Where a match that begins at this word ends (exclusive, in words).
    pub(super) fn match_at(&self, tokens: &[Token], at: usize) -> Option<usize> {
        run(&self.0, tokens, at, at, false)
    }

    /// Whether it matches anywhere in the sentence; where, in words.
    pub(super) fn find(&self, tokens: &[Token]) -> Option<(usize, usize)> {
        (0..tokens.len()).find_map(|at| self.match_at(tokens, at).map(|end| (at, end)))
    }
}

fn element(text: &'static str) -> Option<Element> {
    if let Some(count) = text.strip_prefix("..") {
        return count.parse().ok().map(Element::UpTo);
    }
    let (text, optional) = text.strip_prefix('?').map_or((text, false), |text| (text, true));
    Some(match text {
        "_" => Element::Any,
        "<" => Element::Start,
        ">" => Element::End,
        _ => {
            let mut words = Vec::new();
            for part in text.split('|') {
                match part.strip_prefix('@') {
                    Some(name) => words.extend(class(name)?.split_ascii_whitespace().map(Word::parse)),
                    None => words.push(Word::parse(part)),
                }
            }
            Element::One { words, optional }
        }
    })
}

/// `over_comma`: whether the step to the next word may cross a comma.
fn run(elements: &[Element], tokens: &[Token], begin: usize, at: usize, over_comma: bool) -> Option<usize> {
    let Some((first, rest)) = elements.split_first() else { return Some(at) };
    let token = tokens.get(at).filter(|token| at == begin || token.gap == Gap::None || (over_comma && token.gap == Gap::Comma));
    match first {
        Element::Start => {
            if at == 0 {
                run(rest, tokens, begin, at, over_comma)
            } else {
                None
            }
        }
        Element::End => {
            if at == tokens.len() {
                run(rest, tokens, begin, at, over_comma)
            } else {
                None
            }
        }
        Element::Any => token.and_then(|_| run(rest, tokens, begin, at + 1, false)),
        Element::One { words, optional } => {
            let taken = token
                .filter(|token| words.iter().any(|word| word.matches(&token.word)))
                .and_then(|_| run(rest, tokens, begin, at + 1, false));
            taken.or_else(|| if *optional { run(rest, tokens, begin, at, over_comma) } else { None })
        }
        Element::UpTo(most) => {
            let mut end = at;
            while end <= at + *most {
                if let Some(found) = run(rest, tokens, begin, end, true) {
                    return Some(found);
                }
                if tokens.get(end).is_none_or(|token| end != begin && token.gap == Gap::Strong) || is_negator(tokens, end) {
                    return None;
                }
                end += 1;
            }
            None
        }
    }
}
