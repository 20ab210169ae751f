//! Short texts made from templates and the guard's own word lists: they teach the weights how classes of words stand
//! together, for words that no labelled text has. A template may be drawn many times; what is drawn is fixed.

use std::collections::BTreeMap;

use handoff::privacy::guard::training::LISTS;

/// Texts drawn per template.
const DRAWS: usize = 14;

/// Slots are classes of the word lists. English first, then Spanish, French, German, Portuguese.
const SENSITIVE: &[&str] = &[
    "{condition}",
    "{condition}, {since}",
    "{mental}",
    "{symptom}",
    "{symptom} in the {anatomy}",
    "{symptom} and {symptom}",
    "{symptom} at night",
    "{anatomy} {symptom} for weeks",
    "constant {symptom}",
    "trouble with {anatomy}",
    "{medication}",
    "off {medication}",
    "on {medication} and {medication}",
    "tried {medication}, no effect",
    "{medication} until Friday",
    "{medication} 20 mg {dosing}",
    "takes {medication}",
    "allergic to {medication}",
    "failed {medication}",
    "{test} 7.4",
    "{test} was abnormal",
    "{test} going up",
    "no {symptom}",
    "no {condition}",
    "history of {condition}",
    "stage 3 {condition}",
    "known {condition}",
    "has {condition}",
    "had {procedure} in 2019",
    "{procedure} last year",
    "two {procedure}",
    "{care} last month",
    "{family} has {condition}",
    "{pronoun} has {condition}",
    "{pronoun} takes {medication} for {condition}",
    "{pronoun} is {care} with {condition}",
    "{pronoun} cannot {function}",
    "patient with {condition}",
    "pt reports {symptom}",
    "the patient denies {symptom}",
    "{anatomy} is tender",
    "{anatomy}: no {symptom}",
    "repeat {test} in two weeks",
    "call back Monday, {pronoun} is on {medication}",
    "no answer, {family} says {condition}",
    "booked for Tuesday, uses {medication}",
    "closed: {condition}",
    "duplicate of the one with {condition}",
    "reassign, {pronoun} had {procedure}",
    "prefers mornings, {procedure} at noon",
    "waiting, {care} until Friday",
    "tiene {condition}",
    "toma {medication}",
    "paciente con {condition}",
    "il a {condition}",
    "sous {medication}",
    "patient avec {condition}",
    "hat {condition}",
    "nimmt {medication}",
    "{condition} seit 2015",
    "tem {condition}",
    "em uso de {medication}",
];

const BENIGN: &[&str] = &[
    "{condition} study",
    "{condition} study is full",
    "{condition} flyer, version 2",
    "study for adults with {condition}",
    "update the {condition} study page",
    "referrals for the {condition} trial: 4",
    "campaign for {condition} in May",
    "A Study of {medication} in Adults With {condition}",
    "Safety of {medication} in Patients With {condition}",
    "Effect of {procedure} on {symptom}: a Randomized Trial",
    "people with {condition} are welcome to call",
    "you may join if you have {condition}",
    "ask your doctor about {condition}",
    "the study compares {medication} with a placebo",
    "visits include a {test}",
    "{condition} Foundation",
    "Center for {condition} Research",
    "{anatomy} Institute of Ohio",
    "{anatomy} Clinic",
    "utm_campaign={condition}_fall",
    "protocol {condition}-204",
    "estudio para adultos con {condition}",
    "étude pour adultes avec {condition}",
    "Studie für Erwachsene mit {condition}",
    "estudo para adultos com {condition}",
    "{operation} the coordinator on Monday",
    "{operation} by the site, {operation} later",
    "{pronoun} will {operation} the queue tomorrow",
    "{technology} for the {study} site",
    "{organization} asked for flyers",
];

/// Texts with their labels.
pub fn texts() -> Vec<(String, bool)> {
    let mut words: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in LISTS.iter().flat_map(|list| list.lines()) {
        if let Some((class, list)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            let plain = list.split_whitespace().filter(|word| !word.contains('*')).map(|word| word.replace('_', " "));
            words.entry(class).or_default().extend(plain);
        }
    }
    let mut state = 7_u64;
    let mut texts = Vec::new();
    for (templates, is_sensitive) in [(SENSITIVE, true), (BENIGN, false)] {
        for template in templates {
            for _ in 0..DRAWS * if is_sensitive { 1 } else { 2 } {
                texts.push((fill(template, &words, &mut state), is_sensitive));
            }
        }
    }
    texts
}

fn fill(template: &str, words: &BTreeMap<&str, Vec<String>>, state: &mut u64) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, (slot, after))) =
        rest.split_once('{').and_then(|(before, rest)| rest.split_once('}').map(|slot| (before, slot)))
    {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let list = words.get(slot).map(Vec::as_slice).unwrap_or_default();
        text.push_str(before);
        text.push_str(list.get((*state >> 33) as usize % list.len().max(1)).map_or("", String::as_str));
        rest = after;
    }
    text.push_str(rest);
    text
}
