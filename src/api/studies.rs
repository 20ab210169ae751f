//! Studies: what people are referred to.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::extract::{
    Body, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query, contract, present,
};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for, version_tag};
use crate::auth::permission::{ManageConfiguration, ReadConfiguration};
use crate::auth::{Actor, Caller};
use crate::domain::ids::StudyId;
use crate::domain::text::{Code, ProtocolCode, PublicName, RegistryId, ShortDescription};
use crate::domain::vocabulary::StudyStatus;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::studies::StudyRow;

/// A study to register.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "heart-2026", "public_name": "Heart Rhythm Study",
    "short_description": "A study of two approaches to heart rhythm care. The study team explains who may take part.",
    "protocol_code": "HRT-2026-01", "registry_id": "NCT01234567"
}))]
pub struct CreateStudy {
    /// Site-unique code; partners send it with each referral. It never changes.
    pub code: Code,
    /// Name for the public.
    pub public_name: PublicName,
    /// Description for the public, in approved words.
    pub short_description: ShortDescription,
    /// The sponsor's protocol code.
    pub protocol_code: ProtocolCode,
    /// Id in a public registry.
    pub registry_id: Option<RegistryId>,
}
contract!(CreateStudy);

/// A change to a study (JSON Merge Patch): absent leaves a field, `null` clears it where it may be empty.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"public_name": "Heart Rhythm Study 2", "registry_id": null}))]
pub struct UpdateStudy {
    /// Name for the public.
    #[schema(nullable = false)]
    pub public_name: Option<PublicName>,
    /// Description for the public, in approved words.
    #[schema(nullable = false)]
    pub short_description: Option<ShortDescription>,
    /// The sponsor's protocol code.
    #[schema(nullable = false)]
    pub protocol_code: Option<ProtocolCode>,
    /// Id in a public registry; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RegistryId>)]
    pub registry_id: Option<Option<RegistryId>>,
}
contract!(UpdateStudy);

/// Where to move a study.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "paused"}))]
pub struct TransitionStudy {
    /// The state to move to.
    pub to: StudyStatus,
}
contract!(TransitionStudy);

/// A study.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "code": "heart-2026", "public_name": "Heart Rhythm Study",
    "short_description": "A study of two approaches to heart rhythm care. The study team explains who may take part.",
    "protocol_code": "HRT-2026-01", "registry_id": "NCT01234567", "status": "open"
}))]
pub struct StudyView {
    /// Id of the study.
    pub id: StudyId,
    /// Site-unique code; partners send it with each referral.
    pub code: Code,
    /// Name for the public.
    pub public_name: PublicName,
    /// Description for the public, in approved words.
    pub short_description: ShortDescription,
    /// The sponsor's protocol code.
    pub protocol_code: ProtocolCode,
    /// Id in a public registry.
    pub registry_id: Option<RegistryId>,
    /// Whether it takes referrals.
    pub status: StudyStatus,
}

impl From<StudyRow> for StudyView {
    fn from(row: StudyRow) -> Self {
        Self {
            id: row.id,
            code: row.code,
            public_name: row.public_name,
            short_description: row.short_description,
            protocol_code: row.protocol_code,
            registry_id: row.registry_id,
            status: row.status,
        }
    }
}

