//! Which of two records of one person goes on, and what it may be used for (PRODUCT.md rule 6). Pure: `ops` asks and writes.

use chrono::{DateTime, Utc};

use super::contact_basis;
use super::ids::ReferralId;
use super::vocabulary::ContactBasis;

/// A record that stands for a person, as far as a merge depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: ReferralId,
    /// Whether it is worked on.
    pub open: bool,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// Whether it, or one that was merged into it, says that the person does not want to be contacted.
    pub withdrew: bool,
}

/// A decided merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The record that goes on.
    pub survivor: ReferralId,
    /// The record that ends as its duplicate.
    pub merged: ReferralId,
    /// The stricter ground of the two.
    pub contact_basis: ContactBasis,
    /// Whether nobody may contact the person: what is open of them ends.
    pub withdrew: bool,
}

/// Why a record cannot be the one to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither of the two.
    KeepsNeither,
    /// It is closed, and the other one is open.
    KeepsClosed,
}

impl Refusal {
    /// What to do, as a sentence for an integrator.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::KeepsNeither => "Keep one of the two referrals of this review, or leave the field out.",
            Self::KeepsClosed => "This referral is closed and the other one is open. Keep the open one, or leave the field out.",
        }
    }
}

/// Decides a merge: the record to keep that was named, or else the open one, or else the one that came first.
///
/// # Errors
/// Why the named record cannot be kept.
pub fn decide(one: &Record, other: &Record, keep: Option<ReferralId>) -> Result<Merge, Refusal> {
    let by_rule = match (one.open, other.open) {
        (true, false) => one,
        (false, true) => other,
        _ if (one.received_at, one.id) <= (other.received_at, other.id) => one,
        _ => other,
    };
    let survivor = match keep {
        None => by_rule,
        Some(id) if id == one.id => one,
        Some(id) if id == other.id => other,
        Some(_) => return Err(Refusal::KeepsNeither),
    };
    if !survivor.open && (one.open || other.open) {
        return Err(Refusal::KeepsClosed);
    }
    Ok(Merge {
        survivor: survivor.id,
        merged: if survivor.id == one.id { other.id } else { one.id },
        contact_basis: contact_basis::stricter(one.contact_basis, other.contact_basis),
        withdrew: one.withdrew || other.withdrew,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u128, open: bool, received: i64) -> Record {
        Record {
            id: ReferralId(uuid::Uuid::from_u128(number)),
            open,
            received_at: DateTime::UNIX_EPOCH + chrono::Duration::hours(received),
            contact_basis: ContactBasis::SelfReferral,
            withdrew: false,
        }
    }

    #[test]
    fn the_open_record_goes_on_and_of_two_alike_the_one_that_came_first() {
        let kept = |one: Record, other: Record| {
            let (merge, turned) = (decide(&one, &other, None).unwrap(), decide(&other, &one, None).unwrap());
            assert_eq!(merge, turned, "in whichever order they are given");
            assert_ne!(merge.survivor, merge.merged);
            merge.survivor.0.as_u128()
        };
        assert_eq!(kept(record(1, false, 0), record(2, true, 9)), 2);
        assert_eq!(kept(record(1, true, 9), record(2, true, 0)), 2);
        assert_eq!(kept(record(1, false, 0), record(2, false, 9)), 1);
        assert_eq!(kept(record(2, true, 5), record(1, true, 5)), 1);
    }

    #[test]
    fn one_of_the_two_may_be_named_but_not_a_closed_one_beside_an_open_one() {
        let (open, later, closed) = (record(1, true, 0), record(2, true, 5), record(3, false, 0));
        assert_eq!(decide(&open, &later, Some(later.id)).map(|merge| merge.survivor), Ok(later.id));
        assert_eq!(decide(&open, &later, Some(closed.id)), Err(Refusal::KeepsNeither));
        assert_eq!(decide(&open, &closed, Some(closed.id)), Err(Refusal::KeepsClosed));
        let ended = record(4, false, 5);
        assert_eq!(decide(&closed, &ended, Some(ended.id)).map(|merge| merge.merged), Ok(closed.id));
    }

    #[test]
    fn the_strictest_permission_of_the_two_counts() {
        let strict = Record { contact_basis: ContactBasis::HipaaAuthorization, withdrew: true, ..record(2, false, 5) };
        let merge = decide(&record(1, true, 0), &strict, None).unwrap();
        assert_eq!((merge.contact_basis, merge.withdrew), (ContactBasis::HipaaAuthorization, true));
        assert!(!decide(&record(1, true, 0), &record(2, true, 0), None).unwrap().withdrew);
    }
}
