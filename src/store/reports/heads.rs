//! How far a site's log is counted.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::SiteId;
use crate::schema::report_heads;

/// How far a site's log is counted, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = report_heads, treat_none_as_null = true)]
pub struct HeadRow {
    /// The tenant.
    pub site_id: SiteId,
    /// The last position of the live feed that is counted.
    pub position: i64,
    /// By which definitions.
    pub definitions: i32,
    /// In which time zone.
    pub time_zone: String,
    /// Whether old sums are being removed.
    pub clearing: bool,
    /// The first day of the last month that was closed.
    pub closed_month: Option<NaiveDate>,
}

/// The site's head; `None`: nothing was ever counted.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<HeadRow>> {
    report_heads::table.filter(report_heads::site_id.eq(scope.site())).select(HeadRow::as_select()).first(conn).optional()
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<HeadRow>> {
    let own = report_heads::table.filter(report_heads::site_id.eq(scope.site()));
    own.select(HeadRow::as_select()).for_update().first(conn).optional()
}

/// Keeps the first one.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, head: &HeadRow) -> QueryResult<()> {
    diesel::insert_into(report_heads::table).values(head).on_conflict_do_nothing().execute(conn).map(drop)
}

/// Writes it.
///
/// # Errors
/// A database failure.
pub fn write(conn: &mut PgConnection, scope: &SiteScope, head: &HeadRow) -> QueryResult<()> {
    diesel::update(report_heads::table.filter(report_heads::site_id.eq(scope.site()))).set(head).execute(conn).map(drop)
}
