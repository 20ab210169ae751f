//! The guard as its callers see it.

mod fixture;
mod properties;

use sha2::{Digest, Sha256};

use super::{Category, Profile, Registered, Rule, Verdict, check, lexicon, training};

fn strict(text: &str) -> Verdict {
    check(text, Profile::Strict, &Registered::NONE)
}

#[test]
fn narrative_is_refused_with_its_categories() {
    let verdict = strict("He was diagnosed with diabetes in 2014 and takes metformin twice a day");
    assert!(verdict.sensitive);
    assert!(verdict.rules.contains(Rule::PersonWithClinical));
    assert!(verdict.categories.contains(Category::Medication));
    assert!(verdict.categories.contains(Category::MedicalCondition));
}

#[test]
fn fragments_and_hidden_remarks_are_refused_and_names_of_studies_pass() {
    for text in [
        "on metformin",
        "Asthma since 2010",
        "s/p CABG",
        "BP 150/95",
        "can't sleep",
        "two miscarriages",
        "Route confirmed for Monday, she stopped metformin last week, please call back",
    ] {
        assert!(strict(text).sensitive, "{text}");
    }
    for text in [
        "ASTHMA-2 Study",
        "LIBERTY Trial",
        "Route confirmed for Monday, she left a message last week, please call back",
        "Su hija contestó y dará el mensaje",
        "Die Koordinatorin ist heute krank",
    ] {
        assert!(!strict(text).sensitive, "{text}");
    }
}

#[test]
fn operational_text_passes_without_rules() {
    let verdict = strict("Left voicemail, second attempt on Thursday");
    assert!(!verdict.sensitive);
    assert!(verdict.rules.is_empty() && verdict.categories.is_empty());
    assert!(verdict.score < 0.5);
}

#[test]
fn copy_may_name_diseases_but_nobody() {
    let copy = |text| check(text, Profile::Copy, &Registered::NONE).sensitive;
    assert!(!copy("This study is for adults with type 2 diabetes who take metformin."));
    assert!(!copy("History of stroke or myocardial infarction within 6 months"));
    assert!(copy("Her father was diagnosed with type 2 diabetes and takes metformin."));
    assert!(copy("Mr. Jones, born 3/4/1961"));
    assert!(copy("has\u{200b}asthma"));
}

#[test]
fn a_registered_name_is_no_news() {
    let registered = Registered::new(["Lupus Lantern", "Riverbend Dialysis"]);
    let name = |text| check(text, Profile::Strict, &registered).sensitive;
    assert!(!name("Lupus Lantern"));
    assert!(strict("lupus").sensitive && !name("lupus"));
    assert!(name("she has lupus"), "a registered word is subtracted only where nobody is spoken of");
}

#[test]
fn contact_of_a_site_passes_and_of_a_person_does_not() {
    assert!(!strict("Call the study line at (555) 010-0188 for more information").sensitive);
    assert!(!strict("Email the study team: trials@lakeside.example").sensitive);
    assert!(strict("Call him at (555) 010-0188").rules.contains(Rule::PhoneNumber));
    assert!(strict("her email is ana@lakeside.example").rules.contains(Rule::EmailAddress));
}

#[test]
fn a_verdict_shows_nothing_of_the_text() {
    let verdict = strict("Zebulon takes warfarin, MRN 4471209");
    assert!(verdict.sensitive);
    let shown = format!("{verdict:?} {:?}", Registered::new(["Zebulon"]));
    for part in ["Zebulon", "zebulon", "warfarin", "4471209"] {
        assert!(!shown.contains(part));
    }
}

#[test]
fn names_of_rules_and_categories_are_distinct() {
    let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    names.extend(Category::ALL.iter().map(|category| category.as_str()));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_committed_model_has_the_committed_checksum() {
    let model = include_bytes!("model/guard.bin");
    let sum = crate::privacy::hex::encode(&Sha256::digest(model));
    assert_eq!(include_str!("model/guard.bin.sha256"), format!("{sum}  guard.bin\n"));
    assert!(model.len() <= 600_000);
}

#[test]
fn the_committed_model_has_the_committed_word_lists() {
    let lists = training::compile(training::LISTS).unwrap();
    let model = include_bytes!("model/guard.bin");
    assert!(model[super::model::HEADER..].starts_with(&lists), "train the model after a change of the lists");
    assert!(lexicon::Lexicon::new(&lists).get(lexicon::hash(lexicon::Match::Word, "asthma")).is_some());
}
