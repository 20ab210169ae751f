//! Leasing deliveries that are due: what is still worth sending is held for a time and sent outside the transaction, the rest ends.

use std::collections::BTreeMap;

use chrono::Duration;

use super::Context;
use super::record::{Change, record};
use super::settle_delivery::facts_of;
use crate::db::Conn;
use crate::domain::alerting::{AlertChannel, DeliveryStatus};
use crate::domain::ids::AlertId;
use crate::domain::journal::SubjectKind;
use crate::domain::vocabulary::ReferralStatus;
use crate::error::AppError;
use crate::store;
use crate::store::alert_webhooks::AlertWebhookRow;
use crate::store::alerts::deliveries::{DeliveryRow, Due};

/// How long a delivery is held: longer than any way of sending takes, so that nobody else sends it meanwhile.
pub const LEASED_FOR: Duration = Duration::seconds(90);

/// What is to be sent.
#[derive(Debug)]
pub struct Leased {
    /// Each delivery with its attempt begun, and what it says.
    pub deliveries: Vec<(DeliveryRow, Due)>,
    /// The site's alert webhook.
    pub webhook: Option<AlertWebhookRow>,
    /// Whether anything was due.
    pub any: bool,
}

/// Leases at most `limit` deliveries over this channel. An alert that was confirmed, whose referral has closed or whose member left
/// is not sent any more.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, channel: AlertChannel, limit: i64) -> Result<Leased, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let due = store::alerts::deliveries::lock_due(conn, scope, channel, now, limit)?;
    let ids: Vec<AlertId> = due.iter().map(|delivery| delivery.alert_id).collect();
    if ids.is_empty() {
        return Ok(Leased { deliveries: Vec::new(), webhook: None, any: false });
    }
    let says: BTreeMap<AlertId, Due> =
        store::alerts::deliveries::what_is_due(conn, scope, &ids)?.into_iter().map(|due| (due.alert_id, due)).collect();
    let (mut kept, mut ended, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for delivery in due {
        let Some(says) = says.get(&delivery.alert_id) else { continue };
        if says.confirmed_at.is_none() && says.referral_status != Some(ReferralStatus::Closed) && says.active {
            kept.push((DeliveryRow { attempts: delivery.attempts + 1, ..delivery }, says.clone()));
        } else {
            let after = DeliveryRow { status: DeliveryStatus::Cancelled, ..delivery.clone() };
            changes.push(Change::new(
                "cancel_alert_delivery",
                SubjectKind::Alert,
                delivery.alert_id.0,
                facts_of(&delivery),
                facts_of(&after),
            ));
            ended.push(delivery.alert_id);
        }
    }
    if !ended.is_empty() {
        store::alerts::deliveries::cancel(conn, scope, Some(channel), &ended, now)?;
        record(conn, context, changes)?;
    }
    let leased: Vec<AlertId> = kept.iter().map(|(delivery, _)| delivery.alert_id).collect();
    store::alerts::deliveries::lease(conn, scope, channel, &leased, now + LEASED_FOR)?;
    let webhook = match channel {
        AlertChannel::Webhook => store::alert_webhooks::find(conn, scope)?,
        AlertChannel::Email => None,
    };
    Ok(Leased { deliveries: kept, webhook, any: true })
}
