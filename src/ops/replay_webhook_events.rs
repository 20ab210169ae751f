//! Sending events to an endpoint once more: how far it was read goes back, and everything after is begun anew.

use super::record::{Change, record};
use super::webhook_endpoint::visible;
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::store;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Goes back to this position of the feed.
///
/// # Errors
/// 404 for an unknown endpoint, 412 when it has changed since it was read, 422 for a position that it was not read up to.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: WebhookEndpointId,
    expected: &Expected,
    after_position: i64,
) -> Result<WebhookEndpointRow, AppError> {
    let before = visible(context, store::webhook_endpoints::lock(conn, &context.scope, id)?)?;
    expected.check(before.version)?;
    if after_position > before.position {
        let message = "The endpoint has not been sent events beyond its `position`. Send one that is not after it.";
        return Err(AppError::invalid(vec![Fault::new("/after_position", FaultCode::OutOfRange, message)]));
    }
    let after =
        WebhookEndpointRow { position: after_position, version: before.version + 1, updated_at: context.now, ..before.clone() };
    store::webhook_endpoints::update(conn, &context.scope, &after)?;
    let facts = |row: &WebhookEndpointRow| Facts::new().slug("position", &row.position.to_string());
    let change = Change::new("replay_webhook_events", SubjectKind::WebhookEndpoint, id.0, facts(&before), facts(&after));
    record(conn, context, [change])?;
    Ok(after)
}
