//! The one gate for counts that leave to partners and viewers (PRODUCT.md, rule 8): no number but a [`Band`] does, and nothing else makes
//! one. What is behind a band was counted once, when its period was closed (`ops::release_reports`), and never changes.
//!
//! Bands are ten wide and cut above multiples of ten (11 to 20, 21 to 30 …), with all below the site's threshold merged into the first,
//! 0 included. All cuts fall into one raster: of two counts, one of which holds the other, the bands are equal or apart, and neither
//! narrows the other. A reader who knows part of a count, as a partner knows the classes of its own referrals, gets bands that are
//! merged until at least ten values are left of what it does not know. Totals beside their parts would narrow them, and so would the
//! parts of a whole beside each other: of these one is named at the most, without a count.
//!
//! What a partner sees of a single referral, and from when on, is the other half of the gate: [`partner_view`].

pub mod partner_view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Values that every band leaves open.
const WIDTH: i64 = 10;

/// A count as partners and viewers see it: between these two, both included. Never exact, and no total of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"at_least": 11, "at_most": 20}))]
pub struct Band {
    /// The count is this or more. 0 in the first band, which holds all counts below the site's threshold.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    at_least: i64,
    /// The count is this or less.
    #[schema(minimum = 10, maximum = 9_007_199_254_740_991_i64)]
    at_most: i64,
}

impl Band {
    /// Its least value.
    #[must_use]
    pub const fn at_least(self) -> i64 {
        self.at_least
    }

    /// Its greatest value.
    #[must_use]
    pub const fn at_most(self) -> i64 {
        self.at_most
    }

    /// Whether the count is below the threshold for all that it tells.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.at_least == 0
    }
}

/// What a reader knows of a count before it is told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// So many are in it for sure.
    pub certain: i64,
    /// So many more may be.
    pub possible: i64,
}

/// The gate of a site, by its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The first value above the first band.
    floor: i64,
}

impl Gate {
    /// The gate for this threshold: the first band ends at the multiple of ten at or above the last count below it, and at 10 at the
    /// least.
    #[must_use]
    pub fn new(threshold: i32) -> Self {
        let last = i64::from(threshold.max(11)) - 1;
        Self { floor: (last + WIDTH - 1) / WIDTH * WIDTH + 1 }
    }

    /// Whether a period holds enough to be released.
    #[must_use]
    pub const fn is_enough(self, volume: i64) -> bool {
        volume >= self.floor
    }

    /// The band of a count of which the reader knows nothing.
    #[must_use]
    pub fn band(self, count: i64) -> Band {
        if count < self.floor {
            return Band { at_least: 0, at_most: self.floor - 1 };
        }
        let at_least = self.floor + (count - self.floor) / WIDTH * WIDTH;
        Band { at_least, at_most: at_least + WIDTH - 1 }
    }

    /// The band of a count of which the reader knows a part: merged with its neighbours until ten values, or all that are possible, are
    /// left of what it does not know. Where the cuts are depends on what is known and never on the count.
    #[must_use]
    pub fn band_beside(self, count: i64, known: Known) -> Band {
        let (least, most) = (known.certain, known.certain + known.possible);
        let count = count.clamp(least, most);
        let open = |band: Band| band.at_most.min(most) - band.at_least.max(least) + 1;
        let mut merged = self.band(least);
        let mut last: Option<Band> = None;
        loop {
            // The first one holds all that is below the threshold of what is not known.
            let wanted = if last.is_none() { self.floor } else { WIDTH };
            while open(merged) < wanted && merged.at_most < most {
                merged.at_most = self.band(merged.at_most + 1).at_most;
            }
            // What is left at the end and too narrow by itself belongs to the one before.
            let narrow = open(merged) < WIDTH;
            match last {
                Some(before) if narrow => return Band { at_least: before.at_least, at_most: merged.at_most },
                Some(before) if count <= before.at_most => return before,
                _ if merged.at_most >= most => return merged,
                _ => {}
            }
            last = Some(merged);
            merged = self.band(merged.at_most + 1);
        }
    }
}

/// What is shown of a closed period: bands by figure, and the codes that lead among parts of a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    bands: BTreeMap<String, Band>,
    leads: BTreeMap<String, String>,
}

impl Shown {
    /// Adds the band of a figure.
    pub fn add(&mut self, figure: &str, band: Band) {
        self.bands.insert(figure.to_owned(), band);
    }

