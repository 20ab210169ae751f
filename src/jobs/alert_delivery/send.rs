//! Sending one alert over one channel, and what its receiver's answer means.

use crate::domain::alerting::{AlertChannel, DeliveryError};
use crate::ops::set_alert_webhook;
use crate::outbound::message::AlertMessage;
use crate::outbound::signature;
use crate::state::AppState;
use crate::store::alert_webhooks::AlertWebhookRow;
use crate::store::alerts::deliveries::Due;

/// Sends it. `Ok`: its receiver has taken it.
pub(super) async fn one(
    app: &AppState,
    channel: AlertChannel,
    says: &Due,
    webhook: Option<&AlertWebhookRow>,
) -> Result<(), DeliveryError> {
    let message = AlertMessage {
        id: says.alert_id,
        kind: says.kind,
        member: says.member_id,
        referral: says.referral_id,
        created_at: says.created_at,
    };
    let now = app.clock.now();
    match channel {
        AlertChannel::Email => {
            let mailer = app.outbound.mailer.as_ref().ok_or(DeliveryError::EmailNotConfigured)?;
            mailer.send(&message, says.email.as_str(), app.outbound.public_url.as_deref(), now).await
        }
        AlertChannel::Webhook => {
            let webhook = webhook.ok_or(DeliveryError::WebhookNotConfigured)?;
            if webhook.disabled_at.is_some() {
                return Err(DeliveryError::WebhookDisabled);
            }
            let secrets: Vec<[u8; 32]> =
                set_alert_webhook::secrets(&app.master, webhook, now).into_iter().map(|secret| secret.0).collect();
            if secrets.is_empty() {
                return Err(DeliveryError::WebhookSecretLost);
            }
            let body = message.json();
            let headers = signature::headers(&secrets, &says.alert_id.to_string(), now.timestamp(), &body);
            app.outbound.http.deliver(webhook.url.as_str(), &headers, body).await
        }
    }
}
