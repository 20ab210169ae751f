//! Counts of instructions as they are written down, and what has grown since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where they are written down, below the project's folder.
pub const FILE: &str = "benches/instructions/counts.txt";

/// What a count may grow by: hash tables and allocations differ a little from build to build, another compiler's code more.
const TOLERANCE: f64 = 0.10;

/// Instructions of one call, by the function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub fn insert(&mut self, name: &str, count: u64) {
        self.0.insert(name.to_owned(), count);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What is written down.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_else(|error| panic!("{FILE}: {error}"));
        let line = |line: &str| {
            let (count, name) = line.split_once(' ').unwrap_or_else(|| panic!("{FILE}: no count and name in a line"));
            (name.to_owned(), count.parse().unwrap_or_else(|_| panic!("{FILE}: no number before {name}")))
        };
        Self(text.lines().filter(|text| !text.starts_with('#')).map(line).collect())
    }

    pub fn write(&self) {
        let mut text =
            "# Instructions of one call in a development build: `cargo bench --profile dev --bench instructions -- --write`.\n"
                .to_owned();
        for (name, count) in &self.0 {
            text.push_str(&format!("{count} {name}\n"));
        }
        std::fs::write(path(), text).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    }

    /// What is wrong with these: functions that cost more, that nobody wrote down, and that are no longer there.
    pub fn broken_by(&self, counted: &Self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, count) in &counted.0 {
            match self.0.get(name) {
                None => broken.push(format!("{name}: not in {FILE}")),
                Some(allowed) if *count as f64 > *allowed as f64 * (1.0 + TOLERANCE) => {
                    broken.push(format!("{name}: {count} instructions, {allowed} written down"));
                }
                Some(_) => {}
            }
        }
        let gone = self.0.keys().filter(|name| !counted.0.contains_key(*name));
        broken.extend(gone.map(|name| format!("{name}: in {FILE}, and counted no more")));
        broken
    }

    /// The same with one function that costs half as much again: what a check has to notice.
    pub fn with_one_more_costly(&self) -> Self {
        let mut more = self.clone();
        if let Some(mut dearest) = more.0.iter_mut().max_by_key(|(_, count)| **count).map(|(name, count)| (name.clone(), *count))
        {
            dearest.1 += dearest.1 / 2;
            more.0.insert(dearest.0, dearest.1);
        }
        more
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}
