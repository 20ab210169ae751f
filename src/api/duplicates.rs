//! Duplicate reviews: pairs that may be one person, decided by people of the site. No key of a system or a partner sees them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{Body, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::ResolveDuplicates;
use crate::db::Conn;
use crate::domain::ids::DuplicateReviewId;
use crate::error::AppError;
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::duplicates::{Filter, ReviewRow};

mod body;

pub use body::{
    CreateDuplicateReview, DuplicateReferral, DuplicateReviewPage, DuplicateReviewView, ListDuplicateReviews,
    ResolveDuplicateReview,
};

/// A review with its referrals as they are now.
fn view(conn: &mut Conn, context: &Context, review: ReviewRow) -> Result<DuplicateReviewView, AppError> {
    views(conn, context, vec![review])?.pop().ok_or_else(AppError::not_found)
}

fn views(conn: &mut Conn, context: &Context, reviews: Vec<ReviewRow>) -> Result<Vec<DuplicateReviewView>, AppError> {
    let ends = store::duplicates::ends(conn, &context.scope, &reviews)?;
    Ok(reviews.into_iter().map(|review| DuplicateReviewView::new(review, &ends)).collect())
}

/// List duplicate reviews
///
/// In the order in which they were opened; `?status=open` is the work to do. A pair is found some moments after its later referral
/// came, by what both share.
#[utoipa::path(
    operation_id = "list_duplicate_reviews", tag = "duplicates",
    params(ListDuplicateReviews),
    responses((status = 200, description = "A page of reviews.", body = DuplicateReviewPage)),
)]
#[get("/v1/duplicate-reviews")]
pub async fn list_duplicate_reviews(
    caller: Caller<ResolveDuplicates>,
    query: Query<ListDuplicateReviews>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filters = (query.status, &query.study, &query.partner);
    let paging = Paging::new("list_duplicate_reviews", query.cursor.as_deref(), query.limit, &filters)?;
    let filter = Filter { status: query.status, study: query.study.clone(), partner: query.partner.clone() };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let (scope, is_test) = (&context.scope, context.actor.is_test());
            let reviews = store::duplicates::page(conn, scope, is_test, &filter, after.map(DuplicateReviewId), limit)?;
            views(conn, context, reviews)
        },
        |review| review.id.0,
        |data, next_cursor, _| Ok(DuplicateReviewPage { data, next_cursor }),
    )
    .await
}

/// Read a duplicate review
///
/// What the two records share, and where both stand now.
#[utoipa::path(
    operation_id = "get_duplicate_review", tag = "duplicates",
    params(("id" = DuplicateReviewId, Path, description = "Id of the review.")),
    responses((status = 200, description = "The review as it is now.", body = DuplicateReviewView)),
)]
#[get("/v1/duplicate-reviews/{id}")]
pub async fn get_duplicate_review(
    caller: Caller<ResolveDuplicates>,
    id: PathId<DuplicateReviewId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        let found = store::duplicates::find(conn, &context.scope, context.actor.is_test(), id.0)?;
        let review = found.ok_or_else(AppError::not_found)?;
        let etag = version_tag(review.version);
        Reply::ok(&view(conn, context, review)?, etag)
    })
    .await?;
    Ok(reply.into_response())
}

/// Pair two referrals by hand
///
/// When somebody of the site knows what no shared detail tells. The newer one waits for the review where nothing else stands in its
/// way. A pair that is in review already is answered as it is (200); one that was decided as `different` is opened again (200).
#[utoipa::path(
    operation_id = "create_duplicate_review", tag = "duplicates",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateDuplicateReview, description = "The two referrals."),
    responses(
        (status = 201, description = "In review.", body = DuplicateReviewView),
        (status = 200, description = "The pair had a review, which is open.", body = DuplicateReviewView),
        (status = 409, description = "The referrals are for two studies (`across_studies`) or merged already (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/duplicate-reviews")]
pub async fn create_duplicate_review(
    caller: Caller<ResolveDuplicates>,
    key: OptionalIdempotencyKey,
    body: Body<CreateDuplicateReview>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let ids = body.value.ids()?;
    write(&app, &caller, Write::accepting("create_duplicate_review", &key, &body.canonical), move |conn, context| {
        let (review, is_new) = ops::pair_referrals::run(conn, context, ids)?;
        let (etag, location) = (version_tag(review.version), format!("/v1/duplicate-reviews/{}", review.id));
        let view = view(conn, context, review)?;
        if is_new { Reply::created(&view, etag, location) } else { Reply::ok(&view, etag) }
    })
    .await
}

/// Decide a duplicate review
///
/// `different`: the pair is never flagged again. `same` merges: one referral goes on (`keep`, or else the open one, or else the one
/// received first), the other ends as `duplicate` with `merged_into_id`, or keeps the reason that it was closed for before. Both keep
/// their partner, source and attribution, and each partner goes on seeing its own. Of the contact permissions the stricter one
/// counts: where either person withdrew, what is open ends with `person_requested_no_contact`. A merge cannot be undone.
///
/// Other open reviews between the same two people, over records merged before, get the same decision.
#[utoipa::path(
    operation_id = "resolve_duplicate_review", tag = "duplicates",
    params(("id" = DuplicateReviewId, Path, description = "Id of the review."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = ResolveDuplicateReview, description = "What was decided."),
    responses(
        (status = 200, description = "The review as it is now.", body = DuplicateReviewView),
        (status = 409, description = "It is decided already (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/duplicate-reviews/{id}/resolve")]
pub async fn resolve_duplicate_review(
    caller: Caller<ResolveDuplicates>,
    id: PathId<DuplicateReviewId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<ResolveDuplicateReview>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let ResolveDuplicateReview { resolution, keep } = body.value;
    let operation = format!("resolve_duplicate_review:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let review = ops::resolve_duplicate::run(conn, context, id.0, &if_match.0, resolution, keep)?;
        let etag = version_tag(review.version);
        Reply::ok(&view(conn, context, review)?, etag)
    })
    .await
}
