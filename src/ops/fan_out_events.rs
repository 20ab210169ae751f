//! Giving events of the feed a delivery to every endpoint that wants them.

use super::Context;
use crate::db::Conn;
use crate::domain::alerting::DeliveryStatus;
use crate::error::AppError;
use crate::store;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Events of one pass for one endpoint.
const BATCH: i64 = 1_000;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FannedOut {
    /// Deliveries begun.
    pub count: usize,
    /// Whether more events wait.
    pub more: bool,
}

/// Reads each endpoint of the context's site on to the end of its feed, a stretch at a time.
///
/// # Errors
/// A database failure: the pass is undone as a whole, and the next one does it.
pub fn run(conn: &mut Conn, context: &Context) -> Result<FannedOut, AppError> {
    let mut fanned_out = FannedOut { count: 0, more: false };
    let Some(head) = store::journal::head(conn, &context.scope)? else { return Ok(fanned_out) };
    for is_test in [false, true] {
        let end = head.end(is_test);
        for endpoint in store::webhook_endpoints::lock_behind(conn, &context.scope, is_test, end)? {
            let until = end.min(endpoint.position + BATCH);
            fanned_out.count += read_on(conn, context, &endpoint, until)?;
            fanned_out.more |= until < end;
        }
    }
    Ok(fanned_out)
}

/// Gives an endpoint its deliveries up to a position; how many.
fn read_on(conn: &mut Conn, context: &Context, endpoint: &WebhookEndpointRow, until: i64) -> Result<usize, AppError> {
    let (scope, now, wanted) = (&context.scope, context.now, &endpoint.event_types.0);
    let events = store::journal::feed(conn, scope, endpoint.is_test, None, (endpoint.position, until), BATCH)?;
    let deliveries: Vec<WebhookDeliveryRow> = events
        .into_iter()
        .filter(|event| wanted.is_empty() || wanted.contains(&event.event_type))
        .map(|event| WebhookDeliveryRow {
            site_id: scope.site(),
            endpoint_id: endpoint.id,
            position: event.position,
            event_id: event.id,
            event_type: event.event_type,
            status: DeliveryStatus::Pending,
            attempts: 0,
            failures: 0,
            next_attempt_at: Some(now),
            leased_until: None,
            last_error: None,
            created_at: now,
            ended_at: None,
        })
        .collect();
    store::webhook_deliveries::begin(conn, &deliveries)?;
    store::webhook_endpoints::reached(conn, scope, endpoint.id, until)?;
    Ok(deliveries.len())
}
