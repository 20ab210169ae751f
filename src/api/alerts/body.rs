//! What goes in and out of the alert endpoints.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::alerting::{self, AlertChannel, AlertStatus, DeliveryError, DeliveryStatus};
use crate::domain::ids::{AlertId, MemberId, ReferralId};
use crate::domain::vocabulary::AlertKind;
use crate::store::alerts::AlertRow;
use crate::store::alerts::deliveries::DeliveryRow;

/// An alert on its way over one channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "channel": "email", "status": "pending", "attempts": 2, "last_error": "smtp_connection_failed",
    "next_attempt_at": "2026-06-01T09:05:11Z", "ended_at": null
}))]
pub struct AlertDeliveryView {
    /// Over which channel.
    pub channel: AlertChannel,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts that were begun.
    #[schema(minimum = 0, maximum = 1000)]
    pub attempts: i32,
    /// What went wrong with the last attempt that failed; `null` while none did.
    pub last_error: Option<DeliveryError>,
    /// When the next attempt is due; `null` once it is not tried any more. Attempts go on for seven days.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was delivered, failed for good or was cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<&DeliveryRow> for AlertDeliveryView {
    fn from(delivery: &DeliveryRow) -> Self {
        Self {
            channel: delivery.channel,
            status: delivery.status,
            attempts: delivery.attempts,
            last_error: delivery.last_error,
            next_attempt_at: delivery.next_attempt_at,
            ended_at: delivery.ended_at,
        }
    }
}

/// An alert: what a member was told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "kind": "action_due", "status": "delivered",
    "member_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49", "referral_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50",
    "created_at": "2026-06-01T09:00:00Z", "confirmed_at": null,
    "deliveries": [{"channel": "email", "status": "delivered", "attempts": 1, "last_error": null, "next_attempt_at": null,
                    "ended_at": "2026-06-01T09:00:01Z"}]
}))]
pub struct AlertView {
    /// Id of the alert; also the Message-ID of its e-mail and the `webhook-id` of its webhook message, in every attempt.
    pub id: AlertId,
    /// What it tells of.
    pub kind: AlertKind,
    /// Where it stands.
    pub status: AlertStatus,
    /// Who is told.
    pub member_id: MemberId,
    /// Which referral it is about; `null` for a test alert.
    pub referral_id: Option<ReferralId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When its member said that it has it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Its deliveries, by channel; none before it is taken up, and none for a member without a channel.
    #[schema(max_items = 2)]
    pub deliveries: Vec<AlertDeliveryView>,
}

impl AlertView {
    /// An alert with those of these deliveries that are its own.
    pub(super) fn new(alert: AlertRow, deliveries: &[DeliveryRow]) -> Self {
        let own: Vec<&DeliveryRow> = deliveries.iter().filter(|delivery| delivery.alert_id == alert.id).collect();
        let standing: Vec<DeliveryStatus> = own.iter().map(|delivery| delivery.status).collect();
        Self {
            id: alert.id,
            kind: alert.kind,
            status: alerting::status(alert.confirmed_at.is_some(), alert.taken_up_at.is_some(), &standing),
            member_id: alert.member_id,
            referral_id: alert.referral_id,
            created_at: alert.created_at,
            confirmed_at: alert.confirmed_at,
            deliveries: own.into_iter().map(AlertDeliveryView::from).collect(),
        }
    }
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertPage {
    /// The alerts, the newest first.
    #[schema(max_items = 200)]
    pub data: Vec<AlertView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which alerts to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAlerts {
    /// Only alerts of this member: any for an admin, itself for a coordinator.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub member_id: Option<MemberId>,
    /// Only alerts about this referral.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub referral_id: Option<ReferralId>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListAlerts);
