//! Taking alerts up: each gets a delivery per channel that its member has chosen by now.

use std::collections::BTreeMap;

use super::Context;
use crate::db::Conn;
use crate::domain::alerting::{AlertChannel, DeliveryStatus};
use crate::domain::ids::{AlertId, MemberId};
use crate::error::AppError;
use crate::store;
use crate::store::alerts::deliveries::DeliveryRow;

/// Alerts of one transaction.
const BATCH: i64 = 200;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenUp {
    /// How many alerts.
    pub alerts: usize,
    /// Whether more may wait.
    pub more: bool,
}

/// Takes up the alerts of a site that wait longest.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context) -> Result<TakenUp, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let waiting = store::alerts::waiting(conn, scope, BATCH)?;
    if waiting.is_empty() {
        return Ok(TakenUp { alerts: 0, more: false });
    }
    let members: Vec<MemberId> = waiting.iter().map(|alert| alert.member_id).collect();
    let chosen: BTreeMap<MemberId, Vec<AlertChannel>> = store::alerts::channels::chosen(conn, scope, &members)?
        .into_iter()
        .map(|(member, channels)| (member, channels.0))
        .collect();
    let deliveries: Vec<DeliveryRow> = waiting
        .iter()
        .flat_map(|alert| chosen.get(&alert.member_id).into_iter().flatten().map(move |channel| (alert.id, *channel)))
        .map(|(alert_id, channel)| DeliveryRow {
            site_id: scope.site(),
            alert_id,
            channel,
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            leased_until: None,
            last_error: None,
            first_failed_at: None,
            ended_at: None,
        })
        .collect();
    store::alerts::deliveries::insert(conn, &deliveries)?;
    let ids: Vec<AlertId> = waiting.iter().map(|alert| alert.id).collect();
    store::alerts::take_up(conn, scope, &ids, now)?;
    Ok(TakenUp { alerts: ids.len(), more: i64::try_from(ids.len()).is_ok_and(|count| count == BATCH) })
}
