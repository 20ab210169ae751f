//! One action on many referrals, with a result for each.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::extract::{Body, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader};
use super::idempotency::{Write, write};
use super::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::WorkReferrals;
use crate::error::AppError;
use crate::ops;
use crate::ops::create_bulk_action::Wanted;
use crate::state::AppState;

mod body;

pub use body::{BulkActionView, BulkReassign, BulkReferral, BulkResult, BulkTransition, CreateBulkAction};

/// Reassign or move many referrals
///
/// Each referral decides for itself, as it would alone: `results` says of each whether it was done, with the codes of
/// `update_referral` and `transition_referral`. What is refused changes nothing, and the others are done all the same, in one
/// transaction. A fault of the request itself refuses all of it. Send `version` for a referral that you read, so that nobody's faster
/// change is lost. `person_requested_no_contact` is taken by `transition_referral` alone.
#[utoipa::path(
    operation_id = "create_bulk_action", tag = "referrals",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateBulkAction, description = "What to do, and with which referrals."),
    responses((status = 200, description = "What became of each.", body = BulkActionView)),
)]
#[post("/v1/bulk-actions")]
pub async fn create_bulk_action(
    caller: Caller<WorkReferrals>,
    key: OptionalIdempotencyKey,
    body: Body<CreateBulkAction>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let wanted: Vec<Wanted> = body.value.referrals.iter().map(Wanted::from).collect();
    let action = body.value.action()?;
    write(&app, &caller, Write::accepting("create_bulk_action", &key, &body.canonical), move |conn, context| {
        let outcomes = ops::create_bulk_action::run(conn, context, &action, &wanted)?;
        Reply::plain(&BulkActionView::from(outcomes))
    })
    .await
}
