//! Bounds on the repository's own labelled texts, and proof that the bounds can fail.

use serde_json::Value;

use crate::privacy::guard::model::Model;
use crate::privacy::guard::{Profile, Registered, check_with};

struct Text {
    text: String,
    is_sensitive: bool,
    kind: String,
    is_copy: bool,
    is_after: bool,
}

fn texts() -> Vec<Text> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/guard_texts.jsonl");
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let member = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let kind = member("kind");
        Text {
            text: member("text"),
            is_sensitive: member("label") == "sensitive",
            is_copy: ["study_", "approved_", "eligibility_"].iter().any(|start| kind.starts_with(start)),
            is_after: member("part") == "after",
            kind,
        }
    };
    std::fs::read_to_string(path).unwrap().lines().map(read).collect()
}

/// The share refused among the texts kept; copy is judged as copy.
fn refused(model: &Model<'_>, texts: &[Text], keep: impl Fn(&Text) -> bool) -> f64 {
    let kept: Vec<&Text> = texts.iter().filter(|text| keep(text)).collect();
    assert!(kept.len() > 10);
    let profile = |text: &Text| if text.is_copy { Profile::Copy } else { Profile::Strict };
    let count = kept.iter().filter(|text| check_with(model, &text.text, profile(text), &Registered::NONE).sensitive).count();
    count as f64 / kept.len() as f64
}

#[test]
fn texts_trained_on_are_told_apart() {
    let (model, texts) = (Model::compiled(), texts());
    assert!(texts.len() >= 600);
    assert!(texts.iter().filter(|text| !text.is_sensitive).count() * 100 >= texts.len() * 45);
    assert!(refused(&model, &texts, |text| text.is_sensitive && !text.is_after) >= 0.90);
    assert!(refused(&model, &texts, |text| !text.is_sensitive && !text.is_after) <= 0.01);
    let is_identifier = |text: &Text| text.kind.starts_with("id_") || text.kind.starts_with("contact");
    assert!(refused(&model, &texts, is_identifier) >= 0.97);
    assert!(refused(&model, &texts, |text| text.kind.starts_with("obf_") && text.kind != "obf_typo") >= 0.98);
}

#[test]
fn texts_never_trained_on_are_told_apart() {
    let (model, texts) = (Model::compiled(), texts());
    assert!(texts.iter().filter(|text| text.is_after).count() >= 120);
    assert!(refused(&model, &texts, |text| text.is_after && text.is_sensitive) >= 0.85);
    assert!(refused(&model, &texts, |text| text.is_after && !text.is_sensitive) <= 0.03);
}

#[test]
fn without_its_words_or_weights_the_guard_misses_what_it_must_not() {
    let texts = texts();
    let narrative = |text: &Text| text.is_after && text.is_sensitive && !text.kind.starts_with("obf_");
    assert!(refused(&Model::compiled(), &texts, narrative) >= 0.8);
    assert!(refused(&Model::compiled().without_lexicon(), &texts, narrative) < 0.7);
    assert!(refused(&Model::EMPTY, &texts, narrative) < 0.4);
}

#[test]
fn wrong_labels_are_seen() {
    let mut texts = texts();
    let labels: Vec<bool> = texts.iter().map(|text| text.is_sensitive).collect();
    let half = labels.len() / 2;
    for (place, text) in texts.iter_mut().enumerate() {
        text.is_sensitive = labels[(place + half) % labels.len()];
    }
    assert!(refused(&Model::compiled(), &texts, |text| text.is_sensitive) < 0.85);
    assert!(refused(&Model::compiled(), &texts, |text| !text.is_sensitive) > 0.15);
}
