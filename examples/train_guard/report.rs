//! Thresholds and the table per kind.

use std::collections::BTreeMap;

use handoff::privacy::guard::model::Model;
use handoff::privacy::guard::{Profile, Registered, Rule, check_with, log_odds};

use super::data::{Example, Origin};

/// False positives allowed where the threshold is chosen: below what is promised, for texts yet unseen.
const FALSE_POSITIVES: f64 = 0.014;
/// The same for what partners write.
const WRITTEN_FALSE_POSITIVES: f64 = 0.008;
/// The same for copy.
const COPY_FALSE_POSITIVES: f64 = 0.004;
/// Kinds that staff register.
const COPY_KINDS: [&str; 5] = ["approved_copy", "approved_copy_written", "eligibility_copy", "study_short", "study_title"];

/// An example with what a model says that has not seen it.
pub struct Scored<'e> {
    pub example: &'e Example,
    strict: f32,
    copy: f32,
    by_rule: [bool; 2],
}

impl<'e> Scored<'e> {
    pub fn new(example: &'e Example, model: &[u8]) -> Self {
        let model = Model::from_bytes(model).unwrap_or(Model::EMPTY);
        let by_rule = |profile| {
            let verdict = check_with(&model, &example.text, profile, &Registered::NONE);
            verdict
                .rules
                .iter()
                .any(|rule| !matches!(rule, Rule::NarrativeModel | Rule::ClinicalTerms | Rule::PersonWithClinical))
        };
        Self {
            example,
            strict: log_odds(&model, &example.text, Profile::Strict),
            copy: log_odds(&model, &example.text, Profile::Copy),
            by_rule: [by_rule(Profile::Strict), by_rule(Profile::Copy)],
        }
    }

    fn is_refused(&self, strict: f32) -> bool {
        self.by_rule[0] || self.strict >= strict
    }

    fn is_refused_as_copy(&self, copy: f32) -> bool {
        self.by_rule[1] || self.copy >= copy
    }

    fn is_benign(&self) -> bool {
        !self.example.is_sensitive && !self.example.is_copy_only
    }

    fn is_copy(&self) -> bool {
        COPY_KINDS.contains(&self.example.kind.as_str())
    }
}

