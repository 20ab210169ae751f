//! Webhook endpoints: where events are posted to the site's systems, what became of each, and the secrets that sign them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use super::signed_posts::check_url;
use crate::auth::Caller;
use crate::auth::permission::ManageWebhooks;
use crate::domain::alerting::DeliveryError;
use crate::domain::ids::{EventId, WebhookEndpointId};
use crate::error::AppError;
use crate::ops;
use crate::ops::webhook_endpoint::{self, Endpoint};
use crate::outbound::message::test_message;
use crate::outbound::signature;
use crate::state::AppState;
use crate::store;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

mod body;

pub use body::{
    CreateWebhookEndpoint, IssuedWebhookEndpointView, ListWebhookDeliveries, ListWebhookEndpoints, ReplayWebhookEvents,
    RotateWebhookEndpointSecret, UpdateWebhookEndpoint, WebhookDeliveryPage, WebhookDeliveryView, WebhookEndpointPage,
    WebhookEndpointView, WebhookTestView,
};

fn reply(endpoint: WebhookEndpointRow) -> Result<Reply, AppError> {
    let etag = version_tag(endpoint.version);
    Reply::ok(&WebhookEndpointView::from(endpoint), etag)
}

/// Create a webhook endpoint
///
/// From now on events are posted there, as `https` to a public address (Standard Webhooks 1.0.0): the same bodies as in `GET /v1/events`,
/// each at least once, with the event's id as `webhook-id`, soon after it happened and in no promised order. Any 2xx takes one, a
/// redirect is a failure, 410 disables the endpoint. The answer shows the signing secret once. A site has at most twenty endpoints. One that
/// a test key makes gets events of test referrals, and is a test key's alone to see.
#[utoipa::path(
    operation_id = "create_webhook_endpoint", tag = "webhooks",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateWebhookEndpoint, description = "Where to, and which events."),
    responses(
        (status = 201, description = "Made, and its secret shown once.", body = IssuedWebhookEndpointView),
        (status = 409, description = "The site has twenty endpoints (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/webhook-endpoints")]
pub async fn create_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    key: OptionalIdempotencyKey,
    body: Body<CreateWebhookEndpoint>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let CreateWebhookEndpoint { url, event_types } = body.value;
    check_url(&app, &url)?;
    let master = app.master.clone();
    write(&app, &caller, Write::accepting("create_webhook_endpoint", &key, &body.canonical), move |conn, context| {
        let Endpoint { row, secret } = ops::create_webhook_endpoint::run(conn, context, &master, url, event_types)?;
        let (etag, location) = (version_tag(row.version), format!("/v1/webhook-endpoints/{}", row.id));
        let view = WebhookEndpointView::from(row);
        let shown = IssuedWebhookEndpointView::new(view.clone(), secret);
        Reply::created(&shown, etag, location)?.keeping(&IssuedWebhookEndpointView::new(view, None))
    })
    .await
}

/// List webhook endpoints
///
/// In the order in which they were made.
#[utoipa::path(
    operation_id = "list_webhook_endpoints", tag = "webhooks",
    params(ListWebhookEndpoints),
    responses((status = 200, description = "A page of endpoints.", body = WebhookEndpointPage)),
)]
#[get("/v1/webhook-endpoints")]
pub async fn list_webhook_endpoints(
    caller: Caller<ManageWebhooks>,
    query: Query<ListWebhookEndpoints>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_webhook_endpoints", query.cursor.as_deref(), query.limit, &())?;
    page(
        &app,
        &caller,
        &request,
        paging,
        |conn, context, after, limit| {
            let after = after.map(WebhookEndpointId);
            Ok(store::webhook_endpoints::page(conn, &context.scope, context.actor.is_test(), after, limit)?)
        },
        |row: &WebhookEndpointRow| row.id.0,
        |rows, next_cursor, _| {
            Ok(WebhookEndpointPage { data: rows.into_iter().map(WebhookEndpointView::from).collect(), next_cursor })
        },
    )
    .await
}

/// Read a webhook endpoint
///
/// Its signing secret was shown once; it is not stored.
#[utoipa::path(
    operation_id = "get_webhook_endpoint", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint.")),
    responses((status = 200, description = "The endpoint as it is now.", body = WebhookEndpointView)),
)]
#[get("/v1/webhook-endpoints/{id}")]
pub async fn get_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let found = read(&app, &caller, move |conn, context| {
        webhook_endpoint::visible(context, store::webhook_endpoints::find(conn, &context.scope, id.0)?)
    })
    .await?;
    Ok(reply(found)?.into_response())
}

/// Change a webhook endpoint
///
/// Where it is, which events it gets, and whether it gets any. One that was disabled is enabled with `enabled: true`; what happened
/// meanwhile is posted then.
#[utoipa::path(
    operation_id = "update_webhook_endpoint", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), IfMatchHeader),
    request_body(content = UpdateWebhookEndpoint, description = "What to change; `application/merge-patch+json` is taken too."),
    responses((status = 200, description = "The endpoint as it is now.", body = WebhookEndpointView)),
)]
#[patch("/v1/webhook-endpoints/{id}")]
pub async fn update_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    if_match: IfMatch,
    body: Body<UpdateWebhookEndpoint>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    if let Some(url) = &body.value.url {
        check_url(&app, url)?;
    }
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_webhook_endpoint", &body.canonical), move |conn, context| {
        reply(ops::update_webhook_endpoint::run(conn, context, id.0, &if_match.0, patch)?)
    })
    .await
}

