//! Locks that several stores take: turns by a digest and not by a row, since the row may not be there yet, or nobody may say that it is; and
//! referrals that ended.
//!
//! PostgreSQL knows a lock by 64 bits; two digests that share them only wait for one another once too often.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::prepared::prepared;
use crate::auth::SiteScope;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::referrals;

/// How a transaction holds its turn, until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Beside others that share, and while nobody holds it alone.
    Shared,
    /// Alone.
    Alone,
}

/// Takes the turn of each digest, waiting up to `lock_timeout` for each. Always in one order, so that nobody waits in a circle.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn take<'a>(conn: &mut PgConnection, turn: Turn, digests: impl IntoIterator<Item = &'a [u8; 32]>) -> QueryResult<()> {
    let mut names: Vec<i64> =
        digests.into_iter().filter_map(|digest| digest.first_chunk().copied().map(i64::from_be_bytes)).collect();
    names.sort_unstable();
    names.dedup();
    let lock = match turn {
        Turn::Shared => "SELECT pg_advisory_xact_lock_shared(name) FROM unnest($1) AS turns (name)",
        Turn::Alone => "SELECT pg_advisory_xact_lock(name) FROM unnest($1) AS turns (name)",
    };
    prepared(lock).bind::<Array<BigInt>, _>(names).execute(conn).map(drop)
}

/// Of these referrals those that ended before this, locked until the transaction ends. One that somebody works on at this moment is passed over:
/// it may be open again.
///
/// # Errors
/// A database failure.
pub fn ended(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
    ended_before: DateTime<Utc>,
) -> QueryResult<Vec<ReferralId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)))
        .filter(referrals::status.eq(ReferralStatus::Closed).and(referrals::closed_at.lt(ended_before)))
        .order(referrals::id)
        .select(referrals::id)
        .for_update()
        .skip_locked()
        .load(conn)
}
