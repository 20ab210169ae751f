//! Events and audit entries by month: each month is a table of its own (`months.events_2027_02`), made ahead of its time and dropped once the
//! owner wants it kept no longer. Tables are the owner's, so that the server asks for both; which month may go is not its to decide.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Date, Integer, Nullable};

use super::places::AuditRow;
use crate::auth::SiteScope;
use crate::schema::audit_entries;

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Bool)]
    done: bool,
}

#[derive(QueryableByName)]
struct Day {
    #[diesel(sql_type = Nullable<Date>)]
    day: Option<NaiveDate>,
}

/// Makes the next of the months that are to come; `false`: none is missing.
///
/// # Errors
/// A database failure; a lock that others hold is one.
pub fn add(conn: &mut PgConnection) -> QueryResult<bool> {
    sql_query("SELECT directory.add_journal_month() AS done").get_result(conn).map(|Done { done }| done)
}

/// The first day after the last month that is to go; `None`: none is.
///
/// # Errors
/// A database failure.
pub fn expired(conn: &mut PgConnection) -> QueryResult<Option<NaiveDate>> {
    sql_query("SELECT directory.journal_expired_until() AS day").get_result(conn).map(|Day { day }| day)
}

/// Drops the oldest month, if it is to go and the sealed trail of every site says so; whether it did.
///
/// # Errors
/// A database failure; a lock that others hold is one.
pub fn drop_oldest(conn: &mut PgConnection) -> QueryResult<bool> {
    sql_query("SELECT directory.drop_journal_month() AS done").get_result(conn).map(|Done { done }| done)
}

/// The first day of which anything is kept; `None`: all is.
///
/// # Errors
/// A database failure.
pub fn begins_on(conn: &mut PgConnection) -> QueryResult<Option<NaiveDate>> {
    sql_query("SELECT directory.journal_begins_on() AS day").get_result(conn).map(|Day { day }| day)
}

/// Has the streams of the transaction's site begin with what is kept; whether they did not yet.
///
/// # Errors
/// A database failure.
pub fn raise_floors(conn: &mut PgConnection) -> QueryResult<bool> {
    sql_query("SELECT directory.raise_journal_floors() AS done").get_result(conn).map(|Done { done }| done)
}

/// The last entry of this operation about the site itself, sealed or not.
///
/// # Errors
/// A database failure.
pub fn last_of(conn: &mut PgConnection, scope: &SiteScope, operation: &str) -> QueryResult<Option<AuditRow>> {
    audit_entries::table
        .filter(audit_entries::site_id.eq(scope.site()).and(audit_entries::subject_id.eq(scope.site().0)))
        .filter(audit_entries::operation.eq(operation))
        .order(audit_entries::id.desc())
        .select(AuditRow::as_select())
        .first(conn)
        .optional()
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
