//! Whether somebody acted on a referral in time: counted from its recording, and counted from its receipt. A phone handoff that is
//! logged late may be in time by the one and late by the other, and both are told.

use chrono::{DateTime, Utc};

/// What is kept of a referral's first action since its clock started: a reopened referral begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it was due, counted from the recording or the reopening; `None` on referrals from before due times were kept.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was due, counted from the receipt or the reopening.
    pub due_by_receipt_at: Option<DateTime<Utc>>,
    /// When the referral was acknowledged, or passed that step.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
}

/// The first action of a referral as it looks at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstAction {
    /// When it was taken: the acknowledgement, or the end of a referral that nobody acknowledged.
    pub taken_at: Option<DateTime<Utc>>,
    /// Whether that was in time, counted from the recording. `None`: it is still open and not late, or was never due.
    pub met: Option<bool>,
    /// The same, counted from the receipt.
    pub met_by_receipt: Option<bool>,
}

/// When it was taken: the acknowledgement, or the end of a referral that nobody acknowledged.
#[must_use]
pub fn taken_at(acknowledged_at: Option<DateTime<Utc>>, closed_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    acknowledged_at.or(closed_at)
}

/// The first action as it looks at `now`. What is taken at the very moment it is due is in time.
#[must_use]
pub fn of(kept: &Kept, now: DateTime<Utc>) -> FirstAction {
    let taken_at = taken_at(kept.acknowledged_at, kept.closed_at);
    let met = |due_at: Option<DateTime<Utc>>| {
        let due_at = due_at?;
        match taken_at {
            Some(taken_at) => Some(taken_at <= due_at),
            None => (now > due_at).then_some(false),
        }
    };
    FirstAction { taken_at, met: met(kept.due_at), met_by_receipt: met(kept.due_by_receipt_at) }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    const OPEN: Kept = Kept { due_at: None, due_by_receipt_at: None, acknowledged_at: None, closed_at: None };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::hours(hours)
    }

    #[test]
    fn it_is_open_until_it_is_taken_or_late_and_each_clock_is_read_by_itself() {
        let logged_late = Kept { due_at: Some(at(30)), due_by_receipt_at: Some(at(10)), ..OPEN };
        let told = |now| (of(&logged_late, now).met, of(&logged_late, now).met_by_receipt);
        assert_eq!(told(at(10)), (None, None), "at the moment itself it is not late");
        assert_eq!(told(at(10) + Duration::microseconds(1)), (None, Some(false)));
        assert_eq!(told(at(31)), (Some(false), Some(false)));
        let taken = Kept { acknowledged_at: Some(at(30)), ..logged_late };
        let seen = of(&taken, at(900));
        assert_eq!((seen.taken_at, seen.met, seen.met_by_receipt), (Some(at(30)), Some(true), Some(false)), "it stays as it was");
    }

    #[test]
    fn the_end_of_a_referral_that_nobody_acknowledged_is_its_first_action() {
        let due = Kept { due_at: Some(at(5)), due_by_receipt_at: Some(at(5)), ..OPEN };
        let closed = Kept { closed_at: Some(at(6)), ..due };
        assert_eq!(of(&closed, at(7)), FirstAction { taken_at: Some(at(6)), met: Some(false), met_by_receipt: Some(false) });
        let acknowledged = Kept { acknowledged_at: Some(at(4)), ..closed };
        assert_eq!(of(&acknowledged, at(7)).met, Some(true), "and of an acknowledged one the acknowledgement");
    }

    #[test]
    fn what_was_never_due_is_neither_met_nor_missed() {
        let old = Kept { acknowledged_at: Some(at(3)), ..OPEN };
        assert_eq!(of(&old, at(900)), FirstAction { taken_at: Some(at(3)), met: None, met_by_receipt: None });
    }
}
