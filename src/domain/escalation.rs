//! When a stalled referral is escalated, and to whom. Pure: the job asks, `ops` writes.

use chrono::{DateTime, Utc};

use super::vocabulary::{Blocker, ReferralStatus};

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
