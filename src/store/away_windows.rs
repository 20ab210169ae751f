//! When members are away.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{AwayWindowId, MemberId, SiteId};
use crate::schema::away_windows;

/// A time that a member is away, as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = away_windows)]
pub struct AwayWindowRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: AwayWindowId,
    /// Who is away.
    pub member_id: MemberId,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; the member is there again at this moment.
    pub ends_at: DateTime<Utc>,
    /// Counts changes.
    pub version: i32,
    /// When it was planned.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A member's window with this id.
///
/// # Errors
/// A database failure.
pub fn find(
    conn: &mut PgConnection,
    scope: &SiteScope,
    member: MemberId,
    id: AwayWindowId,
) -> QueryResult<Option<AwayWindowRow>> {
    away_windows::table
        .filter(away_windows::site_id.eq(scope.site()).and(away_windows::id.eq(id)).and(away_windows::member_id.eq(member)))
        .select(AwayWindowRow::as_select())
        .first(conn)
        .optional()
}

/// A member's windows that have not ended at `now`, by id. Whoever plans has locked the member.
///
/// # Errors
/// A database failure.
pub fn not_ended(
    conn: &mut PgConnection,
    scope: &SiteScope,
    member: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<AwayWindowRow>> {
    away_windows::table
        .filter(away_windows::site_id.eq(scope.site()).and(away_windows::member_id.eq(member)))
        .filter(away_windows::ends_at.gt(now))
        .order(away_windows::id)
        .select(AwayWindowRow::as_select())
        .load(conn)
}

/// A page of a member's windows that have not ended at `now`, in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    member: MemberId,
    now: DateTime<Utc>,
    after: Option<AwayWindowId>,
    limit: i64,
) -> QueryResult<Vec<AwayWindowRow>> {
    let mut query = away_windows::table
        .filter(away_windows::site_id.eq(scope.site()).and(away_windows::member_id.eq(member)))
        .filter(away_windows::ends_at.gt(now))
        .select(AwayWindowRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(away_windows::id.gt(after));
    }
    query.order(away_windows::id).limit(limit).load(conn)
}

/// Keeps a window.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, window: &AwayWindowRow) -> QueryResult<()> {
    diesel::insert_into(away_windows::table).values(window).execute(conn).map(drop)
}

/// Writes when a window begins and ends, and its version.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, window: &AwayWindowRow) -> QueryResult<()> {
    diesel::update(away_windows::table.filter(away_windows::site_id.eq(scope.site()).and(away_windows::id.eq(window.id))))
        .set((
            away_windows::starts_at.eq(window.starts_at),
            away_windows::ends_at.eq(window.ends_at),
            away_windows::version.eq(window.version),
            away_windows::updated_at.eq(window.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Takes these windows away.
///
/// # Errors
/// A database failure.
pub fn delete(conn: &mut PgConnection, scope: &SiteScope, ids: &[AwayWindowId]) -> QueryResult<()> {
    diesel::delete(away_windows::table.filter(away_windows::site_id.eq(scope.site()).and(away_windows::id.eq_any(ids))))
        .execute(conn)
        .map(drop)
}
