//! Taking deliveries to one endpoint to send them: for a time, with the attempt begun.

use chrono::Duration;

use super::Context;
use crate::db::Conn;
use crate::domain::ids::WebhookEndpointId;
use crate::error::AppError;
use crate::store;
use crate::store::journal::FeedRow;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// How long an attempt has before another may be begun: longer than a post may take.
pub const LEASED_FOR: Duration = Duration::seconds(60);

/// What was leased: where to, and each delivery with its event.
pub type Leased = (WebhookEndpointRow, Vec<(WebhookDeliveryRow, FeedRow)>);

/// Leases at most `limit` deliveries; `None` when nothing is due, or nothing is sent to the endpoint.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, id: WebhookEndpointId, limit: i64) -> Result<Option<Leased>, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let endpoint = store::webhook_endpoints::find(conn, scope, id)?.filter(|endpoint| endpoint.disabled_at.is_none());
    let Some(endpoint) = endpoint else { return Ok(None) };
    let leased = store::webhook_deliveries::lease(conn, scope, id, (now, now + LEASED_FOR), limit)?;
    Ok((!leased.is_empty()).then_some((endpoint, leased)))
}
