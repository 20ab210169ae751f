//! Partners: the organisations that refer.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::extract::{
    Body, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query, contract,
};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for, version_tag};
use crate::auth::permission::{ManageConfiguration, ReadConfiguration};
use crate::auth::{Actor, Caller};
use crate::domain::ids::PartnerId;
use crate::domain::text::{Code, Jurisdiction, PublicName};
use crate::domain::vocabulary::{PartnerStatus, PartnerType, RemunerationBasis};
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::partners::PartnerRow;

/// A partner to register.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "lakeside-cardiology", "name": "Lakeside Cardiology", "partner_type": "specialty_clinic", "jurisdiction": "US-NY",
    "remuneration_basis": "none"
}))]
pub struct CreatePartner {
    /// Site-unique code. It never changes.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is; the grounds of contact it may state follow from it.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated, if at all.
    pub remuneration_basis: RemunerationBasis,
}
contract!(CreatePartner);

/// A change to a partner (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Lakeside Cardiology Group"}))]
pub struct UpdatePartner {
    /// What people call it.
    #[schema(nullable = false)]
    pub name: Option<PublicName>,
    /// What kind of organisation it is.
    #[schema(nullable = false)]
    pub partner_type: Option<PartnerType>,
    /// Where it is established.
    #[schema(nullable = false)]
    pub jurisdiction: Option<Jurisdiction>,
    /// How it is remunerated, if at all.
    #[schema(nullable = false)]
    pub remuneration_basis: Option<RemunerationBasis>,
}
contract!(UpdatePartner);

/// Where to move a partner.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "language_pending"}))]
pub struct TransitionPartner {
    /// The state to move to; `suspended` is set by a guard alone.
    pub to: PartnerStatus,
}
contract!(TransitionPartner);

/// A partner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "code": "lakeside-cardiology", "name": "Lakeside Cardiology",
    "partner_type": "specialty_clinic", "jurisdiction": "US-NY", "remuneration_basis": "none", "status": "active"
}))]
pub struct PartnerView {
    /// Id of the partner.
    pub id: PartnerId,
    /// Site-unique code.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated, if at all.
    pub remuneration_basis: RemunerationBasis,
    /// Where it stands.
    pub status: PartnerStatus,
}

impl From<PartnerRow> for PartnerView {
    fn from(row: PartnerRow) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            partner_type: row.partner_type,
            jurisdiction: row.jurisdiction,
            remuneration_basis: row.remuneration_basis,
            status: row.status,
        }
    }
}

/// A page of partners.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerPage {
    /// The partners, in the order in which they were registered.
    #[schema(max_items = 200)]
    pub data: Vec<PartnerView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which partners to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPartners {
    /// Only partners in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<PartnerStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListPartners);

fn reply(row: PartnerRow, actor: &Actor) -> Result<Reply, AppError> {
    let version = row.version;
    let view = PartnerView::from(row);
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
        |rows, next_cursor, _| Ok(PartnerPage { data: rows.into_iter().map(PartnerView::from).collect(), next_cursor }),
    )
    .await
}

/// Read a partner
#[utoipa::path(
    operation_id = "get_partner", tag = "partners",
    params(("id" = PartnerId, Path, description = "Id of the partner.")),
    responses((status = 200, description = "The partner as it is now.", body = PartnerView)),
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
