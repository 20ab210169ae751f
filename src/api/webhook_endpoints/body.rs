//! What goes in and out of webhook endpoints.

use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::api::signed_posts;
use crate::domain::alerting::{DeliveryError, DeliveryStatus};
use crate::domain::ids::{EventId, WebhookEndpointId};
use crate::domain::journal::EventType;
use crate::domain::text::WebUrl;
use crate::domain::webhooks::EndpointDisabledReason;
use crate::ops::signing_secret::SigningSecret;
use crate::ops::update_webhook_endpoint::EndpointPatch;
use crate::outbound::signature;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Where events are to be posted.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://crm.site.example/handoff", "event_types": ["referral.received", "referral.transitioned"]}))]
pub struct CreateWebhookEndpoint {
    /// An `https` address of the public internet; the operator may allow others.
    pub url: WebUrl,
    /// Which events are posted; all of them if absent or empty, those of types to come among them.
    #[serde(default)]
    #[validate(length(max = 30))]
    #[schema(max_items = 30)]
    pub event_types: Vec<EventType>,
}
contract!(CreateWebhookEndpoint);

/// A change to a webhook endpoint (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true}))]
pub struct UpdateWebhookEndpoint {
    /// Another address; the secret stays.
    #[schema(nullable = false)]
    pub url: Option<WebUrl>,
    /// Which events are posted from now on; empty: all of them.
    #[validate(length(max = 30))]
    #[schema(nullable = false, max_items = 30)]
    pub event_types: Option<Vec<EventType>>,
    /// Whether anything is posted. What happens while nothing is, is posted once it is enabled again.
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}
contract!(UpdateWebhookEndpoint);

impl From<UpdateWebhookEndpoint> for EndpointPatch {
    fn from(body: UpdateWebhookEndpoint) -> Self {
        Self { url: body.url, event_types: body.event_types, enabled: body.enabled }
    }
}

/// How to rotate the secret.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_hours": 24}))]
pub struct RotateWebhookEndpointSecret {
    /// Hours that the present secret signs beside the new one; 24 if absent, 0 ends it at once.
    #[schema(nullable = false, minimum = 0, maximum = 168)]
    pub overlap_hours: Option<i32>,
}
contract!(RotateWebhookEndpointSecret);

impl RotateWebhookEndpointSecret {
    pub(super) fn overlap(&self) -> Duration {
        signed_posts::overlap(self.overlap_hours)
    }
}

/// From where to post events once more.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"after_position": 1041}))]
pub struct ReplayWebhookEvents {
    /// The `position` of the last event that needs no repetition; 0: everything that is kept. Not beyond the endpoint's own `position`.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub after_position: i64,
}
contract!(ReplayWebhookEvents);

/// Which endpoints to list.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListWebhookEndpoints {
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListWebhookEndpoints);

/// Which deliveries to list.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListWebhookDeliveries {
    /// Only those that stand there.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "failed")]
    pub status: Option<DeliveryStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filter.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListWebhookDeliveries);

/// A webhook endpoint, without its secret: that was shown once, and is not stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "url": "https://crm.site.example/handoff",
    "event_types": ["referral.received", "referral.transitioned"], "enabled": true, "disabled_at": null, "disabled_reason": null,
    "failing_since": null, "position": 1042, "previous_secret_until": null, "created_at": "2026-06-01T09:00:00Z",
    "updated_at": "2026-06-01T09:00:00Z"
}))]
pub struct WebhookEndpointView {
    /// Id of the endpoint.
    pub id: WebhookEndpointId,
    /// Where events are posted.
    pub url: WebUrl,
    /// Which; empty: all of them.
    #[schema(max_items = 30)]
    pub event_types: Vec<EventType>,
    /// Whether anything is posted.
    pub enabled: bool,
    /// Since when nothing is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why nothing is.
    pub disabled_reason: Option<EndpointDisabledReason>,
    /// Since when nothing gets through, though it is tried; after three days the endpoint is disabled.
    pub failing_since: Option<DateTime<Utc>>,
    /// How far the feed was read for it: every event up to this position that it wants has a delivery.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub position: i64,
    /// Until when the secret before the present one signs too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it, or it was disabled.
    pub updated_at: DateTime<Utc>,
}

