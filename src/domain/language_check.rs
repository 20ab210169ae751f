//! The language check: a draft for the public against forbidden claims and against what is approved.
//!
//! Pure and forgetful: [`check`] takes a text and answers places, never words of it. Rules are a table (`rules`) in a small pattern
//! language (`pattern`); what depends on the approved words is in `contacts` and `names`, what stands out by form in `emphasis`. English.
//! No finding says that a draft is good: approval belongs to the ethics board.

mod clause;
mod contacts;
mod emphasis;
mod engine;
mod names;
mod pattern;
mod rules;
mod tokens;
mod vocabulary;
mod words;

pub use vocabulary::{DraftKind, FindingSeverity, LanguageRule};

use engine::Engine;
use tokens::{Draft, Sentence};

/// Says which rules judged a draft; it changes with every change of a rule.
pub const RULES_VERSION: &str = "2026.1";

/// Most findings of one draft; whoever has more starts with these.
pub const MAX_FINDINGS: usize = 200;

/// What is approved for a study, as far as the site has registered it. Each part may be empty; what is not known is not checked.
#[derive(Debug, Clone, Default)]
pub struct Approved {
    /// Public names of the study.
    pub names: Vec<String>,
    /// The sponsor's code, which is not for the public.
    pub protocol_code: Option<String>,
    /// Id in a public registry: the study's own entry there may be named.
    pub registry_id: Option<String>,
    /// Web addresses where interested people may be sent.
    pub addresses: Vec<String>,
    /// Approved texts: whatever contact they name may be named, and a sentence of theirs may be repeated.
    pub texts: Vec<String>,
    /// Where interested people go, in the approved words.
    pub where_to_go: Option<String>,
}

/// A part of the draft, in Unicode scalar values (code points) from 0; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first character of the part.
    pub start: usize,
    /// The first character after it.
    pub end: usize,
}

/// One thing to change or to look at. It holds no word of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: LanguageRule,
    /// What it asks for.
    pub severity: FindingSeverity,
    /// Where; `None` when it is about the whole draft.
    pub span: Option<Span>,
    /// What to write instead: approved words, or the rule's own.
    pub suggestion: String,
}

impl Finding {
    fn new(rule: LanguageRule, start: usize, end: usize) -> Self {
        Self { rule, severity: rule.severity(), span: Some(Span { start, end }), suggestion: rule.suggestion().to_owned() }
    }

    fn suggesting(mut self, suggestion: String) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// Every finding in order of place; those about the whole draft come first. Not cut off: a caller answers [`MAX_FINDINGS`] at most.
#[must_use]
pub fn check(text: &str, kind: Option<DraftKind>, approved: &Approved) -> Vec<Finding> {
    check_with(Engine::shared(), text, kind, approved)
}

fn check_with(engine: &Engine, text: &str, kind: Option<DraftKind>, approved: &Approved) -> Vec<Finding> {
    let draft = Draft::read(text);
    let repeated: Vec<String> = approved.texts.iter().chain(&approved.where_to_go).map(|text| words_of(text)).collect();
    let mut findings = Vec::new();
    for sentence in draft.sentences.iter().filter(|sentence| !is_repeated(sentence, &repeated)) {
        engine.read(sentence, &mut findings);
    }
    // What is spoken has neither capitals nor bold type.
    if kind != Some(DraftKind::Script) {
        emphasis::read(&draft, &mut findings);
    }
    names::read(&draft, approved, &mut findings);
    contacts::read(text, approved, &mut findings);
    merge(findings)
}

/// The words of a text between single spaces, with one before and one after.
fn words_of(text: &str) -> String {
    let draft = Draft::read(text);
    joined(draft.sentences.iter().flat_map(|sentence| &sentence.tokens).map(|token| token.word.as_str()))
}

fn joined<'t>(words: impl Iterator<Item = &'t str>) -> String {
    words.fold(" ".to_owned(), |text, word| text + word + " ")
}

/// Whether a sentence stands word for word in an approved text. Three words are too few to be somebody's sentence.
fn is_repeated(sentence: &Sentence, approved: &[String]) -> bool {
    let words = || joined(sentence.tokens.iter().map(|token| token.word.as_str()));
    sentence.tokens.len() > 3 && !approved.is_empty() && {
        let words = words();
        approved.iter().any(|text| text.contains(&words))
    }
}

/// In order, and each rule once per place.
fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.span, finding.rule));
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut latest: std::collections::BTreeMap<LanguageRule, usize> = std::collections::BTreeMap::new();
    for finding in findings {
        let before = latest.get(&finding.rule).and_then(|at| kept.get_mut(*at));
        if let (Some(before), Some(span)) = (before, finding.span)
            && let Some(other) = before.span.as_mut()
            && span.start < other.end
        {
            other.end = other.end.max(span.end);
            continue;
        }
        latest.insert(finding.rule, kept.len());
        kept.push(finding);
    }
    kept
}

#[cfg(test)]
mod tests;
