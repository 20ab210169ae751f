//! The figures, and the numbers under which sums hold them.

use super::times;
use crate::domain::vocabulary::{CloseReason, HandoffIssue, ReferralStatus};

text_enum! {
    /// A figure of a report: how many referrals something is true of, or how often something happened.
    pub enum Figure {
        Volume = "volume",
        Incomplete = "incomplete",
        WrongStudy = "wrong_study",
        Duplicate = "duplicate",
        Verified = "verified",
        Acknowledged = "acknowledged",
        Contacting = "contacting",
        Connected = "connected",
        HandedOff = "handed_off",
        Completed = "completed",
        Open = "open",
        Stalled = "stalled",
        Steps = "steps",
        StepsSquared = "steps_squared",
        Received = "received",
        FellThrough = "fell_through",
        Reopened = "reopened",
        Escalated = "escalated",
    }
}

/// What a sum counts under one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A figure.
    Of(Figure),
    /// Referrals that are closed for this reason.
    Closed(CloseReason),
    /// Referrals on which this issue is marked.
    Issue(HandoffIssue),
    /// Moves from one state to another.
    Moved(ReferralStatus, ReferralStatus),
    /// Referrals whose first action came in a time of this class.
    FirstAction(u16),
    /// Referrals whose person was reached in a time of this class.
    Connection(u16),
}

// Room for vocabularies to grow: a word that is added at the end moves no number.
pub(super) const FIGURES: u16 = 32;
const CLOSED: u16 = FIGURES;
const ISSUES: u16 = 64;
const MOVES: u16 = 96;
const STATES: u16 = 16;
const FIRST_ACTION: u16 = MOVES + STATES * STATES;
const CONNECTION: u16 = FIRST_ACTION + times::CLASSES;

/// One more than the highest number.
pub const WIDTH: usize = (CONNECTION + times::CLASSES) as usize;

impl Key {
    /// Its number. Sums are kept under it: what changes here raises [`super::DEFINITIONS`].
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Of(figure) => figure as u16,
            Self::Closed(reason) => CLOSED + reason as u16,
            Self::Issue(issue) => ISSUES + issue as u16,
            Self::Moved(from, to) => MOVES + from as u16 * STATES + to as u16,
            Self::FirstAction(class) => FIRST_ACTION + class,
            Self::Connection(class) => CONNECTION + class,
        }
    }
}

impl From<Figure> for Key {
    fn from(figure: Figure) -> Self {
        Self::Of(figure)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::domain::reports::DEFINITIONS;

    fn all() -> Vec<(Key, String)> {
        let figures = Figure::ALL.iter().map(|figure| (Key::Of(*figure), figure.to_string()));
        let closed = CloseReason::ALL.iter().map(|reason| (Key::Closed(*reason), reason.to_string()));
        let issues = HandoffIssue::ALL.iter().map(|issue| (Key::Issue(*issue), issue.to_string()));
        let moves = ReferralStatus::ALL
            .iter()
            .flat_map(|from| ReferralStatus::ALL.iter().map(move |to| (Key::Moved(*from, *to), format!("{from}>{to}"))));
        let classes = (0..times::CLASSES)
            .flat_map(|class| [(Key::FirstAction(class), format!("f{class}")), (Key::Connection(class), format!("c{class}"))]);
        figures.chain(closed).chain(issues).chain(moves).chain(classes).collect()
    }

    #[test]
    fn every_key_has_a_number_of_its_own_within_the_width() {
        let numbers: BTreeSet<u16> = all().iter().map(|(key, _)| key.number()).collect();
        assert_eq!(numbers.len(), all().len());
        assert!(numbers.iter().all(|number| usize::from(*number) < WIDTH));
    }

    /// What is kept under a number in somebody's database means the same in the next release, or is made anew.
    #[test]
    fn whoever_moves_a_number_raises_the_definitions() {
        let layout: String = all().iter().map(|(key, word)| format!("{}={word};", key.number())).collect();
        let digest: String = Sha256::digest(layout).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (DEFINITIONS, digest.as_str()),
            (2, "008a2641b572"),
            "raise DEFINITIONS and write down the new layout's digest"
        );
    }
}