impl From<WebhookEndpointRow> for WebhookEndpointView {
    fn from(endpoint: WebhookEndpointRow) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            event_types: endpoint.event_types.0,
            enabled: endpoint.disabled_at.is_none(),
            disabled_at: endpoint.disabled_at,
            disabled_reason: endpoint.disabled_reason,
            failing_since: endpoint.failing_since,
            position: endpoint.position,
            previous_secret_until: endpoint.previous_until,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// A webhook endpoint with its signing secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "url": "https://crm.site.example/handoff",
    "event_types": ["referral.received", "referral.transitioned"], "enabled": true, "disabled_at": null, "disabled_reason": null,
    "failing_since": null, "position": 1042, "previous_secret_until": null, "created_at": "2026-06-01T09:00:00Z",
    "updated_at": "2026-06-01T09:00:00Z", "secret": null, "secret_already_shown": true
}))]
pub struct IssuedWebhookEndpointView {
    /// Id of the endpoint.
    pub id: WebhookEndpointId,
    /// Where events are posted.
    pub url: WebUrl,
    /// Which; empty: all of them.
    #[schema(max_items = 30)]
    pub event_types: Vec<EventType>,
    /// Whether anything is posted.
    pub enabled: bool,
    /// Since when nothing is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why nothing is.
    pub disabled_reason: Option<EndpointDisabledReason>,
    /// Since when nothing gets through, though it is tried; after three days the endpoint is disabled.
    pub failing_since: Option<DateTime<Utc>>,
    /// How far the feed was read for it: every event up to this position that it wants has a delivery.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub position: i64,
    /// Until when the secret before the present one signs too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it, or it was disabled.
    pub updated_at: DateTime<Utc>,
    /// The secret, as libraries for Standard Webhooks take it. `null` when a retry with the same `Idempotency-Key` is answered.
    #[serde(serialize_with = "signed_posts::exposed")]
    #[schema(value_type = Option<String>, min_length = 50, max_length = 50, pattern = "^whsec_[0-9A-Za-z+/]{43}=$")]
    pub secret: Option<SecretString>,
    /// Whether the secret was shown in an earlier answer, and so is not in this one. If that answer was lost, rotate it again with
    /// `overlap_hours` 0.
    pub secret_already_shown: bool,
}

impl IssuedWebhookEndpointView {
    /// The endpoint with its secret, or, for a retry, without.
    pub(super) fn new(endpoint: WebhookEndpointView, secret: Option<SigningSecret>) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            event_types: endpoint.event_types,
            enabled: endpoint.enabled,
            disabled_at: endpoint.disabled_at,
            disabled_reason: endpoint.disabled_reason,
            failing_since: endpoint.failing_since,
            position: endpoint.position,
            previous_secret_until: endpoint.previous_secret_until,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            secret_already_shown: secret.is_none(),
            secret: secret.map(|secret| signature::secret_text(&secret.0).into()),
        }
    }
}

/// A page of endpoints.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "data": [{
        "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "url": "https://crm.site.example/handoff",
        "event_types": ["referral.received", "referral.transitioned"], "enabled": true, "disabled_at": null, "disabled_reason": null,
        "failing_since": null, "position": 1042, "previous_secret_until": null, "created_at": "2026-06-01T09:00:00Z",
        "updated_at": "2026-06-01T09:00:00Z"
    }],
    "next_cursor": null
}))]
pub struct WebhookEndpointPage {
    /// The endpoints, in the order in which they were made.
    #[schema(max_items = 200)]
    pub data: Vec<WebhookEndpointView>,
    /// Cursor of the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// What became of one event at one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "event_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "position": 1042, "event_type": "referral.received", "status": "pending", "attempts": 2,
    "next_attempt_at": "2026-06-01T09:05:05Z", "last_error": "webhook_timed_out", "created_at": "2026-06-01T09:00:00Z", "ended_at": null
}))]
pub struct WebhookDeliveryView {
    /// Id of the event: the `webhook-id` of the message, in every attempt.
    pub event_id: EventId,
    /// The event's place in the feed.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub position: i64,
    /// What it tells of.
    pub event_type: EventType,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts that were begun.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub attempts: i32,
    /// When the next one is due; `null` once it is not tried any more.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What went wrong last; `null` when nothing did, or it was delivered since.
    pub last_error: Option<DeliveryError>,
    /// When it was first to be sent.
    pub created_at: DateTime<Utc>,
    /// When it was delivered, or failed for good; it is shown for 30 days from then.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<WebhookDeliveryRow> for WebhookDeliveryView {
    fn from(delivery: WebhookDeliveryRow) -> Self {
        Self {
            event_id: delivery.event_id,
            position: delivery.position,
            event_type: delivery.event_type,
            status: delivery.status,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_error: delivery.last_error,
            created_at: delivery.created_at,
            ended_at: delivery.ended_at,
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "data": [{
        "event_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "position": 1042, "event_type": "referral.received", "status": "delivered", "attempts": 1,
        "next_attempt_at": null, "last_error": null, "created_at": "2026-06-01T09:00:00Z", "ended_at": "2026-06-01T09:00:01Z"
    }],
    "next_cursor": null
}))]
pub struct WebhookDeliveryPage {
    /// The deliveries, the newest event first.
    #[schema(max_items = 200)]
    pub data: Vec<WebhookDeliveryView>,
    /// Cursor of the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// What became of a test message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"delivered": false, "error": "webhook_refused"}))]
pub struct WebhookTestView {
    /// Whether the endpoint took it (any 2xx).
    pub delivered: bool,
    /// What went wrong.
    pub error: Option<DeliveryError>,
}
