//! What the rules find in the labelled sentences, and what they must not.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Engine;
use super::pattern::Pattern;
use super::rules::TABLE;
use super::{Approved, LanguageRule, check, check_with};

fn approved() -> Approved {
    Approved {
        names: vec!["Heart Rhythm Study".into()],
        protocol_code: Some("HRT-2026-01".into()),
        registry_id: Some("NCT01234567".into()),
        addresses: vec!["https://intake.site.example/heart".into()],
        texts: vec!["Questions: call (202) 555-0142 or write to heart@site.example.".into()],
        where_to_go: None,
    }
}

struct Labelled {
    part: String,
    rules: BTreeSet<LanguageRule>,
    text: String,
}

fn labelled() -> Vec<Labelled> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/language_check.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let rules = value["rules"].as_array().unwrap().iter();
        Labelled {
            part: value["part"].as_str().unwrap().to_owned(),
            rules: rules.map(|rule| rule.as_str().unwrap().parse().unwrap()).collect(),
            text: value["text"].as_str().unwrap().to_owned(),
        }
    };
    lines.lines().map(read).collect()
}

/// The rules that a sentence breaks. That it names no way to the study team says nothing about a single sentence.
fn found(engine: &Engine, text: &str) -> BTreeSet<LanguageRule> {
    let findings = check_with(engine, text, &approved()).into_iter();
    findings.map(|finding| finding.rule).filter(|rule| *rule != LanguageRule::MissingWhereToGo).collect()
}

#[derive(Default, Clone, Copy)]
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Score {
    fn precision(self) -> f64 {
        self.right as f64 / (self.right + self.wrong).max(1) as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / (self.right + self.missed).max(1) as f64
    }
}

fn measure(engine: &Engine, part: &str, tell: bool) -> Score {
    let (mut total, mut by_rule) = (Score::default(), BTreeMap::<LanguageRule, Score>::new());
    for sentence in labelled().iter().filter(|sentence| sentence.part == part) {
        let found = found(engine, &sentence.text);
        for rule in found.union(&sentence.rules) {
            let own = by_rule.entry(*rule).or_default();
            let (is_found, is_labelled) = (found.contains(rule), sentence.rules.contains(rule));
            for score in [&mut total, own] {
                score.right += usize::from(is_found && is_labelled);
                score.wrong += usize::from(is_found && !is_labelled);
                score.missed += usize::from(!is_found && is_labelled);
            }
            if tell && is_found != is_labelled {
                println!("{part}: {} {rule}: {}", if is_found { "wrong" } else { "missed" }, sentence.text);
            }
        }
    }
    for (rule, score) in &by_rule {
        println!("{part} {rule}: {} right, {} wrong, {} missed", score.right, score.wrong, score.missed);
    }
    println!("{part}: precision {:.3}, recall {:.3}", total.precision(), total.recall());
    total
}

#[test]
fn dev() {
    measure(Engine::shared(), "dev", true);
}
#[test]
fn compiles() {
    for rule in TABLE.iter().flat_map(|family| family.iter()) {
        for source in rule.phrases.iter().chain(rule.allow).chain(rule.unless) {
            assert!(Pattern::compile(source).is_some(), "{source}");
        }
    }
    assert_eq!(check("", &Approved::default()), []);
}
#[test]
fn held() {
    println!("HELD {:.3} {:.3}", measure(Engine::shared(), "held_out", false).precision(), measure(Engine::shared(), "held_out", false).recall());
}
#[test]
fn fresh() {
    measure(Engine::shared(), "after", true);
}
