//! What the queue is asked by, and an entry of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::aging;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::text::Code;
use crate::domain::vocabulary::{Aging, Blocker, Escalation, NextAction, ReferralStatus};
use crate::store::queue::{Filter, QueueRow};

/// Which part of the queue to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQueue {
    /// Only what this member is responsible for: an id, or `me` for the member who asks. Everybody's if absent.
    #[schema(
        nullable = false,
        min_length = 2,
        max_length = 36,
        pattern = "^(me|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$"
    )]
    #[param(
        nullable = false,
        min_length = 2,
        max_length = 36,
        pattern = "^(me|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$",
        example = "me"
    )]
    pub owner: Option<String>,
    /// Only what needs somebody's eye for this reason, at the time of asking.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub aging: Option<Aging>,
    /// Only with this next action.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub next_action: Option<NextAction>,
    /// Only what waits for this.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub blocker: Option<Blocker>,
    /// Only referrals for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only referrals from this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only what is due before this time: with the present time, what is overdue.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-06-05T22:00:00Z")]
    pub due_before: Option<DateTime<Utc>>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListQueue);

impl ListQueue {
    pub(super) fn filter(&self, owner: Option<MemberId>) -> Filter {
        Filter {
            owner,
            study: self.study.clone(),
            partner: self.partner.clone(),
            next_action: self.next_action,
            blocker: self.blocker,
            aging: self.aging,
            due_before: self.due_before,
        }
    }

    /// What a cursor is bound to.
    pub(super) fn filters(&self) -> impl Serialize + use<'_> {
        (&self.owner, self.aging, self.next_action, self.blocker, &self.study, &self.partner, self.due_before)
    }
}

/// A referral whose turn it is: what is to be done next, by whom and by when.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "partner": "lakeside-cardiology", "status": "contacting",
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "next_action": "attempt_contact",
    "next_action_due_at": "2026-06-04T13:00:00Z", "overdue": true, "aging": "stalled", "blocker": null, "blocked_since": null,
    "escalation": "reminder", "received_at": "2026-06-01T09:00:00Z", "recorded_at": "2026-06-01T09:00:00Z", "version": 3
}))]
pub struct QueueItem {
    /// Id of the referral.
    pub id: ReferralId,
    /// Code of the study.
    pub study: Code,
    /// Code of the partner that referred; `null` when nobody is known to have.
    pub partner: Option<Code>,
    /// Where it stands.
    pub status: ReferralStatus,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// What the owner does next.
    pub next_action: NextAction,
    /// By when.
    pub next_action_due_at: DateTime<Utc>,
    /// Whether that time has come.
    pub overdue: bool,
    /// Whether it needs somebody's eye, and why. What is blocked is `dependency_blocked`, overdue or not.
    pub aging: Option<Aging>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// Since when it waits for that.
    pub blocked_since: Option<DateTime<Utc>>,
    /// The last step of its escalation since the next action was set; `null`: none.
    pub escalation: Option<Escalation>,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// Its version: `"3"` in `If-Match` for version 3.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: i32,
}

impl QueueItem {
    /// An entry at `now`.
    pub(super) fn new(row: QueueRow, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id,
            study: row.study_code,
            partner: row.partner_code,
            status: row.status,
            owner_id: row.owner_id,
            next_action: row.next_action,
            next_action_due_at: row.next_action_due_at,
            overdue: row.next_action_due_at <= now,
            aging: aging::of(row.status, row.blocker, Some(row.next_action_due_at), now),
            blocker: row.blocker,
            blocked_since: row.blocked_since,
            escalation: row.escalation,
            received_at: row.received_at,
            recorded_at: row.recorded_at,
            version: row.version,
        }
    }
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueuePage {
    /// The entries, those that were due first before the others.
    #[schema(max_items = 200)]
    pub data: Vec<QueueItem>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}