/// A page of studies.
#[derive(Debug, Serialize, ToSchema)]
pub struct StudyPage {
    /// The studies, in the order in which they were registered.
    #[schema(max_items = 200)]
    pub data: Vec<StudyView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which studies to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListStudies {
    /// Only studies in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<StudyStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListStudies);

fn reply(row: StudyRow, actor: &Actor) -> Result<Reply, AppError> {
    let version = row.version;
    let view = StudyView::from(row);
    Reply::ok(&view, tag_for(actor, version, &view)?)
}

/// Register a study
///
/// The study is open at once and takes nobody before a handoff route for it is launched.
#[utoipa::path(
    operation_id = "create_study", tag = "studies",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateStudy, description = "The study to register."),
    responses(
        (status = 201, description = "Registered.", body = StudyView),
        (status = 409, description = "Another study has this code (`already_exists`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/studies")]
pub async fn create_study(
    caller: Caller<ManageConfiguration>,
    key: OptionalIdempotencyKey,
    body: Body<CreateStudy>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value;
    write(&app, &caller, Write::accepting("create_study", &key, &body.canonical), move |conn, context| {
        let new = ops::create_study::NewStudy {
            code: new.code,
            public_name: new.public_name,
            short_description: new.short_description,
            protocol_code: new.protocol_code,
            registry_id: new.registry_id,
        };
        let row = ops::create_study::run(conn, context, new)?;
        let (etag, location) = (version_tag(row.version), format!("/v1/studies/{}", row.id));
        Reply::created(&StudyView::from(row), etag, location)
    })
    .await
}

/// List studies
///
/// A partner sees the studies that it has a handoff route for.
#[utoipa::path(
    operation_id = "list_studies", tag = "studies",
    params(ListStudies),
    responses((status = 200, description = "A page of studies.", body = StudyPage)),
)]
#[get("/v1/studies")]
pub async fn list_studies(
    caller: Caller<ReadConfiguration>,
    query: Query<ListStudies>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_studies", query.cursor.as_deref(), query.limit, &query.status)?;
    let status = query.status;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| Ok(store::studies::page(conn, &context.scope, status, after.map(StudyId), limit)?),
        |row: &StudyRow| row.id.0,
        |rows, next_cursor, _| Ok(StudyPage { data: rows.into_iter().map(StudyView::from).collect(), next_cursor }),
    )
    .await
}

/// Read a study
#[utoipa::path(
    operation_id = "get_study", tag = "studies",
    params(("id" = StudyId, Path, description = "Id of the study.")),
    responses((status = 200, description = "The study as it is now.", body = StudyView)),
)]
#[get("/v1/studies/{id}")]
pub async fn get_study(
    caller: Caller<ReadConfiguration>,
    id: PathId<StudyId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let row = read(&app, &caller, move |conn, context| {
        store::studies::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)
    })
    .await?;
    Ok(reply(row, &caller.actor)?.into_response())
}

/// Change a study
///
/// The code stays as it is: partners know it.
#[utoipa::path(
    operation_id = "update_study", tag = "studies",
    params(("id" = StudyId, Path, description = "Id of the study."), IfMatchHeader),
    request_body(content = UpdateStudy, description = "What to change; `application/merge-patch+json` is taken too."),
    responses((status = 200, description = "The study as it is now.", body = StudyView)),
)]
#[patch("/v1/studies/{id}")]
pub async fn update_study(
    caller: Caller<ManageConfiguration>,
    id: PathId<StudyId>,
    if_match: IfMatch,
    body: Body<UpdateStudy>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value;
    write(&app, &caller, Write::unkeyed("update_study", &body.canonical), move |conn, context| {
        let patch = ops::update_study::StudyPatch {
            public_name: patch.public_name,
            short_description: patch.short_description,
            protocol_code: patch.protocol_code,
            registry_id: patch.registry_id,
        };
        reply(ops::update_study::run(conn, context, id.0, &if_match.0, patch)?, &context.actor)
    })
    .await
}

/// Open, pause or close a study
///
/// Pausing puts its referrals in flight on hold with the blocker `study_paused`; opening it again returns them to the state and the
/// blocker they left, and what is due is due anew. While it is paused, nothing gets into flight. A closed study stays closed: nobody is
/// closed with it, but the next action on each of its referrals is `confirm_close`.
#[utoipa::path(
    operation_id = "transition_study", tag = "studies",
    params(("id" = StudyId, Path, description = "Id of the study."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = TransitionStudy, description = "Where to move it."),
    responses(
        (status = 200, description = "The study as it is now.", body = StudyView),
        (status = 409, description = "The state does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/studies/{id}/transitions")]
pub async fn transition_study(
    caller: Caller<ManageConfiguration>,
    id: PathId<StudyId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<TransitionStudy>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let to = body.value.to;
    let operation = format!("transition_study:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::move_study::run(conn, context, id.0, &if_match.0, to)?, &context.actor)
    })
    .await
}
