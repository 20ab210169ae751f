//! The end of sealed details: by an admin's hand, some time after their referral ended, or at once when the person wants no contact.
//!
//! The referral keeps its version, as it does when it ages: nothing else of it changes, and nobody who works on it is held up.

use chrono::{DateTime, Duration, Utc};

use super::record::{Change, record};
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::approved_process::ProcessField;
use crate::domain::ids::ReferralId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::CloseReason;
use crate::error::AppError;
use crate::store;
use crate::store::sites::SiteRow;

/// Referrals of one pass of the retention: short enough to hold no lock for long.
pub const BATCH: i64 = 200;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Referrals of which something is gone.
    pub count: usize,
    /// Whether the batch was full, so that more may be due.
    pub more: bool,
}

/// Purges the details of one referral.
///
/// # Errors
/// 404 for an unknown or foreign referral and for one that has none, 412 when it has changed since it was read.
pub fn run(conn: &mut Conn, context: &Context, id: ReferralId, expected: &Expected) -> Result<(), AppError> {
    let (scope, is_test) = (&context.scope, context.actor.is_test());
    if !store::referrals::lock(conn, scope, is_test, id)? {
        return Err(AppError::not_found());
    }
    let referral = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?.referral;
    expected.check(referral.version)?;
    let purged = store::sealed_details::delete(conn, scope, &[id])?;
    if purged.is_empty() {
        return Err(AppError::not_found());
    }
    record(conn, context, changes("delete_sealed_details", &purged, None))
}

/// Purges the details of persons who want no contact: of these referrals, and of what was merged into them. Answers what is to be
/// recorded.
pub(super) fn of_persons(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    ended: &[ReferralId],
) -> Result<Vec<Change>, AppError> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let purged = store::sealed_details::delete_of_persons(conn, &context.scope, ended)?;
    Ok(changes(operation, &purged, Some(CloseReason::PersonRequestedNoContact.as_str())))
}

/// Purges what the site keeps no longer, up to `limit`. Each referral counts from its own end, one that was merged from the merge.
///
/// # Errors
/// A database failure.
pub fn pass(conn: &mut Conn, context: &Context, limit: i64) -> Result<Purged, AppError> {
    let site = store::sites::current(conn, &context.scope)?;
    let (over, more) = store::sealed_details::lock_over(conn, &context.scope, kept_since(&site, context.now), limit)?;
    let purged = store::sealed_details::delete(conn, &context.scope, &over)?;
    record(conn, context, changes("purge_sealed_details", &purged, Some(CloseReason::RetentionExpired.as_str())))?;
    Ok(Purged { count: purged.len(), more })
}

/// How many details are to be purged by now.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut Conn, context: &Context) -> Result<i64, AppError> {
    let site = store::sites::current(conn, &context.scope)?;
    Ok(store::sealed_details::count_over(conn, &context.scope, kept_since(&site, context.now))?)
}

/// Details of referrals that ended before this are kept no longer.
fn kept_since(site: &SiteRow, now: DateTime<Utc>) -> DateTime<Utc> {
    now - Duration::days(site.sealed_details_retention_days.into())
}

/// Which fields are gone, by referral.
fn changes(
    operation: &'static str,
    purged: &[(ReferralId, CodeList<ProcessField>)],
    reason: Option<&'static str>,
) -> Vec<Change> {
    let change = |(id, fields): &(ReferralId, CodeList<ProcessField>)| {
        Change::new(operation, SubjectKind::Referral, id.0, of_fields(&fields.0), Facts::new()).because(reason)
    };
    purged.iter().map(change).collect()
}

/// What the audit trail may hold of sealed details: which fields, never a value.
fn of_fields(fields: &[ProcessField]) -> Facts {
    Facts::new().codes("sealed_details", fields.iter().map(|field| field.as_str()))
}
