//! A person arrives at the site's intake: what that makes of the referral whose handoff code they bring. Pure: `ops` looks it up.

use super::referral_state::{self, Request, State, TransitionReason};
use super::vocabulary::{CloseReason, ReferralStatus};

text_enum! {
    /// Why the source of a referral was corrected. `tag_mistyped`: the tag or code was meant to be the partner's.
    /// `person_named_partner`: the person said who sent them. `partner_confirmed`: the partner says that it did.
    /// `credited_wrongly`: it was credited to somebody who did not.
    pub enum AttributionReason {
        TagMistyped = "tag_mistyped",
        PersonNamedPartner = "person_named_partner",
        PartnerConfirmed = "partner_confirmed",
        CreditedWrongly = "credited_wrongly",
    }
}

/// What becomes of an arrival with the code of a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// The referral is open: this is its person.
    Joins,
    /// It had ended, and goes on: `person_returned` is what happened, and no judgement.
    Reopens,
    /// It had ended for good, or as another record of the site's: the arrival is a referral of its own, from the same source.
    Anew,
    /// As [`Self::Anew`], and the person had asked for no contact: somebody decides first.
    AnewHeld,
}

/// Decides by the state of the referral, whether the person of the details that were sent withdrew permission to contact, and
/// whether the referral can carry the site's record that was sent.
#[must_use]
pub fn meet(state: &State, withdrawn: bool, same_record: bool) -> Meeting {
    if state.status != ReferralStatus::Closed {
        return Meeting::Joins;
    }
    if withdrawn || state.close_reason == Some(CloseReason::PersonRequestedNoContact) {
        return Meeting::AnewHeld;
    }
    if same_record && referral_state::decide(state, &RETURNED).is_ok() { Meeting::Reopens } else { Meeting::Anew }
}

/// The move that a return is.
pub const RETURNED: Request =
    Request { to: ReferralStatus::Received, reason: Some(TransitionReason::PersonReturned), blocker: None };

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(close_reason: CloseReason) -> State {
        State {
            status: ReferralStatus::Closed,
            held_status: None,
            close_reason: Some(close_reason),
            is_test: false,
            is_merged: false,
        }
    }

    #[test]
    fn every_open_referral_is_joined_and_no_closed_one() {
        for status in ReferralStatus::ALL.iter().filter(|status| **status != ReferralStatus::Closed) {
            let state = State { status: *status, close_reason: None, ..closed(CloseReason::Duplicate) };
            for (withdrawn, same_record) in [(false, false), (false, true), (true, false), (true, true)] {
                assert_eq!(meet(&state, withdrawn, same_record), Meeting::Joins);
            }
        }
        for reason in CloseReason::ALL {
            assert_ne!(meet(&closed(*reason), false, true), Meeting::Joins);
        }
    }

    #[test]
    fn what_ended_for_good_begins_anew_and_whoever_asked_for_no_contact_is_held() {
        use CloseReason::{Duplicate, EnteredInError, PersonRequestedNoContact, RetentionExpired, TestReferral};
        for reason in CloseReason::ALL {
            let expected = match reason {
                PersonRequestedNoContact => Meeting::AnewHeld,
                Duplicate | EnteredInError | RetentionExpired | TestReferral => Meeting::Anew,
                _ => Meeting::Reopens,
            };
            assert_eq!(meet(&closed(*reason), false, true), expected, "{reason}");
            assert_eq!(meet(&closed(*reason), true, true), Meeting::AnewHeld, "{reason}");
        }
        let another_record = meet(&closed(CloseReason::UnreachableAfterAttempts), false, false);
        assert_eq!(another_record, Meeting::Anew);
    }
}
