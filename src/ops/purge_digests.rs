//! The end of contact digests: some time after their referral ended, nothing recognises its person any more.
//!
//! Counts stay, and so does whoever is not to be contacted: that is kept apart, and linked to no referral.

use chrono::{DateTime, Duration, Utc};

use super::Context;
use super::purge_details::Purged;
use super::record::{Change, record};
use crate::db::Conn;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::CloseReason;
use crate::error::AppError;
use crate::store::contact_digests;
use crate::store::sites::{self, SiteRow};

/// Forgets what the site keeps no longer, of up to `limit` referrals. Each counts from its own end, one that was merged
/// from that of the record that it went into.
///
/// # Errors
/// A database failure.
pub fn pass(conn: &mut Conn, context: &Context, limit: i64) -> Result<Purged, AppError> {
    let site = sites::current(conn, &context.scope)?;
    let (over, more) = contact_digests::lock_over(conn, &context.scope, kept_since(&site, context.now), limit)?;
    let forgotten = contact_digests::forget(conn, &context.scope, &over)?;
    let changes = forgotten.iter().map(|id| {
        Change::new("purge_contact_digests", SubjectKind::Referral, id.0, Facts::new(), Facts::new())
            .touching("contact_digests", true)
            .because(CloseReason::RetentionExpired.as_str())
    });
    record(conn, context, changes)?;
    Ok(Purged { count: forgotten.len(), more })
}

/// Of how many referrals digests are to be forgotten by now.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut Conn, context: &Context) -> Result<i64, AppError> {
    let site = sites::current(conn, &context.scope)?;
    Ok(contact_digests::count_over(conn, &context.scope, kept_since(&site, context.now))?)
}

/// Digests of referrals that ended before this are kept no longer.
fn kept_since(site: &SiteRow, now: DateTime<Utc>) -> DateTime<Utc> {
    now - Duration::days(site.contact_digests_retention_days.into())
}
