//! The site's alert webhook: where alerts are posted to members who chose that channel, and the secret that signs them.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post, put};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader};
use super::idempotency::{Write, write};
use super::read::read;
use super::reply::{Reply, version_tag};
use super::signed_posts::check_url;
use crate::auth::Caller;
use crate::auth::permission::ManageSite;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;

mod body;

pub use body::{AlertWebhookView, IssuedAlertWebhookView, RotateAlertWebhookSecret, SetAlertWebhook};

/// Read the alert webhook
///
/// Its signing secret was shown once; it is not stored.
#[utoipa::path(
    operation_id = "get_alert_webhook", tag = "alerts",
    responses(
        (status = 200, description = "The webhook as it is now.", body = AlertWebhookView),
        (status = 404, description = "The site has none (`not_found`)."),
    ),
)]
#[get("/v1/alert-webhook")]
pub async fn get_alert_webhook(caller: Caller<ManageSite>, app: Data<AppState>) -> Result<HttpResponse, AppError> {
    let found =
        read(&app, &caller, |conn, context| store::alert_webhooks::find(conn, &context.scope)?.ok_or_else(AppError::not_found))
            .await?;
    let etag = version_tag(found.version);
    Ok(Reply::ok(&AlertWebhookView::from(found), etag)?.into_response())
}

/// Set the alert webhook
///
/// Where alerts are posted to members with the channel `webhook`, as `https` to a public address (Standard Webhooks 1.0.0): any 2xx
/// takes one, a redirect is a failure, 410 disables the webhook. The first time (`If-Match: *`) the answer shows the signing secret
/// once. Another URL keeps the secret; a webhook that was disabled is enabled again.
#[utoipa::path(
    operation_id = "set_alert_webhook", tag = "alerts",
    params(IfMatchHeader),
    request_body(content = SetAlertWebhook, description = "Where to."),
    responses(
        (status = 200, description = "Moved.", body = AlertWebhookView),
        (status = 201, description = "Set, and its secret shown once.", body = IssuedAlertWebhookView),
    ),
)]
#[put("/v1/alert-webhook")]
pub async fn set_alert_webhook(
    caller: Caller<ManageSite>,
    if_match: IfMatch,
    body: Body<SetAlertWebhook>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let url = body.value.url;
    check_url(&app, &url)?;
    let master = app.master.clone();
    write(&app, &caller, Write::unkeyed("set_alert_webhook", &body.canonical), move |conn, context| {
        let set = ops::set_alert_webhook::run(conn, context, &master, &if_match.0, url)?;
        let etag = version_tag(set.webhook.version);
        let view = AlertWebhookView::from(set.webhook);
        match set.secret {
            Some(secret) => {
                Reply::created(&IssuedAlertWebhookView::new(view, Some(secret)), etag, "/v1/alert-webhook".to_owned())
            }
            None => Reply::ok(&view, etag),
        }
    })
    .await
}

/// Delete the alert webhook
///
/// Nothing is posted any more. One that is set later has another secret.
#[utoipa::path(
    operation_id = "delete_alert_webhook", tag = "alerts",
    params(IfMatchHeader),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "The site has none (`not_found`)."),
    ),
)]
#[delete("/v1/alert-webhook")]
pub async fn delete_alert_webhook(
    caller: Caller<ManageSite>,
    if_match: IfMatch,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    write(&app, &caller, Write::unkeyed("delete_alert_webhook", b""), move |conn, context| {
        ops::set_alert_webhook::delete(conn, context, &if_match.0)?;
        Ok(Reply::gone())
    })
    .await
}

/// Rotate the secret of the alert webhook
///
/// The answer shows the new secret once. Until the overlap is over both sign, so that the receiver may change over at any time within.
#[utoipa::path(
    operation_id = "rotate_alert_webhook_secret", tag = "alerts",
    params(IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = RotateAlertWebhookSecret, description = "How to rotate it; `{}` for the usual way."),
    responses(
        (status = 200, description = "The webhook as it is now, with its new secret.", body = IssuedAlertWebhookView),
        (status = 404, description = "The site has none (`not_found`)."),
        (status = 409, description = "Two secrets sign already (`rotation_in_progress`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/alert-webhook/rotate-secret")]
pub async fn rotate_alert_webhook_secret(
    caller: Caller<ManageSite>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<RotateAlertWebhookSecret>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let overlap = body.value.overlap();
    let master = app.master.clone();
    write(&app, &caller, Write::accepting("rotate_alert_webhook_secret", &key, &body.canonical), move |conn, context| {
        let set = ops::set_alert_webhook::rotate(conn, context, &master, &if_match.0, overlap)?;
        let etag = version_tag(set.webhook.version);
        let view = AlertWebhookView::from(set.webhook);
        let shown = IssuedAlertWebhookView::new(view.clone(), set.secret);
        Reply::ok(&shown, etag)?.keeping(&IssuedAlertWebhookView::new(view, None))
    })
    .await
}
