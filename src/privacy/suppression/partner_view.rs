//! What a partner sees of a referral's state: four classes, and an end whose timing tells nothing (PRODUCT.md §1). Months are closed for
//! shared outputs by the same delay, so that neither tells more than the other.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::domain::calendar;
use crate::domain::referral_state::Facts;
use crate::domain::vocabulary::{Blocker, CloseReason, NotAcceptedReason, PartnerReferralStatus, ReferralStatus};

/// Days from its recording until an end may show, and from the end of a month until it is closed for shared outputs.
const CLOSED_AFTER_DAYS: i64 = 30;

/// The partner's class of a referral at `now`, and its code when it was not accepted.
///
/// What the partner withdrew is closed for it at once, whatever the site made of it: its own act tells it nothing. Its turn shows
/// on every open state, held or not.
#[must_use]
pub fn classify(facts: &Facts, time_zone: Tz, now: DateTime<Utc>) -> (PartnerReferralStatus, Option<NotAcceptedReason>) {
    let open = (PartnerReferralStatus::AcceptedForReview, None);
    if facts.withdrawn {
        return (PartnerReferralStatus::Closed, None);
    }
    match (facts.status, facts.close_reason) {
        (ReferralStatus::Closed, Some(reason)) => {
            if let Some(code) = not_accepted(reason) {
                return (PartnerReferralStatus::NotAccepted, Some(code));
            }
            let ended = facts.closed_at.unwrap_or(facts.recorded_at);
            if now >= closed_shows_from(facts.recorded_at, ended, time_zone) {
                (PartnerReferralStatus::Closed, None)
            } else {
                open
            }
        }
        (ReferralStatus::Closed, None) => open,
        _ if facts.held_blocker.or(facts.blocker) == Some(Blocker::AwaitingPartnerCompletion) => {
            (PartnerReferralStatus::NeedsPartnerAction, None)
        }
        _ => open,
    }
}

/// The reason a partner may know: its own conduct, or what it could have known.
const fn not_accepted(reason: CloseReason) -> Option<NotAcceptedReason> {
    match reason {
        CloseReason::WrongStudy => Some(NotAcceptedReason::WrongStudy),
        CloseReason::WrongSite => Some(NotAcceptedReason::WrongSite),
        CloseReason::IncompleteHandoff => Some(NotAcceptedReason::IncompleteHandoff),
        CloseReason::ChannelNotApproved => Some(NotAcceptedReason::ChannelNotApproved),
        CloseReason::StudyNotAccepting => Some(NotAcceptedReason::StudyNotAccepting),
        CloseReason::SiteCapacity => Some(NotAcceptedReason::SiteCapacity),
        _ => None,
    }
}

/// The first start of a calendar month in the site's time zone that is after the end and at least 30 days after receipt.
/// Receipt counts by `recorded_at`: the partner knows it, and a late entry cannot bring the day forward.
#[must_use]
pub fn closed_shows_from(recorded_at: DateTime<Utc>, closed_at: DateTime<Utc>, time_zone: Tz) -> DateTime<Utc> {
    let earliest = closed_at.max(recorded_at + Duration::days(CLOSED_AFTER_DAYS));
    calendar::next_start(calendar::month_of(earliest, time_zone), time_zone)
}

/// Whether a month may be closed for shared outputs today: each referral of it is as old then as one must be to show as closed.
#[must_use]
pub fn is_closable(month: NaiveDate, today: NaiveDate) -> bool {
    calendar::next_month(month) + Duration::days(CLOSED_AFTER_DAYS) <= today
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn closed(reason: CloseReason) -> Facts {
        Facts {
            status: ReferralStatus::Closed,
            blocker: None,
            held_blocker: None,
            close_reason: Some(reason),
            recorded_at: utc("2026-01-10T12:00:00Z"),
            closed_at: Some(utc("2026-01-11T12:00:00Z")),
            withdrawn: false,
        }
    }

    #[test]
    fn a_closed_referral_shows_from_a_month_start_at_least_thirty_days_after_receipt() {
        let zone = chrono_tz::America::New_York;
        let facts = closed(CloseReason::NoLongerInterested);
        // Thirty days are over on 9 February; the next month starts on 1 March, 05:00 UTC in New York.
        assert_eq!(classify(&facts, zone, utc("2026-03-01T04:59:59Z")).0, PartnerReferralStatus::AcceptedForReview);
        assert_eq!(classify(&facts, zone, utc("2026-03-01T05:00:00Z")).0, PartnerReferralStatus::Closed);
        // A late end waits for the month after it.
        let late = closed_shows_from(facts.recorded_at, utc("2026-12-31T23:00:00Z"), chrono_tz::UTC);
        assert_eq!(late, utc("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn only_reasons_the_partner_could_have_known_are_told_and_at_once() {
        let told: Vec<&str> = CloseReason::ALL
            .iter()
            .filter(|reason| classify(&closed(**reason), chrono_tz::UTC, utc("2026-01-11T12:00:01Z")).1.is_some())
            .map(|reason| reason.as_str())
            .collect();
        assert_eq!(
            told,
            ["wrong_study", "wrong_site", "study_not_accepting", "site_capacity", "incomplete_handoff", "channel_not_approved"]
        );
    }

    #[test]
    fn every_open_state_looks_alike_but_for_the_partners_own_turn() {
        for status in ReferralStatus::ALL.iter().filter(|status| **status != ReferralStatus::Closed) {
            for blocker in Blocker::ALL {
                let facts = Facts {
                    status: *status,
                    blocker: Some(*blocker),
                    close_reason: None,
                    closed_at: None,
                    ..closed(CloseReason::Duplicate)
                };
                let seen = classify(&facts, chrono_tz::UTC, utc("2030-01-01T00:00:00Z"));
                let turn = *blocker == Blocker::AwaitingPartnerCompletion;
                let expected =
                    if turn { PartnerReferralStatus::NeedsPartnerAction } else { PartnerReferralStatus::AcceptedForReview };
                assert_eq!(seen, (expected, None));
                // Under a pause of the study it looks the same.
                let paused = Facts {
                    status: ReferralStatus::OnHold,
                    blocker: Some(Blocker::StudyPaused),
                    held_blocker: Some(*blocker),
                    ..facts
                };
                assert_eq!(classify(&paused, chrono_tz::UTC, utc("2030-01-01T00:00:00Z")), seen);
            }
        }
    }

    #[test]
    fn what_the_partner_withdrew_is_closed_for_it_whatever_the_site_made_of_it() {
        for reason in CloseReason::ALL {
            let facts = Facts { withdrawn: true, ..closed(*reason) };
            let seen = classify(&facts, chrono_tz::UTC, utc("2026-01-11T12:00:01Z"));
            assert_eq!(seen, (PartnerReferralStatus::Closed, None), "{reason}");
        }
    }

    #[test]
    fn a_month_is_closed_thirty_days_after_its_end() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(!is_closable(date("2026-01-01"), date("2026-03-02")));
        assert!(is_closable(date("2026-01-01"), date("2026-03-03")));
    }
}
