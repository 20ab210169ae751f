//! Runs the rule table over a sentence. Compiled once; phrases are found by the first letter of their first word.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Finding;
use super::clause::{is_negated, is_open};
use super::pattern::Pattern;
use super::rules::{Rule, TABLE};
use super::tokens::Sentence;

struct Compiled {
    rule: &'static Rule,
    phrases: Vec<Pattern>,
    allow: Vec<Pattern>,
    unless: Vec<Pattern>,
}

/// The compiled table.
pub(super) struct Engine {
    rules: Vec<Compiled>,
    /// Rule and phrase by first letter.
    by_letter: HashMap<char, Vec<(usize, usize)>>,
    /// Those that may begin with any.
    by_any: Vec<(usize, usize)>,
}

static SHARED: LazyLock<Engine> = LazyLock::new(|| Engine::new(TABLE));

fn compile(sources: &'static [&'static str]) -> Vec<Pattern> {
    sources.iter().filter_map(|source| Pattern::compile(source)).collect()
}

impl Engine {
    pub(super) fn shared() -> &'static Self {
        &SHARED
    }

    pub(super) fn new(table: &[&'static [Rule]]) -> Self {
        let compiled = |rule: &'static Rule| Compiled {
            rule,
            phrases: compile(rule.phrases),
            allow: compile(rule.allow),
            unless: compile(rule.unless),
        };
        let rules: Vec<Compiled> = table.iter().flat_map(|family| family.iter()).map(compiled).collect();
        let (mut by_letter, mut by_any) = (HashMap::<char, Vec<(usize, usize)>>::new(), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            for (which, phrase) in rule.phrases.iter().enumerate() {
                let mut letters = phrase.firsts();
                letters.sort_unstable();
                letters.dedup();
                if letters.is_empty() {
                    by_any.push((number, which));
                }
                for letter in letters {
                    by_letter.entry(letter).or_default().push((number, which));
                }
            }
        }
        Self { rules, by_letter, by_any }
    }

    /// Adds what the rules find in a sentence.
    pub(super) fn read(&self, sentence: &Sentence, findings: &mut Vec<Finding>) {
        let tokens = &sentence.tokens;
        for (at, token) in tokens.iter().enumerate() {
            let letter = token.word.chars().next().unwrap_or_default();
            let named = self.by_letter.get(&letter).map(Vec::as_slice).unwrap_or_default();
            for &(number, which) in named.iter().chain(&self.by_any) {
                let Some(rule) = self.rules.get(number) else { continue };
                let Some(end) = rule.phrases.get(which).and_then(|phrase| phrase.match_at(tokens, at)) else { continue };
                if rule.stands(sentence, at, end)
                    && let (Some(first), Some(last)) = (tokens.get(at), tokens.get(end.saturating_sub(1)))
                {
                    findings.push(Finding::new(rule.rule.id, first.start, last.end));
                }
            }
        }
    }
}

impl Compiled {
    /// Whether a phrase means what it says here.
    fn stands(&self, sentence: &Sentence, at: usize, end: usize) -> bool {
        let tokens = &sentence.tokens;
        let is_allowed = || {
            (at.saturating_sub(8)..end)
                .any(|from| self.allow.iter().any(|pattern| pattern.match_at(tokens, from).is_some_and(|until| until > at)))
        };
        end > at
            && !is_negated(tokens, at)
            && !(self.rule.may_be_open && (sentence.asks || is_open(tokens, at)))
            && !is_allowed()
            && !self.unless.iter().any(|pattern| pattern.find(tokens).is_some())
    }
}
