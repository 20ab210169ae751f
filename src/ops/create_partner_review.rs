//! Writing down what the site decided about a partner.

use super::record::{Change, record};
use super::{Context, facts};
use crate::db::Conn;
use crate::domain::ids::{PartnerId, PartnerReviewId};
use crate::domain::journal::SubjectKind;
use crate::domain::partner_review::{PartnerDecision, PartnerReviewReason};
use crate::error::AppError;
use crate::store;
use crate::store::partner_reviews::PartnerReviewRow;

/// Keeps a review of a partner. It moves nothing.
///
/// # Errors
/// 404 for an unknown partner.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    partner: PartnerId,
    decision: PartnerDecision,
    reason: PartnerReviewReason,
) -> Result<PartnerReviewRow, AppError> {
    store::partners::find(conn, &context.scope, partner)?.ok_or_else(AppError::not_found)?;
    let reviewed_by = context.actor.member().ok_or_else(|| AppError::internal("a review without a member"))?;
    let review = PartnerReviewRow {
        site_id: context.scope.site(),
        id: PartnerReviewId::at(context.now),
        partner_id: partner,
        decision,
        reason,
        reviewed_at: context.now,
        reviewed_by,
    };
    store::partner_reviews::insert(conn, &review)?;
    let facts = facts::of_partner_review(&review);
    let change = Change::made("create_partner_review", SubjectKind::Partner, partner.0, facts).because(Some(reason.as_str()));
    record(conn, context, [change])?;
    Ok(review)
}
