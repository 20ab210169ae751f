//! Folds for cross-validation. Texts of one source document and near-duplicates go into the same fold, and so do all
//! disguised ones, which repeat each other's sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::data::Example;

/// Share of common four-grams from which two texts count as one.
const NEAR: f64 = 0.5;

/// The fold of each example.
pub fn assign(examples: &[Example], folds: usize) -> Vec<usize> {
    let mut leader: Vec<usize> = (0..examples.len()).collect();
    let mut first_of: BTreeMap<String, usize> = BTreeMap::new();
    for (at, example) in examples.iter().enumerate() {
        if let Some(key) = source_key(example) {
            let first = *first_of.entry(key).or_insert(at);
            join(&mut leader, first, at);
        }
    }
    let grams: Vec<BTreeSet<String>> = examples.iter().map(|example| four_grams(&example.text)).collect();
    for (at, mine) in grams.iter().enumerate() {
        for (other, theirs) in grams.iter().enumerate().skip(at + 1) {
            let (small, large) = (mine.len().min(theirs.len()), mine.len().max(theirs.len()));
            if (small as f64) < large as f64 * NEAR {
                continue;
            }
            let common = mine.intersection(theirs).count();
            if common as f64 >= NEAR * (mine.len() + theirs.len() - common) as f64 {
                join(&mut leader, at, other);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..examples.len() {
        groups.entry(root(&leader, at)).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    // Large groups first, each into the emptiest fold; the order of equal groups is scattered but fixed.
    groups
        .sort_by_key(|group| (usize::MAX - group.len(), group.first().map_or(0, |first| first.wrapping_mul(0x9e37_79b9) % 9973)));
    let mut sizes = vec![0; folds];
    let mut fold_of = vec![0; examples.len()];
    for group in groups {
        let fold = (0..folds).min_by_key(|fold| sizes.get(*fold).copied().unwrap_or(0)).unwrap_or(0);
        if let Some(size) = sizes.get_mut(fold) {
            *size += group.len();
        }
        for member in group {
            if let Some(slot) = fold_of.get_mut(member) {
                *slot = fold;
            }
        }
    }
    fold_of
}

/// What two texts of one document share.
fn source_key(example: &Example) -> Option<String> {
    if example.kind.starts_with("obf_") {
        return Some("obf".to_owned());
    }
    (!example.is_written() && !example.source.is_empty() && !example.kind.starts_with("partner_name")).then(|| {
        // The synthetic identifiers name one repository: near-duplicates decide there.
        if example.kind == "contact_id_synth" { example.text.clone() } else { example.source.clone() }
    })
}

fn four_grams(text: &str) -> BTreeSet<String> {
    let letters: Vec<char> = text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_numeric() { '0' } else { letter })
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    letters.windows(4.min(letters.len().max(1))).map(|window| window.iter().collect()).collect()
}

fn root(leader: &[usize], mut at: usize) -> usize {
    while let Some(next) = leader.get(at).copied().filter(|next| *next != at) {
        at = next;
    }
    at
}

fn join(leader: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(leader, one), root(leader, other));
    if let Some(slot) = leader.get_mut(one.max(other)) {
        *slot = one.min(other);
    }
}
