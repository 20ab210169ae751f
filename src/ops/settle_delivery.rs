//! Writing down what came of an attempt to deliver an alert, after the receiver took it or did not.

use super::Context;
use super::record::{Change, record};
use super::set_alert_webhook::facts_of as facts_of_webhook;
use crate::db::Conn;
use crate::domain::alerting::{self, DeliveryError, DeliveryStatus, WebhookDisabledReason};
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::store;
use crate::store::alert_webhooks::AlertWebhookRow;
use crate::store::alerts::deliveries::{DeliveryRow, Due};

/// What the audit trail may hold of a delivery.
pub(super) fn facts_of(delivery: &DeliveryRow) -> Facts {
    Facts::new()
        .code("channel", delivery.channel.as_str())
        .code("status", delivery.status.as_str())
        .code("last_error", delivery.last_error.map(DeliveryError::as_str))
}

/// Writes it, unless another attempt was begun meanwhile. A failure is tried again by the schedule or is the last one; whether the
/// member's channel works follows. A receiver that wants nothing any more (410) gets nothing any more.
///
/// # Errors
/// A database failure; then the delivery is sent again once its lease is over.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    leased: &DeliveryRow,
    says: &Due,
    outcome: Result<(), DeliveryError>,
) -> Result<(), AppError> {
    let (scope, now) = (&context.scope, context.now);
    let after = settled(leased, says, outcome, now);
    if !store::alerts::deliveries::settle(conn, scope, &after)? {
        return Ok(());
    }
    let failing = match outcome {
        Ok(()) => Some(None),
        Err(_) if alerting::is_failing(after.status, after.attempts) => Some(after.first_failed_at),
        Err(_) => None,
    };
    if let Some(since) = failing {
        store::alerts::channels::note(conn, scope.site(), says.member_id, after.channel, since)?;
    }
    let mut changes = Vec::new();
    if after.status != DeliveryStatus::Pending {
        let (before, is) = (facts_of(leased), facts_of(&after));
        changes.push(Change::new("deliver_alert", SubjectKind::Alert, after.alert_id.0, before, is));
    }
    if outcome == Err(DeliveryError::WebhookGone)
        && let Some(webhook) = store::alert_webhooks::lock(conn, scope)?.filter(|webhook| webhook.disabled_at.is_none())
    {
        let reason = WebhookDisabledReason::EndpointGone;
        let disabled = AlertWebhookRow {
            disabled_at: Some(now),
            disabled_reason: Some(reason),
            version: webhook.version + 1,
            updated_at: now,
            ..webhook.clone()
        };
        store::alert_webhooks::update(conn, scope, &disabled)?;
        let (before, is) = (facts_of_webhook(Some(&webhook)), facts_of_webhook(Some(&disabled)));
        let change = Change::new("disable_alert_webhook", SubjectKind::Site, scope.site().0, before, is);
        changes.push(change.because(Some(reason.as_str())));
    }
    record(conn, context, changes)
}

fn settled(
    leased: &DeliveryRow,
    says: &Due,
    outcome: Result<(), DeliveryError>,
    now: chrono::DateTime<chrono::Utc>,
) -> DeliveryRow {
    let Err(error) = outcome else {
        let status = DeliveryStatus::Delivered;
        return DeliveryRow { status, next_attempt_at: None, leased_until: None, ended_at: Some(now), ..leased.clone() };
    };
    let next = alerting::next_attempt(leased.alert_id.0, says.created_at, leased.attempts, now).filter(|_| !error.is_permanent());
    DeliveryRow {
        status: if next.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Failed },
        next_attempt_at: next,
        leased_until: None,
        last_error: Some(error),
        first_failed_at: leased.first_failed_at.or(Some(now)),
        ended_at: if next.is_some() { None } else { Some(now) },
        ..leased.clone()
    }
}
