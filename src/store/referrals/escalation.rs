//! Referrals whose escalation goes on: which are due, whom they concern, and their rows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, ReferralId, RouteId};
use crate::schema::{handoff_routes, referrals};

use super::ReferralRow;

/// The referrals whose next step is due, those that wait longest first. Nothing is locked: the index alone answers.
///
/// # Errors
/// A database failure.
pub fn due(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>, limit: i64) -> QueryResult<Vec<ReferralId>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::escalate_at.le(now)))
        .order((referrals::escalate_at, referrals::id))
        .limit(limit)
        .select(referrals::id)
        .load(conn)
}

/// How many referrals have a step that is due.
///
/// # Errors
/// A database failure.
pub fn count_due(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>) -> QueryResult<i64> {
    referrals::table.filter(referrals::site_id.eq(scope.site()).and(referrals::escalate_at.le(now))).count().get_result(conn)
}

/// Whom a referral concerns: its route, its owner and the route's backup owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Involved {
    /// The route; `None`: nobody referred.
    pub route: Option<RouteId>,
    /// Responsible for the next action.
    pub owner: MemberId,
    /// Takes it when the owner stalls.
    pub backup_owner: Option<MemberId>,
}

/// Whom these referrals concern, each once.
///
/// # Errors
/// A database failure.
pub fn involved(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<Involved>> {
    referrals::table
        .left_join(
            handoff_routes::table
                .on(handoff_routes::site_id.eq(referrals::site_id).and(handoff_routes::id.nullable().eq(referrals::route_id))),
        )
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)))
        .select((referrals::route_id, referrals::owner_id, handoff_routes::backup_owner_id.nullable()))
        .distinct()
        .load(conn)
}

/// Those of these referrals whose step is still due, by id and locked until the transaction ends. One that somebody works on at
/// this moment is passed over: nobody waits while holding members, and what it becomes may not be due any more.
///
/// # Errors
/// A database failure.
pub fn lock_due(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)))
        .filter(referrals::escalate_at.le(now))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}
