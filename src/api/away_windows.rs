//! When members are away: planned below each member.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};

use super::extract::{
    Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, PathIds, Query,
};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{PlanAbsences, ReadMembers};
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::away_windows::AwayWindowRow;

mod body;

pub use body::{AwayWindowPage, AwayWindowView, CreateAwayWindow, ListAwayWindows, UpdateAwayWindow};

fn reply(window: AwayWindowRow) -> Result<Reply, AppError> {
    let etag = version_tag(window.version);
    Reply::ok(&AwayWindowView::from(window), etag)
}

/// Plan an absence
///
/// From the start up to the end the member is away: it stays active and keeps what it owns, and a referral that comes in or opens
/// again goes to the route's backup owner, or else to the site lead. A coordinator plans for itself, an admin for everybody.
#[utoipa::path(
    operation_id = "create_away_window", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member."), OptionalIdempotencyKeyHeader),
    request_body(content = CreateAwayWindow, description = "When the member is away."),
    responses(
        (status = 201, description = "Planned.", body = AwayWindowView),
        (status = 409, description = "The member is away then already (`away_window_overlaps`), is deactivated or has a hundred absences planned (`state_conflict`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/members/{id}/away-windows")]
pub async fn create_away_window(
    caller: Caller<PlanAbsences>,
    id: PathId<MemberId>,
    key: OptionalIdempotencyKey,
    body: Body<CreateAwayWindow>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let absence = body.value.into();
    let operation = format!("create_away_window:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let window = ops::create_away_window::run(conn, context, id.0, absence)?;
        let location = format!("/v1/members/{}/away-windows/{}", window.member_id, window.id);
        let etag = version_tag(window.version);
        Reply::created(&AwayWindowView::from(window), etag, location)
    })
    .await
}

/// List a member's absences
///
/// Those that are going on or still to come. What is over stands in the audit trail.
#[utoipa::path(
    operation_id = "list_away_windows", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member."), ListAwayWindows),
    responses((status = 200, description = "A page of absences.", body = AwayWindowPage)),
)]
#[get("/v1/members/{id}/away-windows")]
pub async fn list_away_windows(
    caller: Caller<ReadMembers>,
    id: PathId<MemberId>,
    query: Query<ListAwayWindows>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (member, query) = (id.0, query.0);
    let paging = Paging::new("list_away_windows", query.cursor.as_deref(), query.limit, &member)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let scope = &context.scope;
            store::members::find(conn, scope, member)?.ok_or_else(AppError::not_found)?;
            Ok(store::away_windows::page(conn, scope, member, context.now, after.map(AwayWindowId), limit)?)
        },
        |row: &AwayWindowRow| row.id.0,
        |rows, next_cursor, _| Ok(AwayWindowPage { data: rows.into_iter().map(AwayWindowView::from).collect(), next_cursor }),
    )
    .await
}

/// Read an absence
///
/// Also one that is over.
#[utoipa::path(
    operation_id = "get_away_window", tag = "members",
    params(
        ("id" = MemberId, Path, description = "Id of the member."),
        ("window_id" = AwayWindowId, Path, description = "Id of the absence."),
    ),
    responses((status = 200, description = "The absence as it is now.", body = AwayWindowView)),
)]
#[get("/v1/members/{id}/away-windows/{window_id}")]
pub async fn get_away_window(
    caller: Caller<ReadMembers>,
    ids: PathIds<MemberId, AwayWindowId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let found = read(&app, &caller, move |conn, context| {
        store::away_windows::find(conn, &context.scope, ids.0, ids.1)?.ok_or_else(AppError::not_found)
    })
    .await?;
    Ok(reply(found)?.into_response())
}

/// Move an absence
///
/// Its start, its end or both. A member who is back early is there again once the absence is deleted.
#[utoipa::path(
    operation_id = "update_away_window", tag = "members",
    params(
        ("id" = MemberId, Path, description = "Id of the member."),
        ("window_id" = AwayWindowId, Path, description = "Id of the absence."),
        IfMatchHeader,
    ),
    request_body(content = UpdateAwayWindow, description = "What to change; `application/merge-patch+json` is taken too."),
    responses(
        (status = 200, description = "The absence as it is now.", body = AwayWindowView),
        (status = 409, description = "The member is away then already (`away_window_overlaps`); or the absence is over, or its member deactivated (`state_conflict`)."),
    ),
)]
#[patch("/v1/members/{id}/away-windows/{window_id}")]
pub async fn update_away_window(
    caller: Caller<PlanAbsences>,
    ids: PathIds<MemberId, AwayWindowId>,
    if_match: IfMatch,
    body: Body<UpdateAwayWindow>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_away_window", &body.canonical), move |conn, context| {
        reply(ops::update_away_window::run(conn, context, ids.0, ids.1, &if_match.0, patch)?)
    })
    .await
}

/// Delete an absence
///
/// The member is there at once, if it was away by this. The audit trail keeps what was planned.
#[utoipa::path(
    operation_id = "delete_away_window", tag = "members",
    params(
        ("id" = MemberId, Path, description = "Id of the member."),
        ("window_id" = AwayWindowId, Path, description = "Id of the absence."),
        IfMatchHeader,
    ),
    responses((status = 204, description = "Deleted.")),
)]
#[delete("/v1/members/{id}/away-windows/{window_id}")]
pub async fn delete_away_window(
    caller: Caller<PlanAbsences>,
    ids: PathIds<MemberId, AwayWindowId>,
    if_match: IfMatch,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    write(&app, &caller, Write::unkeyed("delete_away_window", b""), move |conn, context| {
        ops::delete_away_window::run(conn, context, ids.0, ids.1, &if_match.0)?;
        Ok(Reply::gone())
    })
    .await
}
