//! When a stalled referral is escalated, and to whom. Pure: the job asks, `ops` writes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::ids::MemberId;
use super::vocabulary::{AlertKind, Blocker, Escalation, ReferralStatus};
use super::working_time::WorkingTime;

/// When the first step is due after a referral's state, owner, next action or due time changed; `None`: never, as things stand.
/// Test referrals reach nobody, and one that waits for its paused study has nobody who could do anything.
#[must_use]
pub fn starts(
    status: ReferralStatus,
    blocker: Option<Blocker>,
    is_test: bool,
    due_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let waits_for_nobody = status == ReferralStatus::Closed || is_test || blocker == Some(Blocker::StudyPaused);
    due_at.filter(|_| !waits_for_nobody)
}

/// A referral as far as its escalation depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// Responsible for the next action.
    pub owner: MemberId,
    /// The route's backup owner; `None`: it came over no route.
    pub backup_owner: Option<MemberId>,
    /// The last step taken.
    pub taken: Option<Escalation>,
    /// When the next step is due.
    pub escalate_at: Option<DateTime<Utc>>,
}

/// The members that matter, at the moment of the decision.
#[derive(Debug, Clone)]
pub struct People {
    /// Last in every escalation, also while away.
    pub site_lead: MemberId,
    /// Those that may own work.
    pub able: BTreeSet<MemberId>,
    /// Those that are away.
    pub away: BTreeSet<MemberId>,
}

impl People {
    fn can_act(&self, member: MemberId) -> bool {
        self.able.contains(&member) && !self.away.contains(&member)
    }
}

/// How long each step waits for the next.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Hours between two steps.
    pub hours: i32,
    /// Which hours count.
    pub working_time: WorkingTime,
}

/// What happens to a stalled referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How far the escalation is with it.
    pub escalation: Escalation,
    /// Who owns the referral from now on.
    pub owner: MemberId,
    /// What the owner is told: `escalated` to whom it is new, `action_due` to whom it is not.
    pub alert: AlertKind,
    /// When the next step is due; `None`: this one was the last.
    pub escalate_at: Option<DateTime<Utc>>,
}

/// The step that is due at `now`; `None`: none is. A step that would reach nobody is passed over: an owner who is away is not
/// reminded, and a backup owner who is away, has left, or is the one who stalls gets nothing. The site lead always gets it.
#[must_use]
pub fn decide(now: DateTime<Utc>, stall: &Stall, people: &People, pace: &Pace) -> Option<Step> {
    stall.escalate_at.filter(|due| *due <= now)?;
    let backup = stall.backup_owner.filter(|backup| *backup != stall.owner && people.can_act(*backup));
    let (escalation, owner) = match (stall.taken, backup) {
        (None, _) if people.can_act(stall.owner) => (Escalation::Reminder, stall.owner),
        (None | Some(Escalation::Reminder), Some(backup)) => (Escalation::BackupOwner, backup),
        _ => (Escalation::SiteLead, people.site_lead),
    };
    Some(Step {
        escalation,
        owner,
        alert: if owner == stall.owner { AlertKind::ActionDue } else { AlertKind::Escalated },
        escalate_at: (escalation != Escalation::SiteLead).then(|| pace.working_time.after(now, pace.hours)),
    })
}

#[cfg(test)]
#[path = "escalation_tests.rs"]
mod tests;
