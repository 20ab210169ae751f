//! Open live referrals as they are now: what they wait for and what is due, read off the queue's index. How much that is depends on the
//! people of the site and not on its history.

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::Filter;
use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, SiteId, StudyId};
use crate::domain::vocabulary::{Aging, Blocker, NextAction, ReferralStatus};
use crate::schema::referrals;
use crate::store::queue;

/// How many wait for the same thing under the same owner, for how long.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct BlockedTally {
    /// What for.
    #[diesel(sql_type = Text)]
    pub blocker: Blocker,
    /// Who is responsible.
    #[diesel(sql_type = Uuid)]
    pub owner_id: MemberId,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub open: i64,
    /// Of these, since less than a day.
    #[diesel(sql_type = BigInt)]
    pub under_1_day: i64,
    /// Since one day up to three.
    #[diesel(sql_type = BigInt)]
    pub days_1_to_3: i64,
    /// Since three days up to seven.
    #[diesel(sql_type = BigInt)]
    pub days_3_to_7: i64,
    /// Since seven days or longer.
    #[diesel(sql_type = BigInt)]
    pub over_7_days: i64,
    /// Since when the one that waits longest does.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_since: Option<DateTime<Utc>>,
}

/// How many have the same next action and aging under the same owner.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DueTally {
    /// What is to be done.
    #[diesel(sql_type = Text)]
    pub next_action: NextAction,
    /// By whom.
    #[diesel(sql_type = Uuid)]
    pub owner_id: MemberId,
    /// Why somebody should look, if so.
    #[diesel(sql_type = Nullable<Text>)]
    pub aging: Option<Aging>,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub open: i64,
    /// Due within a day from now.
    #[diesel(sql_type = BigInt)]
    pub due_within_24_hours: i64,
    /// Overdue.
    #[diesel(sql_type = BigInt)]
    pub overdue: i64,
    /// Overdue by less than a day.
    #[diesel(sql_type = BigInt)]
    pub under_1_day: i64,
    /// Overdue by one day up to three.
    #[diesel(sql_type = BigInt)]
    pub days_1_to_3: i64,
    /// Overdue by three days up to seven.
    #[diesel(sql_type = BigInt)]
    pub days_3_to_7: i64,
    /// Overdue by seven days or more.
    #[diesel(sql_type = BigInt)]
    pub over_7_days: i64,
    /// When the one that is due first is, or was.
    #[diesel(sql_type = Timestamptz)]
    pub oldest_due_at: DateTime<Utc>,
}

const BLOCKED: &str = "SELECT q.blocker, q.owner_id, count(*) AS open,
       count(*) FILTER (WHERE q.blocked_since > $2 - interval '1 day') AS under_1_day,
       count(*) FILTER (WHERE q.blocked_since <= $2 - interval '1 day' AND q.blocked_since > $2 - interval '3 days') AS days_1_to_3,
       count(*) FILTER (WHERE q.blocked_since <= $2 - interval '3 days' AND q.blocked_since > $2 - interval '7 days') AS days_3_to_7,
       count(*) FILTER (WHERE q.blocked_since <= $2 - interval '7 days') AS over_7_days,
       min(q.blocked_since) AS oldest_since
  FROM referrals q WHERE q.site_id = $1 AND NOT q.is_test AND q.status <> 'closed' AND q.blocker IS NOT NULL";

/// `{aging}` is the queue's.
const DUE: &str = "SELECT q.next_action, q.owner_id,
       {aging},
       count(*) AS open,
       count(*) FILTER (WHERE q.next_action_due_at > $2 AND q.next_action_due_at <= $2 + interval '1 day') AS due_within_24_hours,
       count(*) FILTER (WHERE q.next_action_due_at <= $2) AS overdue,
       count(*) FILTER (WHERE q.next_action_due_at <= $2 AND q.next_action_due_at > $2 - interval '1 day') AS under_1_day,
       count(*) FILTER (WHERE q.next_action_due_at <= $2 - interval '1 day' AND q.next_action_due_at > $2 - interval '3 days') AS days_1_to_3,
       count(*) FILTER (WHERE q.next_action_due_at <= $2 - interval '3 days' AND q.next_action_due_at > $2 - interval '7 days') AS days_3_to_7,
       count(*) FILTER (WHERE q.next_action_due_at <= $2 - interval '7 days') AS over_7_days,
       min(q.next_action_due_at) AS oldest_due_at
  FROM referrals q WHERE q.site_id = $1 AND NOT q.is_test AND q.status <> 'closed'";

fn narrowed<'a>(text: &str, scope: &SiteScope, now: DateTime<Utc>, filter: &Filter) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    let query = diesel::sql_query(text).into_boxed().bind::<Uuid, _>(scope.site()).bind::<Timestamptz, _>(now);
    let mut query = query;
    let mut number = 2;
    let mut next = |column: &str| {
        number += 1;
        format!(" AND {column} = ${number}")
    };
    if let Some(study) = filter.study {
        query = query.sql(next("q.study_id")).bind::<Uuid, _>(study);
    }
    if let Some(partner) = filter.partner {
        query = query.sql(next("q.partner_id")).bind::<Uuid, _>(partner);
    }
    if let Some(channel) = filter.channel {
        query = query.sql(next("q.channel")).bind::<Text, _>(channel);
    }
    if let Some(owner) = filter.owner {
        query = query.sql(next("q.owner_id")).bind::<Uuid, _>(owner);
    }
    if let Some(is_late) = filter.is_late {
        query = query.sql(next("(q.late_reason IS NOT NULL)")).bind::<Bool, _>(is_late);
    }
    query
}

#[diesel::dsl::auto_type(no_type_alias)]
fn open(scope: &SiteScope) -> _ {
    let site: SiteId = scope.site();
    let closed: ReferralStatus = ReferralStatus::Closed;
    referrals::table.filter(referrals::site_id.eq(site)).filter(referrals::is_test.eq(false)).filter(referrals::status.ne(closed))
}

/// How many of each study's wait for what.
///
/// # Errors
/// A database failure.
pub fn blockers(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<(StudyId, &'static str, i64)>> {
    let found: Vec<(StudyId, Option<Blocker>, i64)> = open(scope)
        .filter(referrals::blocker.is_not_null())
        .group_by((referrals::study_id, referrals::blocker))
        .select((referrals::study_id, referrals::blocker, count_star()))
        .load(conn)?;
    Ok(found.into_iter().filter_map(|(study, blocker, count)| Some((study, blocker?.as_str(), count))).collect())
}

/// For how many of each study's what is next.
///
/// # Errors
/// A database failure.
pub fn next_actions(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<(StudyId, &'static str, i64)>> {
    let found: Vec<(StudyId, Option<NextAction>, i64)> = open(scope)
        .group_by((referrals::study_id, referrals::next_action))
        .select((referrals::study_id, referrals::next_action, count_star()))
        .load(conn)?;
    Ok(found.into_iter().filter_map(|(study, action, count)| Some((study, action?.as_str(), count))).collect())
}

/// What waits, and for what.
///
/// # Errors
/// A database failure.
pub fn blocked(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Vec<BlockedTally>> {
    narrowed(BLOCKED, scope, now, filter).sql(" GROUP BY 1, 2 ORDER BY 1, 2").load(conn)
}

/// What is to be done next.
///
/// # Errors
/// A database failure.
pub fn due(conn: &mut PgConnection, scope: &SiteScope, filter: &Filter, now: DateTime<Utc>) -> QueryResult<Vec<DueTally>> {
    narrowed(&DUE.replace("{aging}", &queue::aging("$2")), scope, now, filter)
        .sql(" GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
        .load(conn)
}
