//! What the operations on webhook endpoints share: what the audit trail may hold of one, and its secrets.

use chrono::{DateTime, Utc};

use super::Context;
use super::record::Change;
use super::signing_secret::{self, Kept, SigningSecret};
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// The endpoint with this id, as far as the caller may see it: test keys see those of the test feed alone, and nobody else does.
///
/// # Errors
/// 404 for one that there is not.
pub fn visible(context: &Context, found: Option<WebhookEndpointRow>) -> Result<WebhookEndpointRow, AppError> {
    found.filter(|endpoint| endpoint.is_test == context.actor.is_test()).ok_or_else(AppError::not_found)
}

/// An endpoint as it is now, with its secret when it was just made.
#[derive(Debug)]
pub struct Endpoint {
    /// The endpoint.
    pub row: WebhookEndpointRow,
    /// The secret to be shown once; `None`: it stays what it was.
    pub secret: Option<SigningSecret>,
}

fn facts_of(endpoint: &WebhookEndpointRow) -> Facts {
    Facts::new()
        .tagged("url", endpoint.url.as_str())
        .codes("event_types", endpoint.event_types.0.iter().map(|kind| kind.as_str()))
        .id("secret_id", endpoint.secret_id.0)
        .time("previous_until", endpoint.previous_until)
        .time("disabled_at", endpoint.disabled_at)
        .code("disabled_reason", endpoint.disabled_reason.map(|reason| reason.as_str()))
}

pub(super) fn changed(
    operation: &'static str,
    before: Option<&WebhookEndpointRow>,
    after: Option<&WebhookEndpointRow>,
) -> Option<Change> {
    let id = after.or(before)?.id.0;
    let facts = |endpoint: Option<&WebhookEndpointRow>| endpoint.map_or_else(Facts::new, facts_of);
    Some(Change::new(operation, SubjectKind::WebhookEndpoint, id, facts(before), facts(after)))
}

/// The secrets that sign now, the current one first; none when the master key of the current one is accepted no more.
#[must_use]
pub fn secrets(master: &MasterKey, endpoint: &WebhookEndpointRow, now: DateTime<Utc>) -> Vec<SigningSecret> {
    let previous = match (endpoint.previous_secret_id, &endpoint.previous_key_id, endpoint.previous_until) {
        (Some(id), Some(key_id), Some(until)) => Some((id, key_id.as_slice(), until)),
        _ => None,
    };
    let kept = Kept { id: endpoint.secret_id, key_id: &endpoint.secret_key_id, previous };
    signing_secret::all(master, Purpose::Webhook, endpoint.site_id, kept, now)
}
