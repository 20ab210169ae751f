//! What the training command shares with the check: reading features, compiling word lists, writing a model.
//! No other code uses it.

use std::collections::BTreeMap;

use super::Registered;
use super::features::{self, Sink};
use super::fold::fold;
use super::lexicon::{Class, Lexicon, MAX_STEM, MIN_SCRAMBLED, MIN_STEM, Match, hash, phrase};
use super::model::MAGIC;
use super::words;

/// The word lists: sections `[class]`, words apart by spaces, `stem*`, `*ending`, `words_of_a_phrase`.
pub const LISTS: &[&str] = &[
    include_str!("lexicon/people.txt"),
    include_str!("lexicon/conditions.txt"),
    include_str!("lexicon/symptoms.txt"),
    include_str!("lexicon/medications.txt"),
    include_str!("lexicon/care.txt"),
    include_str!("lexicon/work.txt"),
];

/// Shortest word that is listed with its plural.
const MIN_PLURAL: usize = 5;

/// The features of a text.
#[derive(Default)]
pub struct Reading {
    /// Sparse indices, with repetition.
    pub sparse: Vec<u32>,
    /// Dense indices with their values.
    pub dense: Vec<(usize, f32)>,
}

impl Sink for Reading {
    fn sparse(&mut self, index: u32) {
        self.sparse.push(index);
    }

    fn merge(&mut self, other: &Self) {
        self.sparse.extend(&other.sparse);
    }
}

/// Reads the features of a text: those of the whole, and those of its parts if it has several.
pub fn read(text: &str, lexicon: Lexicon<'_>) -> (Reading, Vec<Reading>) {
    let folded = fold(text);
    let words = words::read(&folded, lexicon, &Registered::NONE);
    let mut readings = Vec::new();
    features::read(&words, Reading::default, |_, reading, summary| {
        let mut dense = Vec::new();
        summary.dense(|index, value| dense.push((index, value)));
        readings.push(Reading { sparse: reading.sparse.clone(), dense });
    });
    // The last is the widest.
    (readings.pop().unwrap_or_default(), readings)
}

/// Compiles word lists into the slots of a lexicon, as bytes.
///
/// # Errors
/// The line that is no list.
pub fn compile(lists: &[&str]) -> Result<Vec<u8>, String> {
    let mut entries = BTreeMap::new();
    let mut derived = BTreeMap::new();
    for line in lists.iter().flat_map(|list| list.lines()).map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, list) =
            line.strip_prefix('[').and_then(|line| line.split_once(']')).ok_or_else(|| format!("no section: {line}"))?;
        let class = Class::from_name(name).ok_or_else(|| format!("no class: {name}"))?;
        for word in list.split_whitespace() {
            let word = fold(word).to_lowercase();
            let key = key(&word).ok_or_else(|| format!("no entry: {word}"))?;
            // The first list that has a word decides.
            entries.entry(key).or_insert(class);
            if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
                if word.len() >= MIN_SCRAMBLED {
                    derived.entry(hash(Match::Scrambled, &word)).or_insert(class);
                }
                if word.len() >= MIN_PLURAL && !word.ends_with('s') {
                    derived.entry(hash(Match::Word, &format!("{word}s"))).or_insert(class);
                }
            }
        }
    }
    for (key, class) in derived {
        entries.entry(key).or_insert(class);
    }
    Ok(slots(&entries))
}

/// The hash of an entry of a list.
fn key(word: &str) -> Option<u32> {
    if let Some(stem) = word.strip_suffix('*') {
        return (MIN_STEM..=MAX_STEM).contains(&stem.len()).then(|| hash(Match::Prefix, stem));
    }
    if let Some(ending) = word.strip_prefix('*') {
        return (MIN_STEM..=MAX_STEM).contains(&ending.len()).then(|| hash(Match::Suffix, ending));
    }
    // Apart where the text is cut: `s/p` is two words.
    let parts = word.split(|mark: char| !mark.is_alphanumeric()).filter(|part| !part.is_empty());
    let hashes: Vec<u32> = parts.map(|part| hash(Match::Word, part)).collect();
    match hashes.as_slice() {
        [one] => Some(*one),
        [one, two] => Some(phrase(*one, *two)),
        [one, two, three] => Some(phrase(phrase(*one, *two), *three)),
        _ => None,
    }
}

/// Lays entries out by linear probing, at most half full.
fn slots(entries: &BTreeMap<u32, Class>) -> Vec<u8> {
    let length = (entries.len() * 2).next_power_of_two().max(64);
    let mut slots = vec![0_u32; length];
    for (key, class) in entries {
        let start = *key as usize & (length - 1);
        let free = (start..length).chain(0..start).find(|at| slots.get(*at) == Some(&0));
        if let Some(slot) = free.and_then(|at| slots.get_mut(at)) {
            *slot = (key & !63) | *class as u32;
        }
    }
    slots.iter().flat_map(|slot| slot.to_le_bytes()).collect()
}

/// What training has learnt.
pub struct Weights {
    /// Log-odds before any feature.
    pub bias: f32,
    /// By sparse index.
    pub sparse: Vec<f32>,
    /// By dense index.
    pub dense: Vec<f32>,
}

/// Writes a model: weights are rounded to 8 and 16 bits.
pub fn write(lexicon: &[u8], weights: &Weights, strict: f32, copy: f32) -> Vec<u8> {
    let sparse_scale = largest(&weights.sparse) / 127.0;
    let dense_scale = largest(&weights.dense) / 32767.0;
    let mut bytes = MAGIC.to_vec();
    for number in [weights.bias, sparse_scale, dense_scale, strict, copy] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((lexicon.len() as u32 / 4).to_le_bytes());
    bytes.extend(lexicon);
    bytes.extend(weights.dense.iter().flat_map(|weight| ((weight / dense_scale).round() as i16).to_le_bytes()));
    bytes.extend(weights.sparse.iter().map(|weight| ((weight / sparse_scale).round() as i8).cast_unsigned()));
    bytes
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(1e-6, |largest, weight| weight.abs().max(largest))
}