/// The lowest threshold with few enough false positives over all benign texts, and over the written ones.
pub fn threshold(scored: &[Scored<'_>]) -> f32 {
    let all = lowest(scored.iter().filter(|one| one.is_benign()), |one| (one.strict, one.by_rule[0]), FALSE_POSITIVES);
    let written = scored.iter().filter(|one| one.is_benign() && one.example.is_written() && !one.is_copy());
    all.max(lowest(written, |one| (one.strict, one.by_rule[0]), WRITTEN_FALSE_POSITIVES))
}

/// The same for registered copy, never below the strict one.
pub fn copy_threshold(scored: &[Scored<'_>], strict: f32) -> f32 {
    let copy = scored.iter().filter(|one| !one.example.is_sensitive && one.is_copy());
    lowest(copy, |one| (one.copy, one.by_rule[1]), COPY_FALSE_POSITIVES).max(strict)
}

fn lowest<'s, 'e: 's>(
    benign: impl Iterator<Item = &'s Scored<'e>>,
    score: impl Fn(&Scored<'e>) -> (f32, bool),
    rate: f64,
) -> f32 {
    let mut scores: Vec<f32> = benign.map(score).map(|(score, by_rule)| if by_rule { f32::INFINITY } else { score }).collect();
    scores.sort_by(|one, other| other.total_cmp(one));
    let allowed = (scores.len() as f64 * rate) as usize;
    scores.get(allowed).map_or(0.0, |highest| highest + 1e-3)
}

/// Prints the recall at several rates of false positives: less a matter of chance than the recall at one threshold.
pub fn points(scored: &[Scored<'_>]) {
    for (name, is_in) in
        [("all", (|_| true) as fn(&Scored<'_>) -> bool), ("written", |one| one.example.is_written() && !one.is_copy())]
    {
        let part: Vec<&Scored<'_>> = scored.iter().filter(|one| !one.example.is_copy_only && is_in(one)).collect();
        let sensitive: Vec<&&Scored<'_>> = part.iter().filter(|one| one.example.is_sensitive).collect();
        for rate in [0.004, 0.008, 0.016] {
            let benign = part.iter().filter(|one| !one.example.is_sensitive).copied();
            let threshold = lowest(benign, |one| (one.strict, one.by_rule[0]), rate);
            let refused = sensitive.iter().filter(|one| one.is_refused(threshold)).count();
            print!("  {name} {rate}: {:.4}", refused as f64 / sensitive.len().max(1) as f64);
        }
    }
    println!();
}

/// Prints recall or false positives per kind and for the families that are promised.
pub fn print(scored: &[Scored<'_>], strict: f32, copy: f32) {
    for (origin, name) in [(Origin::Development, "development set"), (Origin::Fixture, "fixture")] {
        let of_origin: Vec<&Scored<'_>> = scored.iter().filter(|one| one.example.origin == origin).collect();
        let part: Vec<&Scored<'_>> = of_origin.iter().copied().filter(|one| !one.example.is_copy_only).collect();
        if of_origin.is_empty() {
            continue;
        }
        println!("\n  {name}: kind, texts, refused");
        let mut kinds: BTreeMap<(bool, &str), Vec<&Scored<'_>>> = BTreeMap::new();
        for one in &part {
            kinds.entry((one.example.is_sensitive, &one.example.kind)).or_default().push(one);
        }
        for ((is_sensitive, kind), texts) in kinds {
            line(&format!("{} {kind}", if is_sensitive { "+" } else { "-" }), &texts, |one| one.is_refused(strict));
        }
        families(&part, strict);
        let copy_texts: Vec<&Scored<'_>> =
            of_origin.iter().copied().filter(|one| !one.example.is_sensitive && one.is_copy()).collect();
        line("copy profile: false positives", &copy_texts, |one| one.is_refused_as_copy(copy));
        let sensitive: Vec<&Scored<'_>> = part.iter().copied().filter(|one| one.example.is_sensitive).collect();
        line("copy profile: sensitive", &sensitive, |one| one.is_refused_as_copy(copy));
    }
    if std::env::args().any(|argument| argument == "--misses") {
        for one in scored.iter().filter(|one| !one.example.is_copy_only && one.is_refused(strict) != one.example.is_sensitive) {
            let sign = if one.example.is_sensitive { "missed " } else { "refused" };
            println!("  {sign} {:7.2} {} | {:?}", one.strict, one.example.kind, one.example.text);
        }
    }
}

fn families(part: &[&Scored<'_>], strict: f32) {
    let pick = |keep: &dyn Fn(&Scored<'_>) -> bool| part.iter().copied().filter(|one| keep(one)).collect::<Vec<_>>();
    let kind = |one: &Scored<'_>, starts: &[&str]| starts.iter().any(|start| one.example.kind.starts_with(start));
    let is_obfuscated = |one: &Scored<'_>| kind(one, &["obf_"]);
    let rows: [(&str, Vec<&Scored<'_>>); 8] = [
        ("G1 sensitive", pick(&|one| one.example.is_sensitive)),
        ("G1 false positives", pick(&|one| !one.example.is_sensitive)),
        ("G2 partner-written", pick(&|one| one.example.is_sensitive && one.example.is_written() && !is_obfuscated(one))),
        ("G2 false positives", pick(&|one| !one.example.is_sensitive && one.example.is_written() && !one.is_copy())),
        ("G3 identifiers", pick(&|one| one.example.is_sensitive && kind(one, &["id_", "contact"]))),
        ("G4 hidden narrative", pick(&|one| one.example.is_sensitive && kind(one, &["mixed_operational"]))),
        ("G5 obfuscated", pick(&is_obfuscated)),
        ("G6 short fragments", pick(&|one| one.example.is_sensitive && one.example.is_short() && !is_obfuscated(one))),
    ];
    for (name, texts) in rows {
        line(name, &texts, |one| one.is_refused(strict));
    }
}

fn line(name: &str, texts: &[&Scored<'_>], is_refused: impl Fn(&Scored<'_>) -> bool) {
    let refused = texts.iter().filter(|one| is_refused(one)).count();
    println!("    {name:32} {:5} {refused:5}  {:.4}", texts.len(), refused as f64 / texts.len().max(1) as f64);
}
