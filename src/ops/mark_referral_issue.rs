//! Marking what went wrong with a handoff: for the partner's feedback, which counts such marks and shows none of them on a referral.
//!
//! People mark; the server marks nothing by itself. What a close reason says (`wrong_study`, `incomplete_handoff`,
//! `channel_not_approved`) is not marked beside it: a reopen would take back the reason and leave the mark. No event tells of a mark.

use super::record::{Change, record};
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::HandoffIssue;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::sites::SiteRow;

/// Marks an issue on a referral, open or closed; answers it as it is now, with its site. One that is marked already changes nothing:
/// no version, no audit entry.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when it has changed since it was read.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    expected: &Expected,
    issue: HandoffIssue,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let mut coded = lock(conn, context, id, expected)?;
    let mut issues = coded.referral.handoff_issues.0.clone();
    if !issues.contains(&issue) {
        issues.push(issue);
        // In the order of the vocabulary, whoever marked what first.
        issues.sort_unstable();
        write(conn, context, "mark_referral_issue", &mut coded, issues)?;
    }
    let site = store::sites::current(conn, &context.scope)?;
    Ok((coded, site))
}

/// Locks the referral as it was read.
pub(super) fn lock(conn: &mut Conn, context: &Context, id: ReferralId, expected: &Expected) -> Result<CodedReferral, AppError> {
    let (scope, is_test) = (&context.scope, context.actor.is_test());
    if !store::referrals::lock(conn, scope, is_test, id)? {
        return Err(AppError::not_found());
    }
    let coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    expected.check(coded.referral.version)?;
    Ok(coded)
}

/// Writes other issues on a locked referral, and records it.
pub(super) fn write(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    coded: &mut CodedReferral,
    issues: Vec<HandoffIssue>,
) -> Result<(), AppError> {
    let before = coded.referral.clone();
    coded.referral.handoff_issues = CodeList(issues);
    let issues = &coded.referral.handoff_issues;
    if !store::referrals::set_issues(conn, &context.scope, before.id, before.version, issues, context.now)? {
        return Err(AppError::new(ErrorCode::StaleVersion));
    }
    coded.referral.version = before.version + 1;
    coded.referral.times.updated_at = context.now;
    record(conn, context, [Change::of_referral(operation, &before, &coded.referral)])
}
