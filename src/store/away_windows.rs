//! When members are away.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::MemberId;
use crate::schema::away_windows;

/// Those of these members who are away at a moment.
///
/// # Errors
/// A database failure.
pub fn away_at(
    conn: &mut PgConnection,
    scope: &SiteScope,
    members: &[MemberId],
    at: DateTime<Utc>,
) -> QueryResult<Vec<MemberId>> {
    away_windows::table
        .filter(away_windows::site_id.eq(scope.site()).and(away_windows::member_id.eq_any(members)))
        .filter(away_windows::starts_at.le(at).and(away_windows::ends_at.gt(at)))
        .select(away_windows::member_id)
        .distinct()
        .load(conn)
}
