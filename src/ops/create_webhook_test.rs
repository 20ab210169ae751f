//! A test message to an endpoint: that it was posted, and what came of it, stands in the audit trail.

use super::Context;
use super::record::{Change, record};
use crate::db::Conn;
use crate::domain::alerting::DeliveryError;
use crate::domain::ids::WebhookEndpointId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;

/// Records it.
///
/// # Errors
/// A database failure.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: WebhookEndpointId,
    outcome: Result<(), DeliveryError>,
) -> Result<(), AppError> {
    let facts = Facts::new().flag("delivered", outcome.is_ok()).code("error", outcome.err().map(DeliveryError::as_str));
    record(conn, context, [Change::made("create_webhook_test", SubjectKind::WebhookEndpoint, id.0, facts)])
}
