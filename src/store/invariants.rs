//! What must be true of every open live referral, counted. Operations and constraints see to it; this looks whether they did.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid};

use crate::auth::SiteScope;
use crate::domain::coverage::InvariantKind;

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    ownerless: i64,
    #[diesel(sql_type = BigInt)]
    unplanned: i64,
    #[diesel(sql_type = BigInt)]
    merged: i64,
}

/// One statement for all. Open work by owner is read off its index; the other two share one that is empty as long as all is well.
const COUNTS: &str = "
    SELECT (SELECT count(*) FROM referrals r
             WHERE r.site_id = $1 AND r.status <> 'closed' AND NOT r.is_test
               AND NOT EXISTS (SELECT FROM members m
                                WHERE m.site_id = r.site_id AND m.id = r.owner_id AND m.active AND m.role <> 'viewer')) AS ownerless,
           (SELECT count(*) FROM referrals r
             WHERE r.site_id = $1 AND r.status <> 'closed' AND NOT r.is_test
               AND (r.next_action IS NULL OR r.next_action_due_at IS NULL)) AS unplanned,
           (SELECT count(*) FROM referrals r
             WHERE r.site_id = $1 AND r.merged_into_id IS NOT NULL AND r.status <> 'closed' AND NOT r.is_test) AS merged";

/// How many open live referrals of the site break each rule: every kind, and 0 where all is well.
///
/// # Errors
/// A database failure.
pub fn violations(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<(InvariantKind, i64)>> {
    let counts: Counts = diesel::sql_query(COUNTS).bind::<Uuid, _>(scope.site()).get_result(conn)?;
    let count = |kind: InvariantKind| match kind {
        InvariantKind::Ownerless => counts.ownerless,
        InvariantKind::Unplanned => counts.unplanned,
        InvariantKind::Merged => counts.merged,
    };
    Ok(InvariantKind::ALL.iter().map(|kind| (*kind, count(*kind))).collect())
}
