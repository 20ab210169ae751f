//! How much there is in the queue.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::ids::MemberId;
use crate::domain::text::Code;
use crate::domain::vocabulary::{Aging, Blocker, NextAction};
use crate::store::queue::{Filter, Tally};

/// Owners that are listed, those with the most open referrals: a site has fewer.
const OWNERS: usize = 1_000;

/// Which part of the queue to count.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetQueueCounts {
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
    /// Only what needs somebody's eye for this reason.
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
    /// Only what is due before this time.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-06-05T22:00:00Z")]
    pub due_before: Option<DateTime<Utc>>,
}
contract!(GetQueueCounts);

impl GetQueueCounts {
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
}

/// How many open referrals there are at a moment: exact, live, for the site alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "counted_at": "2026-06-04T15:00:00Z", "open": 3, "overdue": 2,
    "aging": {"no_first_action": 1, "stalled": 1, "dependency_blocked": 0},
    "next_actions": [
        {"next_action": "acknowledge", "open": 1, "overdue": 1}, {"next_action": "attempt_contact", "open": 2, "overdue": 1}
    ],
    "owners": [{
        "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "open": 3, "overdue": 2,
        "aging": {"no_first_action": 1, "stalled": 1, "dependency_blocked": 0}
    }]
}))]
pub struct QueueCounts {
    /// When it was counted: what is overdue depends on it.
    pub counted_at: DateTime<Utc>,
    /// All that the filters take.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Those whose next action is due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
    /// Those that need somebody's eye.
    pub aging: QueueAging,
    /// By next action, in the order of the vocabulary; without those that nothing waits for.
    #[schema(max_items = 8)]
    pub next_actions: Vec<NextActionCount>,
    /// By owner, those with the most open referrals first; without those who have none, and at most 1,000.
    #[schema(max_items = 1_000)]
    pub owners: Vec<OwnerCount>,
}

/// How many need somebody's eye, and why. What is blocked counts as `dependency_blocked` alone, overdue or not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"no_first_action": 1, "stalled": 1, "dependency_blocked": 0}))]
pub struct QueueAging {
    /// Nobody has done anything with them, and that was due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub no_first_action: i64,
    /// A later action is overdue.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub stalled: i64,
    /// They wait for what their blocker names.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub dependency_blocked: i64,
}

/// How many have this next action.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"next_action": "acknowledge", "open": 1, "overdue": 1}))]
pub struct NextActionCount {
    /// What is to be done next.
    pub next_action: NextAction,
    /// How many.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Those for which it is due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
}

/// How many a member is responsible for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "open": 3, "overdue": 2,
    "aging": {"no_first_action": 1, "stalled": 1, "dependency_blocked": 0}
}))]
pub struct OwnerCount {
    /// The member.
    pub owner_id: MemberId,
    /// How many.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Those whose next action is due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
    /// Those that need somebody's eye.
    pub aging: QueueAging,
}

/// Sums of tallies.
#[derive(Default, Clone, Copy)]
struct Sum {
    open: i64,
    overdue: i64,
    aging: QueueAging,
}

impl Sum {
    fn add(&mut self, tally: &Tally) {
        self.open += tally.count;
        self.overdue += if tally.overdue { tally.count } else { 0 };
        match tally.aging {
            Some(Aging::NoFirstAction) => self.aging.no_first_action += tally.count,
            Some(Aging::Stalled) => self.aging.stalled += tally.count,
            Some(Aging::DependencyBlocked) => self.aging.dependency_blocked += tally.count,
            None => {}
        }
    }
}

impl QueueCounts {
    /// What the tallies of one moment come to.
    pub(super) fn of(tallies: &[Tally], now: DateTime<Utc>) -> Self {
        let (mut all, mut actions, mut owners) = (Sum::default(), BTreeMap::new(), BTreeMap::new());
        for tally in tallies {
            all.add(tally);
            actions.entry(tally.next_action).or_insert_with(Sum::default).add(tally);
            owners.entry(tally.owner_id).or_insert_with(Sum::default).add(tally);
        }
        let next_actions = actions
            .into_iter()
            .map(|(next_action, Sum { open, overdue, .. })| NextActionCount { next_action, open, overdue })
            .collect();
        let mut owners: Vec<OwnerCount> = owners
            .into_iter()
            .map(|(owner_id, Sum { open, overdue, aging })| OwnerCount { owner_id, open, overdue, aging })
            .collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.open));
        owners.truncate(OWNERS);
        Self { counted_at: now, open: all.open, overdue: all.overdue, aging: all.aging, next_actions, owners }
    }
}
