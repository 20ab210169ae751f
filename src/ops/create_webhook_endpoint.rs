//! A place where the site's systems want its events posted.

use super::record::record;
use super::webhook_endpoint::{Endpoint, changed};
use super::{Context, signing_secret};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::WebhookEndpointId;
use crate::domain::journal::EventType;
use crate::domain::text::WebUrl;
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Endpoints of one site at the most: each event is posted to each of them.
pub const MOST: i64 = 20;

/// Makes one that gets what happens from now on.
///
/// # Errors
/// 409 when the site has as many as it may.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    master: &MasterKey,
    url: WebUrl,
    event_types: Vec<EventType>,
) -> Result<Endpoint, AppError> {
    let (scope, now, is_test) = (&context.scope, context.now, context.actor.is_test());
    if store::webhook_endpoints::count(conn, scope)? >= MOST {
        let detail =
            "The site has twenty webhook endpoints, and no more are taken. Delete one, or let a system of yours pass events on.";
        return Err(AppError::new(ErrorCode::StateConflict).with_detail(detail));
    }
    let (secret_id, secret_key_id, secret) = signing_secret::fresh(master, Purpose::Webhook, context);
    let row = WebhookEndpointRow {
        site_id: scope.site(),
        id: WebhookEndpointId::at(now),
        url,
        event_types: CodeList(event_types),
        is_test,
        position: store::journal::head(conn, scope)?.map_or(0, |head| head.end(is_test)),
        secret_id,
        secret_key_id,
        previous_secret_id: None,
        previous_key_id: None,
        previous_until: None,
        failing_since: None,
        disabled_at: None,
        disabled_reason: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store::webhook_endpoints::insert(conn, &row)?;
    record(conn, context, changed("create_webhook_endpoint", None, Some(&row)))?;
    Ok(Endpoint { row, secret: Some(secret) })
}
