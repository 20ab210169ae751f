//! What blocks, and what is next: open referrals as they are now.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::GetOpenWorkReport;
use super::{Table, columns, time};
use crate::api::queue::QueueAging;
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::domain::vocabulary::{Aging, Blocker, NextAction};
use crate::error::AppError;
use crate::ops::Context;
use crate::store::reports::{self, BlockedTally, DueTally};

/// How many referrals by how long it has been, in whole days of 24 hours.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"under_1_day": 2, "days_1_to_3": 1, "days_3_to_7": 0, "over_7_days": 4}))]
pub struct Ages {
    /// Less than one day.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub under_1_day: i64,
    /// One day or more, less than three.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub days_1_to_3: i64,
    /// Three days or more, less than seven.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub days_3_to_7: i64,
    /// Seven days or more.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub over_7_days: i64,
}

impl Ages {
    const NAMES: [&'static str; 4] = ["under_1_day", "days_1_to_3", "days_3_to_7", "over_7_days"];

    fn add(&mut self, [under_1_day, days_1_to_3, days_3_to_7, over_7_days]: [i64; 4]) {
        self.under_1_day += under_1_day;
        self.days_1_to_3 += days_1_to_3;
        self.days_3_to_7 += days_3_to_7;
        self.over_7_days += over_7_days;
    }
}

/// How many wait for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockerCount {
    /// What they wait for.
    pub blocker: Blocker,
    /// How many referrals.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// For how long.
    pub ages: Ages,
    /// Since when the one that waits longest does.
    pub oldest_since: Option<DateTime<Utc>>,
}

/// How many referrals of an owner wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockerOwner {
    /// The member who is responsible.
    pub owner_id: MemberId,
    /// How many referrals.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// For how long.
    pub ages: Ages,
    /// Since when the one that waits longest does.
    pub oldest_since: Option<DateTime<Utc>>,
}

/// What blocks. Live and exact, for the site alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-06-30T15:00:00Z", "open": 7,
    "blockers": [{"blocker": "awaiting_records", "open": 7, "oldest_since": "2026-06-11T08:30:00Z",
        "ages": {"under_1_day": 2, "days_1_to_3": 1, "days_3_to_7": 0, "over_7_days": 4}}],
    "owners": [{"owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "open": 7, "oldest_since": "2026-06-11T08:30:00Z",
        "ages": {"under_1_day": 2, "days_1_to_3": 1, "days_3_to_7": 0, "over_7_days": 4}}]
}))]
pub struct BlockersReport {
    /// The moment that it was counted at.
    pub as_of: DateTime<Utc>,
    /// Open live referrals that wait for something.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// By what they wait for, the most first.
    #[schema(max_items = 9)]
    pub blockers: Vec<BlockerCount>,
    /// By owner, the most first.
    #[schema(max_items = 10_000)]
    pub owners: Vec<BlockerOwner>,
    #[serde(skip)]
    tallies: Vec<BlockedTally>,
}

#[derive(Default, Clone, Copy)]
struct Waits {
    open: i64,
    ages: Ages,
    oldest_since: Option<DateTime<Utc>>,
}

impl Waits {
    fn add(&mut self, tally: &BlockedTally) {
        self.open += tally.open;
        self.ages.add([tally.under_1_day, tally.days_1_to_3, tally.days_3_to_7, tally.over_7_days]);
        self.oldest_since = [self.oldest_since, tally.oldest_since].into_iter().flatten().min();
    }
}

impl BlockersReport {
    /// Counts it at this snapshot.
    ///
    /// # Errors
    /// 400 for a filter that is none.
    pub fn count(conn: &mut Conn, context: &Context, asked: &GetOpenWorkReport) -> Result<Self, AppError> {
        let names = reports::names(conn, &context.scope)?;
        let filter = asked.filter(conn, &context.scope, &names)?;
        let tallies = reports::blocked(conn, &context.scope, &filter, context.now)?;
        let (mut all, mut by_blocker, mut by_owner) = (Waits::default(), BTreeMap::new(), BTreeMap::new());
        for tally in &tallies {
            all.add(tally);
            by_blocker.entry(tally.blocker).or_insert_with(Waits::default).add(tally);
            by_owner.entry(tally.owner_id).or_insert_with(Waits::default).add(tally);
        }
        let mut blockers: Vec<BlockerCount> = by_blocker
            .into_iter()
            .map(|(blocker, Waits { open, ages, oldest_since })| BlockerCount { blocker, open, ages, oldest_since })
            .collect();
        blockers.sort_by_key(|blocker| std::cmp::Reverse(blocker.open));
        let mut owners: Vec<BlockerOwner> = by_owner
            .into_iter()
            .map(|(owner_id, Waits { open, ages, oldest_since })| BlockerOwner { owner_id, open, ages, oldest_since })
            .collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.open));
        Ok(Self { as_of: context.now, open: all.open, blockers, owners, tallies })
    }
}

impl Table for BlockersReport {
    const NAME: &'static str = "blockers";

    fn header() -> Vec<String> {
        let ages = Ages::NAMES.map(str::to_owned);
        columns(["as_of", "blocker", "owner_id", "open"]).into_iter().chain(ages).chain(columns(["oldest_since"])).collect()
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.tallies.iter().map(|tally| {
            let mut line = vec![time(self.as_of), tally.blocker.to_string(), tally.owner_id.to_string()];
            let counts = [tally.open, tally.under_1_day, tally.days_1_to_3, tally.days_3_to_7, tally.over_7_days];
            line.extend(counts.map(|count| count.to_string()));
            line.push(tally.oldest_since.map(time).unwrap_or_default());
            line
        })
    }
}

