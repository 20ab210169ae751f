//! How often bodies were refused: by partner, day and code, without content.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::ids::RefusalId;
use crate::domain::vocabulary::RefusalCode;
use crate::schema::refusals;

/// Counts one refusal for the caller's partner (or the site itself) on the day of `now`, UTC.
///
/// # Errors
/// A database failure.
pub fn count(conn: &mut PgConnection, scope: &SiteScope, code: RefusalCode, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::insert_into(refusals::table)
        .values((
            refusals::site_id.eq(scope.site()),
            refusals::id.eq(RefusalId::at(now)),
            refusals::partner_id.eq(scope.partner()),
            refusals::day.eq(now.date_naive()),
            refusals::code.eq(code),
            refusals::refused.eq(1),
        ))
        .on_conflict((refusals::site_id, refusals::partner_id, refusals::day, refusals::code))
        .do_update()
        .set(refusals::refused.eq(refusals::refused + excluded(refusals::refused)))
        .execute(conn)
        .map(drop)
}
