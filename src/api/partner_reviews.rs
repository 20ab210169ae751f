//! Reviews of partners: what the site decided, when and why. The site's own; no key of a system or a partner sees them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{Body, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, PathIds, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ReadPartnerReviews, ReviewPartners};
use crate::domain::ids::{PartnerId, PartnerReviewId};
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::partner_reviews::PartnerReviewRow;

mod body;

pub use body::{CreatePartnerReview, ListPartnerReviews, PartnerReviewPage, PartnerReviewView};

/// A review is never changed.
const UNCHANGED: i32 = 1;

/// Review a partner
///
/// A dated decision with its reason. It is a record and moves nothing: pause or end the partner, or change its routes, with the
/// operations for that.
#[utoipa::path(
    operation_id = "create_partner_review", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner."), OptionalIdempotencyKeyHeader),
    request_body(content = CreatePartnerReview, description = "What was decided, and why."),
    responses((status = 201, description = "Kept.", body = PartnerReviewView)),
)]
#[post("/v1/partners/{id}/reviews")]
pub async fn create_partner_review(
    caller: Caller<ReviewPartners>,
    id: PathId<PartnerId>,
    key: OptionalIdempotencyKey,
    body: Body<CreatePartnerReview>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let CreatePartnerReview { decision, reason } = body.value;
    let operation = format!("create_partner_review:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let review = ops::create_partner_review::run(conn, context, id.0, decision, reason)?;
        let location = format!("/v1/partners/{}/reviews/{}", id.0, review.id);
        Reply::created(&PartnerReviewView::from(review), version_tag(UNCHANGED), location)
    })
    .await
}

/// Read a partner's review
#[utoipa::path(
    operation_id = "get_partner_review", tag = "partners",
    params(
        ("id" = PartnerId, Path, description = "Id of the partner."),
        ("review_id" = PartnerReviewId, Path, description = "Id of the review."),
    ),
    responses((status = 200, description = "The review, as it was kept.", body = PartnerReviewView)),
)]
#[get("/v1/partners/{id}/reviews/{review_id}")]
pub async fn get_partner_review(
    caller: Caller<ReadPartnerReviews>,
    ids: PathIds<PartnerId, PartnerReviewId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let found = read(&app, &caller, move |conn, context| {
        store::partner_reviews::find(conn, &context.scope, ids.0, ids.1)?.ok_or_else(AppError::not_found)
    })
    .await?;
    Ok(Reply::ok(&PartnerReviewView::from(found), version_tag(UNCHANGED))?.into_response())
}

/// List a partner's reviews
///
/// Newest first.
#[utoipa::path(
    operation_id = "list_partner_reviews", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner."), ListPartnerReviews),
    responses((status = 200, description = "A page of reviews.", body = PartnerReviewPage)),
)]
#[get("/v1/partners/{id}/reviews")]
pub async fn list_partner_reviews(
    caller: Caller<ReadPartnerReviews>,
    id: PathId<PartnerId>,
    query: Query<ListPartnerReviews>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (partner, query) = (id.0, query.0);
    let paging = Paging::new("list_partner_reviews", query.cursor.as_deref(), query.limit, &partner)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            let scope = &context.scope;
            store::partners::find(conn, scope, partner)?.ok_or_else(AppError::not_found)?;
            Ok(store::partner_reviews::page(conn, scope, partner, before.map(PartnerReviewId), limit)?)
        },
        |row: &PartnerReviewRow| row.id.0,
        |rows, next_cursor, _| {
            Ok(PartnerReviewPage { data: rows.into_iter().map(PartnerReviewView::from).collect(), next_cursor })
        },
    )
    .await
}
