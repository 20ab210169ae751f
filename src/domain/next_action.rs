//! What the owner does next and by when, as it follows from where a referral stands.

use chrono::{DateTime, Utc};

use super::vocabulary::{Blocker, NextAction, ReferralStatus};
use super::working_time::WorkingTime;

/// Hours until an action is due, as the route or else the site sets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueHours {
    /// For the first action on a new referral.
    pub acknowledge: i32,
    /// For each contact attempt.
    pub contact: i32,
    /// For everything after.
    pub follow_up: i32,
}

/// The next action of a referral in this state; `None` once it is closed. What stands in the way comes first, on hold or not: nobody
/// contacts a person while the duplicate is unresolved because a pause of the study came between.
#[must_use]
pub const fn follow(status: ReferralStatus, blocker: Option<Blocker>) -> Option<NextAction> {
    Some(match (status, blocker) {
        (ReferralStatus::Closed, _) => return None,
        (ReferralStatus::Quarantined, _) | (ReferralStatus::Received, None) => NextAction::Acknowledge,
        (ReferralStatus::Acknowledged | ReferralStatus::Contacting | ReferralStatus::OnHold, None) => NextAction::AttemptContact,
        (ReferralStatus::Connected, None) => NextAction::ArrangeHandoff,
        (ReferralStatus::HandedOff, None) => NextAction::ConfirmClose,
        (_, Some(blocker)) => match blocker {
            Blocker::AwaitingPartnerCompletion | Blocker::AwaitingRecords => NextAction::RequestPartnerCompletion,
            Blocker::AwaitingStudyTeamReview | Blocker::StudyPaused => NextAction::AwaitStudyTeam,
            Blocker::SchedulingCapacity => NextAction::ArrangeHandoff,
            Blocker::DuplicateReview => NextAction::ResolveDuplicate,
            Blocker::RouteBroken | Blocker::LanguageLapsed => NextAction::Reroute,
            Blocker::AwaitingPersonReply => NextAction::AttemptContact,
        },
    })
}

/// What decides when an action is due: the hours of the route, counted in the working time of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTerms {
    /// How many hours each kind of action has.
    pub hours: DueHours,
    /// Which hours count.
    pub working_time: WorkingTime,
}

impl DueTerms {
    /// When the action is due, counted from `from`.
    #[must_use]
    pub fn due(&self, action: NextAction, from: DateTime<Utc>) -> DateTime<Utc> {
        let hours = match action {
            NextAction::Acknowledge => self.hours.acknowledge,
            NextAction::AttemptContact => self.hours.contact,
            _ => self.hours.follow_up,
        };
        self.working_time.after(from, hours)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn every_open_state_has_a_next_action_and_a_closed_one_has_none() {
        for status in ReferralStatus::ALL {
            for blocker in Blocker::ALL.iter().copied().map(Some).chain([None]) {
                assert_eq!(follow(*status, blocker).is_none(), *status == ReferralStatus::Closed);
            }
        }
    }

    #[test]
    fn what_stands_in_the_way_comes_first_but_not_before_the_decision_of_a_person() {
        for blocker in Blocker::ALL {
            let held = follow(ReferralStatus::OnHold, Some(*blocker));
            for status in ReferralStatus::ALL {
                let expected = match status {
                    ReferralStatus::Closed => None,
                    ReferralStatus::Quarantined => Some(NextAction::Acknowledge),
                    _ => held,
                };
                assert_eq!(follow(*status, Some(*blocker)), expected, "{status} {blocker}");
            }
        }
    }

    #[test]
    fn due_times_follow_the_hours_of_their_kind() {
        let hours = DueHours { acknowledge: 1, contact: 2, follow_up: 3 };
        let terms = DueTerms { hours, working_time: WorkingTime::new(chrono_tz::UTC, &[], &[]) };
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(terms.due(NextAction::Acknowledge, now) - now, Duration::hours(1));
        assert_eq!(terms.due(NextAction::AttemptContact, now) - now, Duration::hours(2));
        assert_eq!(terms.due(NextAction::ConfirmClose, now) - now, Duration::hours(3));
    }
}
