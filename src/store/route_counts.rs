//! How many referrals were recorded on routes that have a monthly capacity.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::ids::ReferralId;
use crate::schema::{referrals, route_counts};

use super::routes::RouteRow;

/// Counts one more referral on a route, if there are fewer than `capacity`, and answers whether there were. Until the transaction
/// ends the next one waits, so that no two take the last place.
///
/// # Errors
/// A database failure.
pub fn count_one(conn: &mut PgConnection, route: &RouteRow, month: NaiveDate, capacity: i32) -> QueryResult<bool> {
    if add_one(conn, route, month, capacity)? {
        return Ok(true);
    }
    let is_first = diesel::insert_into(route_counts::table)
        .values((
            route_counts::site_id.eq(route.site_id),
            route_counts::route_id.eq(route.id),
            route_counts::month.eq(month),
            route_counts::partner_id.eq(route.partner_id),
            route_counts::recorded.eq(1),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?
        == 1;
    // Another one may have been the first of the month a moment ago.
    Ok(is_first || add_one(conn, route, month, capacity)?)
}

fn add_one(conn: &mut PgConnection, route: &RouteRow, month: NaiveDate, capacity: i32) -> QueryResult<bool> {
    let of_month = route_counts::table
        .filter(route_counts::site_id.eq(route.site_id).and(route_counts::route_id.eq(route.id)))
        .filter(route_counts::month.eq(month).and(route_counts::recorded.lt(capacity)));
    let added = diesel::update(of_month).set(route_counts::recorded.eq(route_counts::recorded + 1)).execute(conn)?;
    Ok(added == 1)
}

/// How many were counted on a route in a month; until the transaction ends nobody else counts one there.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, route: &RouteRow, month: NaiveDate) -> QueryResult<i32> {
    diesel::insert_into(route_counts::table)
        .values((
            route_counts::site_id.eq(route.site_id),
            route_counts::route_id.eq(route.id),
            route_counts::month.eq(month),
            route_counts::partner_id.eq(route.partner_id),
            route_counts::recorded.eq(0),
        ))
        .on_conflict((route_counts::site_id, route_counts::route_id, route_counts::month))
        .do_update()
        .set(route_counts::recorded.eq(route_counts::recorded))
        .returning(route_counts::recorded)
        .get_result(conn)
}

/// Counts so many more on a route whose count the transaction has locked.
///
/// # Errors
/// A database failure.
pub fn add(conn: &mut PgConnection, route: &RouteRow, month: NaiveDate, more: i32) -> QueryResult<()> {
    diesel::update(
        route_counts::table
            .filter(route_counts::site_id.eq(route.site_id).and(route_counts::route_id.eq(route.id)))
            .filter(route_counts::month.eq(month)),
    )
    .set(route_counts::recorded.eq(route_counts::recorded + more))
    .execute(conn)
    .map(drop)
}

/// How many were counted on a route in a month.
///
/// # Errors
/// A database failure.
pub fn counted(conn: &mut PgConnection, scope: &SiteScope, route: &RouteRow, month: NaiveDate) -> QueryResult<i32> {
    let counted = route_counts::table
        .filter(route_counts::site_id.eq(scope.site()).and(route_counts::route_id.eq(route.id)))
        .filter(route_counts::month.eq(month))
        .select(route_counts::recorded)
        .first(conn)
        .optional();
    Ok(counted?.unwrap_or(0))
}

/// Counts anew what a month has brought: the live referrals that were recorded on the route from `start` on. The caller has locked
/// the route, so that none is on its way. Ids sort by the time of recording, and the partner's index by them.
///
/// # Errors
/// A database failure.
pub fn recount(
    conn: &mut PgConnection,
    scope: &SiteScope,
    route: &RouteRow,
    month: NaiveDate,
    start: DateTime<Utc>,
) -> QueryResult<()> {
    let recorded: i64 = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::partner_id.eq(route.partner_id)))
        .filter(referrals::id.ge(ReferralId::first_at(start)))
        .filter(referrals::route_id.eq(route.id).and(referrals::recorded_at.ge(start)).and(referrals::is_test.eq(false)))
        .count()
        .get_result(conn)?;
    diesel::insert_into(route_counts::table)
        .values((
            route_counts::site_id.eq(route.site_id),
            route_counts::route_id.eq(route.id),
            route_counts::month.eq(month),
            route_counts::partner_id.eq(route.partner_id),
            route_counts::recorded.eq(i32::try_from(recorded).unwrap_or(i32::MAX)),
        ))
        .on_conflict((route_counts::site_id, route_counts::route_id, route_counts::month))
        .do_update()
        .set(route_counts::recorded.eq(excluded(route_counts::recorded)))
        .execute(conn)
        .map(drop)
}
