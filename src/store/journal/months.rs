//! Events and audit entries by month: each month is a table of its own (`months.events_2027_02`), made ahead of its time and dropped once the
//! owner wants it kept no longer. Tables are the owner's, so that the server asks for both; which month may go is not its to decide.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Date, Integer, Nullable};

use crate::auth::SiteScope;
use crate::domain::ids::{AuditId, EventId};
use crate::domain::journal::first_id;
use crate::schema::{audit_seals, event_positions, journal_heads};
use crate::store::journal::HeadRow;

/// Makes the months that are to come; says how many were missing.
///
/// # Errors
/// A database failure; a lock that others hold is one.
pub fn add(conn: &mut PgConnection) -> QueryResult<usize> {
    #[derive(QueryableByName)]
    struct Added {
        #[diesel(sql_type = Integer)]
        added: i32,
    }
    let Added { added } = sql_query("SELECT directory.add_journal_months() AS added").get_result(conn)?;
    Ok(usize::try_from(added).unwrap_or(0))
}

/// The first day after the last month that is to go; `None`: none is.
///
/// # Errors
/// A database failure.
pub fn expired(conn: &mut PgConnection) -> QueryResult<Option<NaiveDate>> {
    #[derive(QueryableByName)]
    struct Expired {
        #[diesel(sql_type = Nullable<Date>)]
        until: Option<NaiveDate>,
    }
    sql_query("SELECT directory.journal_expired_until() AS until").get_result(conn).map(|Expired { until }| until)
}

/// Drops the oldest month if it ends by then and is to go; says whether it did.
///
/// # Errors
/// A database failure; a lock that others hold is one.
pub fn drop_oldest(conn: &mut PgConnection, until: NaiveDate) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Dropped {
        #[diesel(sql_type = Bool)]
        dropped: bool,
    }
    let asked = sql_query("SELECT directory.drop_journal_month($1) AS dropped").bind::<Date, _>(until);
    asked.get_result(conn).map(|Dropped { dropped }| dropped)
}

/// Says, as the owner, for how many whole months beside the present one everything is kept; `None`: for good.
///
/// # Errors
/// A database failure.
pub fn keep(conn: &mut PgConnection, months: Option<i32>) -> QueryResult<()> {
    let Some(months) = months else { return sql_query("DELETE FROM directory.journal_retention").execute(conn).map(drop) };
    let set = "INSERT INTO directory.journal_retention (months) VALUES ($1) ON CONFLICT (is_set) DO UPDATE SET months = excluded.months";
    sql_query(set).bind::<Integer, _>(months).execute(conn).map(drop)
}

/// Where a site's streams begin once everything before this day is dropped. A place before it that is of a later day, because whoever wrote
/// it took long, is not below the floor.
///
/// # Errors
/// A database failure.
pub fn without(conn: &mut PgConnection, scope: &SiteScope, head: HeadRow, kept_from: NaiveDate) -> QueryResult<HeadRow> {
    let first = first_id(kept_from);
    let feed = |conn: &mut PgConnection, is_test: bool| -> QueryResult<i64> {
        let next: Option<i64> = event_positions::table
            .filter(event_positions::site_id.eq(scope.site()).and(event_positions::is_test.eq(is_test)))
            .filter(event_positions::position.gt(head.floor(is_test)).and(event_positions::event_id.ge(EventId(first))))
            .order(event_positions::position)
            .select(event_positions::position)
            .first(conn)
            .optional()?;
        Ok(next.map_or(head.end(is_test), |next| next - 1))
    };
    let (live_floor, test_floor) = (feed(conn, false)?, feed(conn, true)?);
    let next: Option<i64> = audit_seals::table
        .filter(audit_seals::site_id.eq(scope.site()))
        .filter(audit_seals::position.gt(head.audit_floor).and(audit_seals::entry_id.ge(AuditId(first))))
        .order(audit_seals::position)
        .select(audit_seals::position)
        .first(conn)
        .optional()?;
    let audit_floor = next.map_or(head.audit_position, |next| next - 1);
    Ok(HeadRow { kept_from: Some(kept_from), live_floor, test_floor, audit_floor, ..head })
}

/// Writes down where a site's streams begin.
///
/// # Errors
/// A database failure.
pub fn begin_at(conn: &mut PgConnection, scope: &SiteScope, head: &HeadRow) -> QueryResult<()> {
    diesel::update(journal_heads::table.filter(journal_heads::site_id.eq(scope.site())))
        .set((
            journal_heads::kept_from.eq(head.kept_from),
            journal_heads::live_floor.eq(head.live_floor),
            journal_heads::test_floor.eq(head.test_floor),
            journal_heads::audit_floor.eq(head.audit_floor),
        ))
        .execute(conn)
        .map(drop)
}
