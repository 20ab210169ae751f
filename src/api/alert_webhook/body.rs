//! What goes in and out of the alert webhook.

use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::api::extract::contract;
use crate::api::signed_posts;
use crate::domain::alerting::WebhookDisabledReason;
use crate::domain::text::WebUrl;
use crate::ops::signing_secret::SigningSecret;
use crate::outbound::signature;
use crate::store::alert_webhooks::AlertWebhookRow;

/// Where alerts are posted.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.site.example/handoff"}))]
pub struct SetAlertWebhook {
    /// An `https` address of the public internet; the operator may allow others.
    pub url: WebUrl,
}
contract!(SetAlertWebhook);

/// How to rotate the secret.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_hours": 24}))]
pub struct RotateAlertWebhookSecret {
    /// Hours that the present secret signs beside the new one; 24 if absent, 0 ends it at once.
    #[schema(nullable = false, minimum = 0, maximum = 168)]
    pub overlap_hours: Option<i32>,
}
contract!(RotateAlertWebhookSecret);

impl RotateAlertWebhookSecret {
    pub(super) fn overlap(&self) -> Duration {
        signed_posts::overlap(self.overlap_hours)
    }
}

/// The site's alert webhook, without its secret: that was shown once, and is not stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "url": "https://hooks.site.example/handoff", "enabled": true, "disabled_at": null, "disabled_reason": null,
    "previous_secret_until": null, "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z"
}))]
pub struct AlertWebhookView {
    /// Where alerts are posted.
    pub url: WebUrl,
    /// Whether they are.
    pub enabled: bool,
    /// Since when they are not.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why they are not.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Until when the secret before the present one signs too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was set.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<AlertWebhookRow> for AlertWebhookView {
    fn from(webhook: AlertWebhookRow) -> Self {
        Self {
            url: webhook.url,
            enabled: webhook.disabled_at.is_none(),
            disabled_at: webhook.disabled_at,
            disabled_reason: webhook.disabled_reason,
            previous_secret_until: webhook.previous_until,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// The alert webhook with its signing secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "url": "https://hooks.site.example/handoff", "enabled": true, "disabled_at": null, "disabled_reason": null,
    "previous_secret_until": null, "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z",
    "secret": null, "secret_already_shown": true
}))]
pub struct IssuedAlertWebhookView {
    /// Where alerts are posted.
    pub url: WebUrl,
    /// Whether they are.
    pub enabled: bool,
    /// Since when they are not.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why they are not.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Until when the secret before the present one signs too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was set.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The secret, as libraries for Standard Webhooks take it. `null` when a retry with the same `Idempotency-Key` is answered.
    #[serde(serialize_with = "signed_posts::exposed")]
    #[schema(value_type = Option<String>, min_length = 50, max_length = 50, pattern = "^whsec_[0-9A-Za-z+/]{43}=$")]
    pub secret: Option<SecretString>,
    /// Whether the secret was shown in an earlier answer, and so is not in this one. If that answer was lost, rotate it again with
    /// `overlap_hours` 0.
    pub secret_already_shown: bool,
}

impl IssuedAlertWebhookView {
    /// The webhook with its secret, or, for a retry, without.
    pub(super) fn new(webhook: AlertWebhookView, secret: Option<SigningSecret>) -> Self {
        Self {
            url: webhook.url,
            enabled: webhook.enabled,
            disabled_at: webhook.disabled_at,
            disabled_reason: webhook.disabled_reason,
            previous_secret_until: webhook.previous_secret_until,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
            secret_already_shown: secret.is_none(),
            secret: secret.map(|secret| signature::secret_text(&secret.0).into()),
        }
    }
}
