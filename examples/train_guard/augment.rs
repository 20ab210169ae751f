//! Training rows: the texts, sentences of benign texts by themselves, lower-cased copies of all but titles, pairs put together (narrative
//! among operational text stays sensitive; two operational texts stay benign), and texts from templates.

use handoff::privacy::guard::lexicon::Lexicon;
use handoff::privacy::guard::training::{self, Reading, Weights};

use super::data::Example;
use super::learn;
use super::templates;

/// A reading with its label and weight.
pub struct Row {
    pub reading: Reading,
    /// Clauses and sentences of a sensitive text, one of which must be what makes it so.
    pub parts: Vec<Reading>,
    pub is_sensitive: bool,
    pub weight: f32,
}

const JOINS: [&str; 6] = [". ", ", ", " - ", "; ", " ", "\n"];
/// Longer texts are not put together.
const MAX_JOINED: usize = 140;
const PAIRS: usize = 900;
/// A part that seems harmless is left alone: the text may be sensitive as a whole only.
const FLOOR: f32 = -1.0;
/// What is made counts less than what somebody wrote.
const TEMPLATE_WEIGHT: f32 = 0.25;

/// All rows of some examples.
pub fn rows(examples: &[&Example], lexicon: &[u8]) -> Vec<Row> {
    let lexicon = Lexicon::new(lexicon);
    let mut rows = Vec::new();
    let mut add = |text: &str, is_sensitive: bool, weight: f32| {
        let (whole, parts) = training::read(text, lexicon);
        let mut kept = Vec::new();
        if is_sensitive {
            kept = parts;
        } else {
            let row = |reading| Row { reading, parts: Vec::new(), is_sensitive, weight: weight * 0.5 };
            rows.extend(parts.into_iter().map(row));
        }
        rows.push(Row { reading: whole, parts: kept, is_sensitive, weight });
    };
    for example in examples {
        let weight = if example.is_written() { 2.0 } else { 1.0 };
        add(&example.text, example.is_sensitive, weight);
        // Without its capitals a title is no longer known for one.
        let may_be_title = !example.is_sensitive && (example.kind.starts_with("study_") || example.kind.starts_with("partner_"));
        if !may_be_title && example.text.chars().any(char::is_uppercase) {
            add(&example.text.to_lowercase(), example.is_sensitive, 0.5);
        }
    }
    for (text, is_sensitive) in templates::texts() {
        add(&text, is_sensitive, TEMPLATE_WEIGHT);
    }
    let is_short = |example: &&&Example| example.text.len() <= MAX_JOINED && example.is_written();
    let benign: Vec<&&Example> = examples.iter().filter(is_short).filter(|example| !example.is_sensitive).collect();
    let sensitive: Vec<&&Example> =
        examples.iter().filter(is_short).filter(|example| example.is_sensitive && !example.kind.starts_with("obf_")).collect();
    let mut random = Random(1);
    for turn in 0..PAIRS {
        let (Some(first), Some(second), Some(third)) = (random.pick(&benign), random.pick(&benign), random.pick(&sensitive))
        else {
            continue;
        };
        let join = JOINS.get(turn % JOINS.len()).copied().unwrap_or(" ");
        add(&format!("{}{join}{}", first.text, second.text), false, 0.7);
        let (before, after) = if turn % 3 == 0 { (third, first) } else { (first, third) };
        add(&format!("{}{join}{}", before.text, after.text), true, 0.7);
    }
    rows
}

/// The telling part of each sensitive text, by a model learnt without them.
pub fn telling(rows: &mut [Row], weights: &Weights) -> Vec<Row> {
    let telling = |row: &mut Row| {
        let best =
            row.parts.drain(..).max_by(|one, other| learn::log_odds(one, weights).total_cmp(&learn::log_odds(other, weights)))?;
        (learn::log_odds(&best, weights) > FLOOR).then(|| Row {
            reading: best,
            parts: Vec::new(),
            is_sensitive: true,
            weight: row.weight * 0.5,
        })
    };
    rows.iter_mut().filter_map(telling).collect()
}

/// A small fixed sequence: the same input gives the same rows.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn pick<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        let at = self.next() as usize % list.len().max(1);
        list.get(at)
    }
}
