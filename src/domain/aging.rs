//! Which open referrals need somebody's eye: derived from what is kept, at the time of asking.

use chrono::{DateTime, Utc};

use super::vocabulary::{Aging, Blocker, ReferralStatus};

/// The aging of a referral at `now`; `None`: nothing is overdue and nothing stands in the way. A blocker outweighs the rest: what to
/// do about it is another matter than who is late. The queue's query says the same in SQL (`store::queue`).
#[must_use]
pub fn of(status: ReferralStatus, blocker: Option<Blocker>, due_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Aging> {
    if status == ReferralStatus::Closed {
        return None;
    }
    if blocker.is_some() {
        return Some(Aging::DependencyBlocked);
    }
    let untouched = matches!(status, ReferralStatus::Received | ReferralStatus::Quarantined);
    due_at.filter(|due| *due <= now).map(|_| if untouched { Aging::NoFirstAction } else { Aging::Stalled })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocker_outweighs_lateness_and_lateness_is_told_by_whether_anybody_acted() {
        let now = DateTime::UNIX_EPOCH;
        let (past, later) = (Some(now), Some(now + chrono::Duration::seconds(1)));
        assert_eq!(of(ReferralStatus::Received, None, past, now), Some(Aging::NoFirstAction));
        assert_eq!(of(ReferralStatus::Quarantined, None, past, now), Some(Aging::NoFirstAction));
        assert_eq!(of(ReferralStatus::Connected, None, past, now), Some(Aging::Stalled));
        assert_eq!(of(ReferralStatus::Connected, None, later, now), None);
        assert_eq!(of(ReferralStatus::OnHold, Some(Blocker::AwaitingRecords), later, now), Some(Aging::DependencyBlocked));
        assert_eq!(of(ReferralStatus::Closed, None, None, now), None);
    }
}