/// How many have the same next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct DueCount {
    /// What is to be done next.
    pub next_action: NextAction,
    /// How many referrals.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Of these, those for which it is due within 24 hours from now, without what is overdue.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub due_within_24_hours: i64,
    /// Those for which it was due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
    /// By how much the latter are overdue.
    pub overdue_ages: Ages,
}

/// How many a member is responsible for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct DueOwner {
    /// The member.
    pub owner_id: MemberId,
    /// How many referrals.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Of these, those due within 24 hours from now, without what is overdue.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub due_within_24_hours: i64,
    /// Those that were due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
    /// Those that need somebody's eye.
    pub aging: QueueAging,
}

/// What is next. Live and exact, for the site alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-06-30T15:00:00Z", "open": 3, "due_within_24_hours": 1, "overdue": 2,
    "aging": {"no_first_action": 1, "stalled": 1, "dependency_blocked": 0},
    "next_actions": [{"next_action": "attempt_contact", "open": 3, "due_within_24_hours": 1, "overdue": 2,
        "overdue_ages": {"under_1_day": 1, "days_1_to_3": 1, "days_3_to_7": 0, "over_7_days": 0}}],
    "owners": [{"owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "open": 3, "due_within_24_hours": 1, "overdue": 2,
        "aging": {"no_first_action": 1, "stalled": 1, "dependency_blocked": 0}}]
}))]
pub struct NextActionsReport {
    /// The moment that it was counted at: what is due depends on it.
    pub as_of: DateTime<Utc>,
    /// Open live referrals.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
    /// Of these, those due within 24 hours from now, without what is overdue.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub due_within_24_hours: i64,
    /// Those that were due.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overdue: i64,
    /// Those that need somebody's eye.
    pub aging: QueueAging,
    /// By next action, the most first.
    #[schema(max_items = 8)]
    pub next_actions: Vec<DueCount>,
    /// By owner, the most first.
    #[schema(max_items = 10_000)]
    pub owners: Vec<DueOwner>,
    #[serde(skip)]
    tallies: Vec<DueTally>,
}

#[derive(Default, Clone, Copy)]
struct Due {
    open: i64,
    due_within_24_hours: i64,
    overdue: i64,
    ages: Ages,
    aging: QueueAging,
}

impl Due {
    fn add(&mut self, tally: &DueTally) {
        self.open += tally.open;
        self.due_within_24_hours += tally.due_within_24_hours;
        self.overdue += tally.overdue;
        self.ages.add([tally.under_1_day, tally.days_1_to_3, tally.days_3_to_7, tally.over_7_days]);
        match tally.aging {
            Some(Aging::NoFirstAction) => self.aging.no_first_action += tally.open,
            Some(Aging::Stalled) => self.aging.stalled += tally.open,
            Some(Aging::DependencyBlocked) => self.aging.dependency_blocked += tally.open,
            None => {}
        }
    }
}

impl NextActionsReport {
    /// Counts it at this snapshot.
    ///
    /// # Errors
    /// 400 for a filter that is none.
    pub fn count(conn: &mut Conn, context: &Context, asked: &GetOpenWorkReport) -> Result<Self, AppError> {
        let names = reports::names(conn, &context.scope)?;
        let filter = asked.filter(conn, &context.scope, &names)?;
        let tallies = reports::due(conn, &context.scope, &filter, context.now)?;
        let (mut all, mut by_action, mut by_owner) = (Due::default(), BTreeMap::new(), BTreeMap::new());
        for tally in &tallies {
            all.add(tally);
            by_action.entry(tally.next_action).or_insert_with(Due::default).add(tally);
            by_owner.entry(tally.owner_id).or_insert_with(Due::default).add(tally);
        }
        let mut next_actions: Vec<DueCount> = by_action
            .into_iter()
            .map(|(next_action, Due { open, due_within_24_hours, overdue, ages, .. })| DueCount {
                next_action,
                open,
                due_within_24_hours,
                overdue,
                overdue_ages: ages,
            })
            .collect();
        next_actions.sort_by_key(|action| std::cmp::Reverse(action.open));
        let mut owners: Vec<DueOwner> = by_owner
            .into_iter()
            .map(|(owner_id, Due { open, due_within_24_hours, overdue, aging, .. })| DueOwner {
                owner_id,
                open,
                due_within_24_hours,
                overdue,
                aging,
            })
            .collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.open));
        let Due { open, due_within_24_hours, overdue, aging, .. } = all;
        Ok(Self { as_of: context.now, open, due_within_24_hours, overdue, aging, next_actions, owners, tallies })
    }
}

impl Table for NextActionsReport {
    const NAME: &'static str = "next-actions";

    fn header() -> Vec<String> {
        let ages = Ages::NAMES.map(|name| format!("overdue_{name}"));
        let counted = columns(["as_of", "next_action", "owner_id", "aging", "open", "due_within_24_hours", "overdue"]);
        counted.into_iter().chain(ages).chain(columns(["oldest_due_at"])).collect()
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.tallies.iter().map(|tally| {
            let aging = tally.aging.map(|aging| aging.to_string()).unwrap_or_default();
            let mut line = vec![time(self.as_of), tally.next_action.to_string(), tally.owner_id.to_string(), aging];
            let counts = [
                tally.open,
                tally.due_within_24_hours,
                tally.overdue,
                tally.under_1_day,
                tally.days_1_to_3,
                tally.days_3_to_7,
                tally.over_7_days,
            ];
            line.extend(counts.map(|count| count.to_string()));
            line.push(time(tally.oldest_due_at));
            line
        })
    }
}
