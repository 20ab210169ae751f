//! What went wrong with a handoff, marked on a referral by the site. No partner sees a mark: its feedback counts them.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, post};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::extract::{
    Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, PathIdAndWord, contract,
};
use super::idempotency::{Write, write};
use super::referrals::ReferralView;
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::WorkReferrals;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::HandoffIssue;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;

/// Something that went wrong with a handoff.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "expectation_payment"}))]
pub struct MarkReferralIssue {
    /// What went wrong.
    pub code: HandoffIssue,
}
contract!(MarkReferralIssue);

/// Mark a handoff issue
///
/// What went wrong with this handoff, for the partner's feedback: a class and a count over many, never this referral. Open or closed,
/// since such things come out late. The partner's view of the referral, its `ETag` and the feed stay as they are; the audit trail tells
/// who marked what. An issue that is marked already stays as it is: the version stays, and nothing is recorded.
///
/// Mark what people told or did. A close reason speaks for itself: `wrong_study`, `incomplete_handoff` and `channel_not_approved` need
/// no mark beside it.
#[utoipa::path(
    operation_id = "mark_referral_issue", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = MarkReferralIssue, description = "What went wrong."),
    responses((status = 200, description = "The referral as it is now.", body = ReferralView)),
)]
#[post("/v1/referrals/{id}/issues")]
pub async fn mark_referral_issue(
    caller: Caller<WorkReferrals>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<MarkReferralIssue>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let code = body.value.code;
    let operation = format!("mark_referral_issue:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let (coded, site) = ops::mark_referral_issue::run(conn, context, id.0, &if_match.0, code)?;
        let etag = version_tag(coded.referral.version);
        Reply::ok(&ReferralView::new(coded, &site, context.now), etag)
    })
    .await
}

/// Take back a handoff issue
///
/// When it was marked by mistake. The audit trail keeps that it was there. One that is not marked is not found.
#[utoipa::path(
    operation_id = "unmark_referral_issue", tag = "referrals",
    params(
        ("id" = ReferralId, Path, description = "Id of the referral."),
        ("code" = HandoffIssue, Path, description = "The issue that is marked."),
        IfMatchHeader,
    ),
    responses((status = 200, description = "The referral as it is now.", body = ReferralView)),
)]
#[delete("/v1/referrals/{id}/issues/{code}")]
pub async fn unmark_referral_issue(
    caller: Caller<WorkReferrals>,
    path: PathIdAndWord<ReferralId, HandoffIssue>,
    if_match: IfMatch,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    write(&app, &caller, Write::unkeyed("unmark_referral_issue", b""), move |conn, context| {
        let (coded, site) = ops::unmark_referral_issue::run(conn, context, path.0, &if_match.0, path.1)?;
        let etag = version_tag(coded.referral.version);
        Reply::ok(&ReferralView::new(coded, &site, context.now), etag)
    })
    .await
}
