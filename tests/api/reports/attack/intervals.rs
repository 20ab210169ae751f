//! What follows from bands and from what is part of what: intervals, narrowed until nothing follows any more.

use std::collections::BTreeMap;

/// Values that every interval must leave open.
pub const WIDTH: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub least: i64,
    pub most: i64,
}

impl Interval {
    pub fn holds(self, value: i64) -> bool {
        self.least <= value && value <= self.most
    }

    pub fn width(self) -> i64 {
        self.most - self.least + 1
    }

    pub fn less(self, known: i64) -> Self {
        Self { least: self.least - known, most: self.most - known }
    }

    pub fn within(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.min(other.most) }
    }
}

/// Counts by name, and what ties them.
#[derive(Default)]
pub struct Knowledge {
    counts: BTreeMap<String, Interval>,
    parts: Vec<(String, Vec<String>)>,
    totals: Vec<(Vec<String>, Interval)>,
}

impl Knowledge {
    pub fn knows(&mut self, name: &str, interval: Interval) {
        self.counts.insert(name.to_owned(), interval);
    }

    /// A count is at most the sum of others.
    pub fn is_part(&mut self, part: &str, whole: &[String]) {
        self.parts.push((part.to_owned(), whole.to_vec()));
    }

    /// Counts come to something between these together.
    pub fn is_total(&mut self, parts: &[String], total: Interval) {
        self.totals.push((parts.to_vec(), total));
    }

    fn narrow_to(&mut self, name: &str, interval: Interval) -> bool {
        let known = self.counts.get_mut(name).unwrap();
        let narrowed = known.within(interval);
        assert!(narrowed.width() > 0, "what is told of {name} contradicts itself");
        let changed = *known != narrowed;
        *known = narrowed;
        changed
    }

    fn sum(&self, names: &[String], but: Option<&str>, end: fn(Interval) -> i64) -> i64 {
        names.iter().filter(|name| Some(name.as_str()) != but).map(|name| end(self.counts[name])).sum()
    }

    /// Draws every conclusion.
    pub fn conclude(&mut self) {
        let (parts, totals) = (self.parts.clone(), self.totals.clone());
        let mut changed = true;
        while changed {
            changed = false;
            for (part, whole) in &parts {
                let most = self.sum(whole, None, |interval| interval.most);
                changed |= self.narrow_to(part, Interval { least: 0, most });
                let least = self.counts[part].least;
                for name in whole {
                    let others = self.sum(whole, Some(name), |interval| interval.most);
                    changed |= self.narrow_to(name, Interval { least: least - others, most: i64::MAX });
                }
            }
            for (names, total) in &totals {
                for name in names {
                    let least = total.least - self.sum(names, Some(name), |interval| interval.most);
                    let most = total.most - self.sum(names, Some(name), |interval| interval.least);
                    changed |= self.narrow_to(name, Interval { least, most });
                }
            }
        }
    }

    /// What leaves less open than it must.
    pub fn narrow(&self) -> impl Iterator<Item = (&String, Interval)> {
        self.counts.iter().map(|(name, left)| (name, *left)).filter(|(_, left)| left.width() < WIDTH)
    }
}
