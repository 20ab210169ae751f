//! Writing down what came of posting an event, after the endpoint took it or did not.

use super::Context;
use super::record::{Change, record};
use super::webhook_endpoint::changed;
use crate::db::Conn;
use crate::domain::alerting::{DeliveryError, DeliveryStatus};
use crate::domain::ids::AlertId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::AlertKind;
use crate::domain::webhooks::{EndpointDisabledReason, FAILING_FOR, Schedule};
use crate::error::AppError;
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Writes it, unless another attempt was begun meanwhile. A failure is tried again by the schedule or is the last one. An endpoint that wants
/// nothing any more (410), or that nothing has got through to for days, is disabled, and the site lead is told.
///
/// # Errors
/// A database failure; then the event is posted again once its lease is over.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    schedule: &Schedule,
    leased: &WebhookDeliveryRow,
    outcome: Result<(), DeliveryError>,
) -> Result<(), AppError> {
    let (scope, now) = (&context.scope, context.now);
    // First, as whoever takes it away does: its deliveries go with it.
    let Some(endpoint) = store::webhook_endpoints::hold(conn, scope, leased.endpoint_id)? else { return Ok(()) };
    let after = match outcome {
        Ok(()) => WebhookDeliveryRow {
            status: DeliveryStatus::Delivered,
            next_attempt_at: None,
            last_error: None,
            ended_at: Some(now),
            ..leased.clone()
        },
        Err(error) => {
            let failures = leased.failures + 1;
            let next = schedule.next(leased.event_id.0, failures, now).filter(|_| !error.is_permanent());
            WebhookDeliveryRow {
                status: if next.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Failed },
                failures,
                next_attempt_at: next,
                last_error: Some(error),
                ended_at: if next.is_some() { None } else { Some(now) },
                ..leased.clone()
            }
        }
    };
    if !store::webhook_deliveries::settle(conn, scope, &after)? {
        return Ok(());
    }
    let Err(error) = outcome else {
        if endpoint.failing_since.is_some() {
            store::webhook_endpoints::note_failing(conn, scope, endpoint.id, None)?;
        }
        return Ok(());
    };
    let since = endpoint.failing_since.unwrap_or(now);
    let reason = match error {
        DeliveryError::WebhookGone => Some(EndpointDisabledReason::EndpointGone),
        _ if since + FAILING_FOR <= now => Some(EndpointDisabledReason::Failing),
        _ => None,
    };
    match reason {
        Some(reason) => disable(conn, context, leased, reason),
        None if endpoint.failing_since.is_none() => {
            Ok(store::webhook_endpoints::note_failing(conn, scope, endpoint.id, Some(now))?)
        }
        None => Ok(()),
    }
}

fn disable(
    conn: &mut Conn,
    context: &Context,
    leased: &WebhookDeliveryRow,
    reason: EndpointDisabledReason,
) -> Result<(), AppError> {
    let (scope, now) = (&context.scope, context.now);
    let Some(before) = store::webhook_endpoints::lock(conn, scope, leased.endpoint_id)?.filter(|row| row.disabled_at.is_none())
    else {
        return Ok(());
    };
    let after = WebhookEndpointRow {
        disabled_at: Some(now),
        disabled_reason: Some(reason),
        failing_since: None,
        version: before.version + 1,
        updated_at: now,
        ..before.clone()
    };
    store::webhook_endpoints::update(conn, scope, &after)?;
    let mut changes: Vec<Change> = changed("disable_webhook_endpoint", Some(&before), Some(&after))
        .map(|change| change.because(Some(reason.as_str())))
        .into_iter()
        .collect();
    if let Some(lead) = store::members::site_lead(conn, scope)? {
        let (id, kind) = (AlertId::at(now), AlertKind::WebhookDisabled);
        let new = NewAlert { site_id: scope.site(), id, member_id: lead, kind, referral_id: None, created_at: now };
        store::alerts::insert(conn, &[new])?;
        let facts = Facts::new().id("member_id", lead.0).code("kind", kind.as_str());
        changes.push(Change::made("disable_webhook_endpoint", SubjectKind::Alert, id.0, facts));
    }
    record(conn, context, changes)
}
