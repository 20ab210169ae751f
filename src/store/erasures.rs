//! What was erased: keyed digests that are linked to nothing, kept so that an erasure can be done again after a restore.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::contact_digests::KeptDigest;
use crate::auth::SiteScope;
use crate::schema::erased_digests;

/// Keeps these digests, each once and with the day of its first erasure.
///
/// # Errors
/// A database failure.
pub fn keep(conn: &mut PgConnection, scope: &SiteScope, digests: &[KeptDigest], now: DateTime<Utc>) -> QueryResult<()> {
    let row = |kept: &KeptDigest| {
        (
            erased_digests::site_id.eq(scope.site()),
            erased_digests::kind.eq(kept.kind),
            erased_digests::digest.eq(kept.digest.clone()),
            erased_digests::key_id.eq(kept.key_id.clone()),
            erased_digests::erased_on.eq(now.date_naive()),
        )
    };
    let rows: Vec<_> = digests.iter().map(row).collect();
    diesel::insert_into(erased_digests::table).values(rows).on_conflict_do_nothing().execute(conn).map(drop)
}

/// All of the site's.
///
/// # Errors
/// A database failure.
pub fn list(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<KeptDigest>> {
    erased_digests::table
        .filter(erased_digests::site_id.eq(scope.site()))
        .order((erased_digests::kind, erased_digests::digest))
        .select((erased_digests::kind, erased_digests::digest, erased_digests::key_id))
        .load(conn)
}
