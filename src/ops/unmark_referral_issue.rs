//! Taking back a mark that was a mistake. The audit trail keeps that it was there.

use super::mark_referral_issue::{lock, write};
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::HandoffIssue;
use crate::error::AppError;
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::sites::SiteRow;

/// Takes an issue off a referral, open or closed; answers it as it is now, with its site.
///
/// # Errors
/// 404 for an unknown or foreign referral, and for an issue that is not marked on it; 412 when it has changed since it was read.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    expected: &Expected,
    issue: HandoffIssue,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let mut coded = lock(conn, context, id, expected)?;
    let marked = &coded.referral.handoff_issues.0;
    if !marked.contains(&issue) {
        return Err(AppError::not_found());
    }
    let left = marked.iter().copied().filter(|marked| *marked != issue).collect();
    write(conn, context, "unmark_referral_issue", &mut coded, left)?;
    let site = store::sites::current(conn, &context.scope)?;
    Ok((coded, site))
}
