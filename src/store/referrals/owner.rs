//! The open referrals of one owner, many at once.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::referrals;

use super::ReferralRow;

/// The open referrals of an owner, live and test: how many there are, and the first ids of them.
///
/// # Errors
/// A database failure.
pub fn open_of_owner(
    conn: &mut PgConnection,
    scope: &SiteScope,
    owner: MemberId,
    first: i64,
) -> QueryResult<(i64, Vec<ReferralId>)> {
    let rows: Vec<(ReferralId, i64)> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::owner_id.eq(owner)))
        .filter(referrals::status.ne(ReferralStatus::Closed))
        .order(referrals::id)
        .limit(first)
        .select((referrals::id, diesel::dsl::sql::<diesel::sql_types::BigInt>("count(*) OVER ()")))
        .load(conn)?;
    Ok((rows.first().map_or(0, |(_, total)| *total), rows.into_iter().map(|(id, _)| id).collect()))
}

/// The open referrals of an owner, live and test, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_open_of_owner(conn: &mut PgConnection, scope: &SiteScope, owner: MemberId) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::owner_id.eq(owner)))
        .filter(referrals::status.ne(ReferralStatus::Closed))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}

/// Gives a referral to an owner, as a part of a change that is counted elsewhere.
///
/// # Errors
/// A database failure.
pub fn set_owner(conn: &mut PgConnection, scope: &SiteScope, id: ReferralId, owner: MemberId) -> QueryResult<()> {
    diesel::update(referrals::table.filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id))))
        .set(referrals::owner_id.eq(owner))
        .execute(conn)
        .map(drop)
}
