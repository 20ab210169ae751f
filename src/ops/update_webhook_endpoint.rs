//! Changing a webhook endpoint: where it is, what it gets and whether it gets anything; its secret; and taking it away.

use chrono::Duration;

use super::record::record;
use super::webhook_endpoint::{Endpoint, changed, visible};
use super::{Context, Expected, signing_secret};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::WebhookEndpointId;
use crate::domain::journal::EventType;
use crate::domain::text::WebUrl;
use crate::domain::webhooks::EndpointDisabledReason;
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// What to change; `None` leaves it.
#[derive(Debug, Default)]
pub struct EndpointPatch {
    /// Where events are posted.
    pub url: Option<WebUrl>,
    /// Which.
    pub event_types: Option<Vec<EventType>>,
    /// Whether.
    pub enabled: Option<bool>,
}

fn locked(
    conn: &mut Conn,
    context: &Context,
    id: WebhookEndpointId,
    expected: &Expected,
) -> Result<WebhookEndpointRow, AppError> {
    let found = visible(context, store::webhook_endpoints::lock(conn, &context.scope, id)?)?;
    expected.check(found.version)?;
    Ok(found)
}

/// Changes it. Enabled again it gets what happened meanwhile; what had failed for good is sent again by `replay`.
///
/// # Errors
/// 404 for an unknown one, 412 when it has changed since it was read.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: WebhookEndpointId,
    expected: &Expected,
    patch: EndpointPatch,
) -> Result<WebhookEndpointRow, AppError> {
    let before = locked(conn, context, id, expected)?;
    let mut after = before.clone();
    if let Some(url) = patch.url {
        after.url = url;
    }
    if let Some(event_types) = patch.event_types {
        after.event_types = CodeList(event_types);
    }
    match (patch.enabled, before.disabled_at) {
        (Some(true), Some(_)) => (after.disabled_at, after.disabled_reason) = (None, None),
        (Some(false), None) => {
            (after.disabled_at, after.disabled_reason) = (Some(context.now), Some(EndpointDisabledReason::SwitchedOff));
        }
        _ => {}
    }
    if after == before {
        return Ok(before);
    }
    // Whether it works as it is now is not known yet.
    after.failing_since = None;
    (after.version, after.updated_at) = (before.version + 1, context.now);
    store::webhook_endpoints::update(conn, &context.scope, &after)?;
    record(conn, context, changed("update_webhook_endpoint", Some(&before), Some(&after)))?;
    Ok(after)
}

/// Takes it away, with its deliveries: its secrets sign nothing any more.
///
/// # Errors
/// As [`run`].
pub fn delete(conn: &mut Conn, context: &Context, id: WebhookEndpointId, expected: &Expected) -> Result<(), AppError> {
    let endpoint = locked(conn, context, id, expected)?;
    store::webhook_endpoints::delete(conn, &context.scope, id)?;
    record(conn, context, changed("delete_webhook_endpoint", Some(&endpoint), None))
}

/// Makes another secret; the present one signs beside it until the overlap is over.
///
/// # Errors
/// As [`run`], and 409 while an earlier rotation goes on.
pub fn rotate(
    conn: &mut Conn,
    context: &Context,
    master: &MasterKey,
    id: WebhookEndpointId,
    expected: &Expected,
    overlap: Duration,
) -> Result<Endpoint, AppError> {
    let (now, goes_on) = (context.now, overlap > Duration::zero());
    let before = locked(conn, context, id, expected)?;
    if before.previous_until.is_some_and(|until| until > now) && goes_on {
        return Err(AppError::new(ErrorCode::RotationInProgress)
            .with_detail("Two secrets sign already. Wait for the overlap to end, or rotate with `overlap_hours` 0, which ends all but the new one."));
    }
    let (secret_id, secret_key_id, secret) = signing_secret::fresh(master, Purpose::Webhook, context);
    let row = WebhookEndpointRow {
        secret_id,
        secret_key_id,
        previous_secret_id: goes_on.then_some(before.secret_id),
        previous_key_id: goes_on.then(|| before.secret_key_id.clone()),
        previous_until: goes_on.then(|| now + overlap),
        version: before.version + 1,
        updated_at: now,
        ..before.clone()
    };
    store::webhook_endpoints::update(conn, &context.scope, &row)?;
    record(conn, context, changed("rotate_webhook_endpoint_secret", Some(&before), Some(&row)))?;
    Ok(Endpoint { row, secret: Some(secret) })
}
