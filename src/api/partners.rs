//! Partners: the organisations that refer.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for, version_tag};
use crate::auth::permission::{ManageConfiguration, ReadConfiguration};
use crate::auth::{Actor, Caller};
use crate::domain::ids::PartnerId;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::partners::PartnerRow;

mod body;

pub use body::{
    CreatePartner, ListPartners, PartnerBody, PartnerOwnView, PartnerPage, PartnerView, TransitionPartner, UpdatePartner,
};

/// The partner as this caller sees it: the site with what it has to look at, the partner itself without.
fn view(row: PartnerRow, actor: &Actor) -> PartnerBody {
    match actor {
        Actor::Partner(_) => PartnerBody::Partner(PartnerOwnView::from(row)),
        _ => PartnerBody::Site(PartnerView::from(row)),
    }
}

fn reply(row: PartnerRow, actor: &Actor) -> Result<Reply, AppError> {
    let version = row.version;
    let view = view(row, actor);
    Reply::ok(&view, tag_for(actor, version, &view)?)
}

/// Register a partner
///
/// It starts as a draft and refers nobody before it is active.
#[utoipa::path(
    operation_id = "create_partner", tag = "partners",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreatePartner, description = "The partner to register."),
    responses(
        (status = 201, description = "Registered.", body = PartnerView),
        (status = 409, description = "Another partner has this code (`already_exists`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/partners")]
pub async fn create_partner(
    caller: Caller<ManageConfiguration>,
    key: OptionalIdempotencyKey,
    body: Body<CreatePartner>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value;
    write(&app, &caller, Write::accepting("create_partner", &key, &body.canonical), move |conn, context| {
        let new = ops::create_partner::NewPartner {
            code: new.code,
            name: new.name,
            partner_type: new.partner_type,
            jurisdiction: new.jurisdiction,
            remuneration_basis: new.remuneration_basis,
        };
        let row = ops::create_partner::run(conn, context, new)?;
        let (etag, location) = (version_tag(row.version), format!("/v1/partners/{}", row.id));
        Reply::created(&PartnerView::from(row), etag, location)
    })
    .await
}

/// List partners
///
/// A partner sees itself alone.
#[utoipa::path(
    operation_id = "list_partners", tag = "partners",
    params(ListPartners),
    responses((status = 200, description = "A page of partners.", body = PartnerPage)),
)]
#[get("/v1/partners")]
pub async fn list_partners(
    caller: Caller<ReadConfiguration>,
    query: Query<ListPartners>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_partners", query.cursor.as_deref(), query.limit, &query.status)?;
    let status = query.status;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| Ok(store::partners::page(conn, &context.scope, status, after.map(PartnerId), limit)?),
        |row: &PartnerRow| row.id.0,
        |rows, next_cursor, context| {
            Ok(PartnerPage { data: rows.into_iter().map(|row| view(row, &context.actor)).collect(), next_cursor })
        },
    )
    .await
}

/// Read a partner
#[utoipa::path(
    operation_id = "get_partner", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner.")),
    responses((status = 200, description = "The partner as it is now.", body = PartnerBody)),
)]
#[get("/v1/partners/{id}")]
pub async fn get_partner(
    caller: Caller<ReadConfiguration>,
    id: PathId<PartnerId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let row = read(&app, &caller, move |conn, context| {
        store::partners::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)
    })
    .await?;
    Ok(reply(row, &caller.actor)?.into_response())
}

/// Change a partner
///
/// The code stays as it is: it stands in exports and in other systems.
#[utoipa::path(
    operation_id = "update_partner", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner."), IfMatchHeader),
    request_body(content = UpdatePartner, description = "What to change; `application/merge-patch+json` is taken too."),
    responses((status = 200, description = "The partner as it is now.", body = PartnerView)),
)]
#[patch("/v1/partners/{id}")]
pub async fn update_partner(
    caller: Caller<ManageConfiguration>,
    id: PathId<PartnerId>,
    if_match: IfMatch,
    body: Body<UpdatePartner>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value;
    write(&app, &caller, Write::unkeyed("update_partner", &body.canonical), move |conn, context| {
        let patch = ops::update_partner::PartnerPatch {
            name: patch.name,
            partner_type: patch.partner_type,
            jurisdiction: patch.jurisdiction,
            remuneration_basis: patch.remuneration_basis,
        };
        reply(ops::update_partner::run(conn, context, id.0, &if_match.0, patch)?, &context.actor)
    })
    .await
}

/// Move a partner through its lifecycle
///
/// `draft → language_pending → test_pending → active ⇄ paused → ended`. Only an active partner refers; the keys of an ended one
/// no longer work.
///
/// What it sent goes on, whatever becomes of the partner. When it ends, what waited for it goes back to the state it left, with the next action `confirm_close`.
#[utoipa::path(
    operation_id = "transition_partner", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = TransitionPartner, description = "Where to move it."),
    responses(
        (status = 200, description = "The partner as it is now.", body = PartnerView),
        (status = 409, description = "The state does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/partners/{id}/transitions")]
pub async fn transition_partner(
    caller: Caller<ManageConfiguration>,
    id: PathId<PartnerId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<TransitionPartner>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let to = body.value.to;
    let operation = format!("transition_partner:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::move_partner::run(conn, context, id.0, &if_match.0, to)?, &context.actor)
    })
    .await
}