    /// Names the code that most have among parts of a whole, if so many do that this and the least value of a band beside it add up within
    /// the raster. The first of several that as many have.
    pub fn lead(&mut self, whole: &str, gate: Gate, parts: impl IntoIterator<Item = (&'static str, i64)>) {
        let most = parts.into_iter().filter(|(_, count)| *count >= gate.floor + WIDTH - 1).fold(
            None,
            |most: Option<(&str, i64)>, part| {
                if most.is_some_and(|most| most.1 >= part.1) { most } else { Some(part) }
            },
        );
        if let Some((code, _)) = most {
            self.leads.insert(whole.to_owned(), code.to_owned());
        }
    }

    /// The band of a figure.
    #[must_use]
    pub fn band(&self, figure: &str) -> Option<Band> {
        self.bands.get(figure).copied()
    }

    /// The code that leads.
    #[must_use]
    pub fn leading(&self, whole: &str) -> Option<&str> {
        self.leads.get(whole).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(band: Band) -> (i64, i64) {
        (band.at_least, band.at_most)
    }

    #[test]
    fn bands_are_ten_wide_in_one_raster_and_all_below_the_threshold_is_one() {
        let gate = Gate::new(11);
        let bands: Vec<_> = [0, 1, 10, 11, 20, 21, 14_205].map(|count| ends(gate.band(count))).into();
        assert_eq!(bands, [(0, 10), (0, 10), (0, 10), (11, 20), (11, 20), (21, 30), (14_201, 14_210)]);
        // A threshold between two cuts is raised to the next one.
        let raised = Gate::new(15);
        assert_eq!([0, 20, 21].map(|count| ends(raised.band(count))), [(0, 20), (0, 20), (21, 30)]);
        assert!(!raised.is_enough(20) && raised.is_enough(21));
        // Whatever a row says, nothing below eleven leaves.
        assert_eq!([Gate::new(0), Gate::new(1), Gate::new(3)], [gate; 3]);
    }

    /// For all that a reader may know: the bands cover what is possible without an overlap, and each leaves ten values or everything open.
    #[test]
    fn of_what_the_reader_does_not_know_ten_values_stay_open_whatever_it_knows() {
        for threshold in [11, 12, 21, 30, 35] {
            let gate = Gate::new(threshold);
            for certain in 0..60 {
                for possible in 0..75 {
                    let known = Known { certain, possible };
                    let mut before: Option<Band> = None;
                    for count in certain..=certain + possible {
                        let band = gate.band_beside(count, known);
                        assert!(band.at_least <= count && count <= band.at_most, "{threshold} {known:?} {count}: {band:?}");
                        let open = band.at_most.min(certain + possible) - band.at_least.max(certain) + 1;
                        let is_first = band.at_least <= certain;
                        let wanted = if is_first { gate.floor } else { WIDTH };
                        assert!(open >= wanted || open == possible + 1, "{threshold} {known:?} {count}: {band:?} leaves {open}");
                        assert!(before.is_none_or(|before| before == band || before.at_most < band.at_least));
                        before = Some(band);
                    }
                }
            }
        }
    }

    /// The control: bands that do not mind what is known leave less.
    #[test]
    fn a_plain_band_would_tell_a_reader_that_knows_most_of_it() {
        let gate = Gate::new(11);
        let plain = gate.band(12);
        assert_eq!(plain.at_most.min(12) - plain.at_least + 1, 2, "11 or 12 of 12");
        assert_eq!(ends(gate.band_beside(12, Known { certain: 0, possible: 12 })), (0, 20));
        assert_eq!(ends(gate.band_beside(10, Known { certain: 10, possible: 30 })), (0, 20));
    }

    #[test]
    fn of_parts_of_a_whole_one_is_named_and_only_if_enough_have_it() {
        let gate = Gate::new(11);
        let lead = |parts: &[(&'static str, i64)]| {
            let mut shown = Shown::default();
            shown.lead("blocker", gate, parts.iter().copied());
            shown.leading("blocker").map(str::to_owned)
        };
        assert_eq!(lead(&[("awaiting_records", 19), ("study_paused", 3)]), None);
        assert_eq!(lead(&[("awaiting_records", 20), ("study_paused", 3)]).as_deref(), Some("awaiting_records"));
        assert_eq!(
            lead(&[("awaiting_records", 12), ("study_paused", 40), ("route_broken", 40)]).as_deref(),
            Some("study_paused")
        );
    }
}