/// Delete a webhook endpoint
///
/// Nothing is posted there any more, and its deliveries are forgotten. The feed keeps the events.
#[utoipa::path(
    operation_id = "delete_webhook_endpoint", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), IfMatchHeader),
    responses((status = 204, description = "Deleted.")),
)]
#[delete("/v1/webhook-endpoints/{id}")]
pub async fn delete_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    if_match: IfMatch,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    write(&app, &caller, Write::unkeyed("delete_webhook_endpoint", b""), move |conn, context| {
        ops::update_webhook_endpoint::delete(conn, context, id.0, &if_match.0)?;
        Ok(Reply::gone())
    })
    .await
}

/// Rotate the secret of a webhook endpoint
///
/// The answer shows the new secret once. Until the overlap is over both sign, so that the receiver may change over at any time within.
#[utoipa::path(
    operation_id = "rotate_webhook_endpoint_secret", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = RotateWebhookEndpointSecret, description = "How to rotate it; `{}` for the usual way."),
    responses(
        (status = 200, description = "The endpoint as it is now, with its new secret.", body = IssuedWebhookEndpointView),
        (status = 409, description = "Two secrets sign already (`rotation_in_progress`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/webhook-endpoints/{id}/rotate-secret")]
pub async fn rotate_webhook_endpoint_secret(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<RotateWebhookEndpointSecret>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (overlap, master) = (body.value.overlap(), app.master.clone());
    let operation = format!("rotate_webhook_endpoint_secret:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let Endpoint { row, secret } = ops::update_webhook_endpoint::rotate(conn, context, &master, id.0, &if_match.0, overlap)?;
        let etag = version_tag(row.version);
        let view = WebhookEndpointView::from(row);
        let shown = IssuedWebhookEndpointView::new(view.clone(), secret);
        Reply::ok(&shown, etag)?.keeping(&IssuedWebhookEndpointView::new(view, None))
    })
    .await
}

/// Post events once more
///
/// Everything after a position that the endpoint wants is posted again, with the same ids: after a receiver lost what it had taken, or for
/// deliveries that failed for good.
#[utoipa::path(
    operation_id = "replay_webhook_events", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = ReplayWebhookEvents, description = "From where."),
    responses((status = 200, description = "The endpoint as it is now: it is read on from that position.", body = WebhookEndpointView)),
)]
#[post("/v1/webhook-endpoints/{id}/replay")]
pub async fn replay_webhook_events(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<ReplayWebhookEvents>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (after, operation) = (body.value.after_position, format!("replay_webhook_events:{}", id.0));
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::replay_webhook_events::run(conn, context, id.0, &if_match.0, after)?)
    })
    .await
}

/// Post a test message
///
/// One signed message of type `webhook.test` with an id of its own, at once, to an endpoint that is disabled too; the answer says what
/// came of it. It is no event, has no delivery and is not repeated; a retry with the same `Idempotency-Key` may post another one, and gets
/// the first answer.
#[utoipa::path(
    operation_id = "create_webhook_test", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), OptionalIdempotencyKeyHeader),
    responses((status = 201, description = "Posted, or not: what came of it.", body = WebhookTestView)),
)]
#[post("/v1/webhook-endpoints/{id}/tests")]
pub async fn create_webhook_test(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let endpoint = read(&app, &caller, move |conn, context| {
        webhook_endpoint::visible(context, store::webhook_endpoints::find(conn, &context.scope, id.0)?)
    })
    .await?;
    // Outside any transaction: a receiver may take its time.
    let outcome = post_test(&app, &endpoint).await;
    let operation = format!("create_webhook_test:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        ops::create_webhook_test::run(conn, context, id.0, outcome)?;
        Reply::recorded(&WebhookTestView { delivered: outcome.is_ok(), error: outcome.err() })
    })
    .await
}

async fn post_test(app: &AppState, endpoint: &WebhookEndpointRow) -> Result<(), DeliveryError> {
    let now = app.clock.now();
    let secrets: Vec<[u8; 32]> =
        webhook_endpoint::secrets(&app.master, endpoint, now).into_iter().map(|secret| secret.0).collect();
    if secrets.is_empty() {
        return Err(DeliveryError::WebhookSecretLost);
    }
    let (id, body) = (EventId::at(now), test_message(now));
    let headers = signature::headers(&secrets, &id.to_string(), now.timestamp(), &body);
    app.outbound.http.deliver(endpoint.url.as_str(), &headers, body).await
}

/// List the deliveries of a webhook endpoint
///
/// What became of each event, the newest event first. A delivery is shown until 30 days after it ended.
#[utoipa::path(
    operation_id = "list_webhook_deliveries", tag = "webhooks",
    params(("id" = WebhookEndpointId, Path, description = "Id of the endpoint."), ListWebhookDeliveries),
    responses((status = 200, description = "A page of deliveries.", body = WebhookDeliveryPage)),
)]
#[get("/v1/webhook-endpoints/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    caller: Caller<ManageWebhooks>,
    id: PathId<WebhookEndpointId>,
    query: Query<ListWebhookDeliveries>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (endpoint, query) = (id.0, query.0);
    let status = query.status;
    let paging = Paging::new("list_webhook_deliveries", query.cursor.as_deref(), query.limit, &(endpoint, status))?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before: Option<i64>, limit| {
            webhook_endpoint::visible(context, store::webhook_endpoints::find(conn, &context.scope, endpoint)?)?;
            Ok(store::webhook_deliveries::page(conn, &context.scope, endpoint, status, before, limit)?)
        },
        |row: &WebhookDeliveryRow| row.position,
        |rows, next_cursor, _| {
            Ok(WebhookDeliveryPage { data: rows.into_iter().map(WebhookDeliveryView::from).collect(), next_cursor })
        },
    )
    .await
}
