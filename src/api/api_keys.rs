//! API keys: issued and rotated with their text shown once, listed without it, revoked at once.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{Body, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::ManageApiKeys;
use crate::domain::ids::ApiKeyId;
use crate::error::AppError;
use crate::ops::issue_key::Issued;
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::api_keys::{ApiKeyContext, Filter};

mod body;

pub use body::{ApiKeyPage, ApiKeyView, CreateApiKey, IssuedApiKeyView, ListApiKeys, RevokeApiKey, RotateApiKey};

fn reply(found: ApiKeyContext, context: &Context) -> Result<Reply, AppError> {
    let etag = version_tag(found.key.version);
    Reply::ok(&ApiKeyView::new(found, context.now), etag)
}

/// 201 with the key's text; what is kept for a retry is without.
fn issued(issued: Issued, context: &Context) -> Result<Reply, AppError> {
    let (etag, location) = (version_tag(issued.key.key.version), format!("/v1/api-keys/{}", issued.key.key.id));
    let view = ApiKeyView::new(issued.key, context.now);
    let shown = IssuedApiKeyView::new(view.clone(), Some(issued.secret));
    Reply::created(&shown, etag, location)?.keeping(&IssuedApiKeyView::new(view, None))
}

/// Issue an API key
///
/// The answer shows the key once, as `secret`: it is not stored. A retry with the same `Idempotency-Key` answers the same resource
/// with `secret_already_shown: true` and no secret. A site key cannot manage keys.
#[utoipa::path(
    operation_id = "create_api_key", tag = "api-keys",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateApiKey, description = "The key to issue."),
    responses(
        (status = 201, description = "Issued, and shown once.", body = IssuedApiKeyView),
        (status = 409, description = "The holder has an active key of this name and mode: rotate that one (`already_exists`); the partner has ended (`state_conflict`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/api-keys")]
pub async fn create_api_key(
    caller: Caller<ManageApiKeys>,
    key: OptionalIdempotencyKey,
    body: Body<CreateApiKey>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value.into();
    write(&app, &caller, Write::accepting("create_api_key", &key, &body.canonical), move |conn, context| {
        issued(ops::issue_key::run(conn, context, new)?, context)
    })
    .await
}

/// List API keys
///
/// Keys stay listed after their end: their ids stand in the audit trail.
#[utoipa::path(
    operation_id = "list_api_keys", tag = "api-keys",
    params(ListApiKeys),
    responses((status = 200, description = "A page of API keys.", body = ApiKeyPage)),
)]
#[get("/v1/api-keys")]
pub async fn list_api_keys(
    caller: Caller<ManageApiKeys>,
    query: Query<ListApiKeys>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filters = (&query.partner, &query.status);
    let paging = Paging::new("list_api_keys", query.cursor.as_deref(), query.limit, &filters)?;
    let filter = Filter { partner: query.partner.clone(), status: query.status };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            Ok(store::api_keys::page(conn, &context.scope, &filter, context.now, after.map(ApiKeyId), limit)?)
        },
        |found: &ApiKeyContext| found.key.id.0,
        |found, next_cursor, context| {
            Ok(ApiKeyPage { data: found.into_iter().map(|found| ApiKeyView::new(found, context.now)).collect(), next_cursor })
        },
    )
    .await
}

/// Read an API key
#[utoipa::path(
    operation_id = "get_api_key", tag = "api-keys",
    params(("id" = ApiKeyId, Path, description = "Id of the key (not the key itself).")),
    responses((status = 200, description = "The key as it stands now, without the key itself.", body = ApiKeyView)),
)]
#[get("/v1/api-keys/{id}")]
pub async fn get_api_key(
    caller: Caller<ManageApiKeys>,
    id: PathId<ApiKeyId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let answer = read(&app, &caller, move |conn, context| {
        let found = store::api_keys::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?;
        reply(found, context)
    });
    Ok(answer.await?.into_response())
}

/// Rotate an API key
///
/// Makes a new key of the same name, holder, scopes and mode, shown once as `secret`; the old one goes on until the overlap ends.
/// Both are the same caller to idempotency keys and cursors. It needs no `If-Match`: a key changes by rotation and revocation
/// alone, and a second rotation is refused while two keys of the name are active.
#[utoipa::path(
    operation_id = "rotate_api_key", tag = "api-keys",
    params(("id" = ApiKeyId, Path, description = "Id of the key to rotate."), OptionalIdempotencyKeyHeader),
    request_body(content = RotateApiKey, description = "How to rotate it; `{}` for the usual way."),
    responses(
        (status = 201, description = "The new key, shown once.", body = IssuedApiKeyView),
        (status = 409, description = "Two keys of this name are active (`rotation_in_progress`); the key is revoked or expired, or its partner has ended: issue a new one (`state_conflict`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/api-keys/{id}/rotate")]
pub async fn rotate_api_key(
    caller: Caller<ManageApiKeys>,
    id: PathId<ApiKeyId>,
    key: OptionalIdempotencyKey,
    body: Body<RotateApiKey>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let rotation = body.value.into();
    let operation = format!("rotate_api_key:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        issued(ops::rotate_key::run(conn, context, id.0, rotation)?, context)
    })
    .await
}

/// Revoke an API key
///
/// The server that answers this refuses the next request with it, every other one within five seconds. It cannot be taken back. It needs
/// no `If-Match`: a key that leaked is revoked whatever has become of it.
#[utoipa::path(
    operation_id = "revoke_api_key", tag = "api-keys",
    params(("id" = ApiKeyId, Path, description = "Id of the key to revoke."), OptionalIdempotencyKeyHeader),
    request_body(content = RevokeApiKey, description = "Why, if you like; `{}` will do."),
    responses(
        (status = 200, description = "Revoked.", body = ApiKeyView),
        (status = 409, description = "The key is revoked already (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/api-keys/{id}/revoke")]
pub async fn revoke_api_key(
    caller: Caller<ManageApiKeys>,
    id: PathId<ApiKeyId>,
    key: OptionalIdempotencyKey,
    body: Body<RevokeApiKey>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reason = body.value.reason;
    let operation = format!("revoke_api_key:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::revoke_key::run(conn, context, id.0, reason)?, context)
    })
    .await
}
