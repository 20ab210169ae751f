//! Approved processes: recorded exceptions that open coded fields beyond the minimum.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{Body, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ManageApprovedProcesses, ReadApprovedProcesses};
use crate::db::Conn;
use crate::domain::ids::ApprovedProcessId;
use crate::error::AppError;
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::approved_processes::{Filter, ProcessContext};

mod body;

pub use body::{ApprovedProcessPage, ApprovedProcessView, CreateApprovedProcess, ListApprovedProcesses, RevokeApprovedProcess};

/// Processes as they stand today.
fn views(conn: &mut Conn, context: &Context, found: Vec<ProcessContext>) -> Result<Vec<ApprovedProcessView>, AppError> {
    let today = store::sites::current(conn, &context.scope)?.day_of(context.now);
    Ok(found.into_iter().map(|process| ApprovedProcessView::new(process, today)).collect())
}

fn view(conn: &mut Conn, context: &Context, found: ProcessContext) -> Result<ApprovedProcessView, AppError> {
    views(conn, context, vec![found])?.pop().ok_or_else(AppError::not_found)
}

/// Record an approved process
///
/// For this study, and one partner or all, the coded fields that may be sent beyond the minimum: for a purpose, under an approval, within
/// days of the site's calendar. It opens and closes by itself.
#[utoipa::path(
    operation_id = "create_approved_process", tag = "approved-processes",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateApprovedProcess, description = "The process."),
    responses((status = 201, description = "Recorded.", body = ApprovedProcessView)),
)]
#[post("/v1/approved-processes")]
pub async fn create_approved_process(
    caller: Caller<ManageApprovedProcesses>,
    key: OptionalIdempotencyKey,
    body: Body<CreateApprovedProcess>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value.into();
    write(&app, &caller, Write::accepting("create_approved_process", &key, &body.canonical), move |conn, context| {
        let made = ops::create_approved_process::run(conn, context, new)?;
        let (etag, location) = (version_tag(made.process.version), format!("/v1/approved-processes/{}", made.process.id));
        Reply::created(&view(conn, context, made)?, etag, location)
    })
    .await
}

/// List approved processes
///
/// Those that are over or revoked among them, in the order in which they were recorded.
#[utoipa::path(
    operation_id = "list_approved_processes", tag = "approved-processes",
    params(ListApprovedProcesses),
    responses((status = 200, description = "A page of processes.", body = ApprovedProcessPage)),
)]
#[get("/v1/approved-processes")]
pub async fn list_approved_processes(
    caller: Caller<ReadApprovedProcesses>,
    query: Query<ListApprovedProcesses>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filters = (&query.study, &query.partner, query.status);
    let paging = Paging::new("list_approved_processes", query.cursor.as_deref(), query.limit, &filters)?;
    let filter = Filter { study: query.study.clone(), partner: query.partner.clone(), status: query.status };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let today = store::sites::current(conn, &context.scope)?.day_of(context.now);
            let after = after.map(ApprovedProcessId);
            let found = store::approved_processes::page(conn, &context.scope, &filter, today, after, limit)?;
            views(conn, context, found)
        },
        |process| process.id.0,
        |data, next_cursor, _| Ok(ApprovedProcessPage { data, next_cursor }),
    )
    .await
}

/// Read an approved process
#[utoipa::path(
    operation_id = "get_approved_process", tag = "approved-processes",
    params(("id" = ApprovedProcessId, Path, description = "Id of the process.")),
    responses((status = 200, description = "The process as it stands today.", body = ApprovedProcessView)),
)]
#[get("/v1/approved-processes/{id}")]
pub async fn get_approved_process(
    caller: Caller<ReadApprovedProcesses>,
    id: PathId<ApprovedProcessId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        let found = store::approved_processes::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?;
        let etag = version_tag(found.process.version);
        Reply::ok(&view(conn, context, found)?, etag)
    })
    .await?;
    Ok(reply.into_response())
}

/// Revoke an approved process
///
/// What it opened is closed from now on, for good.
#[utoipa::path(
    operation_id = "revoke_approved_process", tag = "approved-processes",
    params(("id" = ApprovedProcessId, Path, description = "Id of the process."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = RevokeApprovedProcess, description = "Why."),
    responses(
        (status = 200, description = "The process, revoked.", body = ApprovedProcessView),
        (status = 409, description = "It is revoked already (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/approved-processes/{id}/revoke")]
pub async fn revoke_approved_process(
    caller: Caller<ManageApprovedProcesses>,
    id: PathId<ApprovedProcessId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<RevokeApprovedProcess>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reason = body.value.reason;
    let operation = format!("revoke_approved_process:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let revoked = ops::revoke_approved_process::run(conn, context, id.0, &if_match.0, reason)?;
        let etag = version_tag(revoked.process.version);
        Reply::ok(&view(conn, context, revoked)?, etag)
    })
    .await
}
