//! Events on their way to endpoints. Rows that are being sent are leased for a time, with the number of the attempt as fence: whoever
//! was too slow writes nothing.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::journal::{self, FeedRow};
use crate::auth::SiteScope;
use crate::domain::alerting::{DeliveryError, DeliveryStatus};
use crate::domain::ids::{EventId, SiteId, WebhookEndpointId};
use crate::domain::journal::EventType;
use crate::schema::{webhook_deliveries, webhook_endpoints};

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries)]
pub struct WebhookDeliveryRow {
    /// The tenant.
    pub site_id: SiteId,
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The event's place in the live feed.
    pub position: i64,
    /// Which event.
    pub event_id: EventId,
    /// Of what.
    pub event_type: EventType,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts that were begun.
    pub attempts: i32,
    /// Those of them that failed since it was last begun anew.
    pub failures: i32,
    /// When the next one is due; `None` once it is not tried any more.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Until when somebody holds it to send it.
    pub leased_until: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<DeliveryError>,
    /// When it was first to be sent.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or failed for good.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Rows of one statement.
const BATCH: usize = 2_000;

/// Keeps deliveries. One that is there already is begun anew; whoever sends it right now keeps its attempt.
///
/// # Errors
/// A database failure.
pub fn begin(conn: &mut PgConnection, deliveries: &[WebhookDeliveryRow]) -> QueryResult<()> {
    for deliveries in deliveries.chunks(BATCH) {
        diesel::insert_into(webhook_deliveries::table)
            .values(deliveries)
            .on_conflict((webhook_deliveries::site_id, webhook_deliveries::endpoint_id, webhook_deliveries::position))
            .do_update()
            .set((
                webhook_deliveries::status.eq(excluded(webhook_deliveries::status)),
                webhook_deliveries::failures.eq(0),
                webhook_deliveries::next_attempt_at.eq(excluded(webhook_deliveries::next_attempt_at)),
                webhook_deliveries::last_error.eq(None::<DeliveryError>),
                webhook_deliveries::ended_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Deliveries that are due, to endpoints that get something, and that nobody sends.
macro_rules! due {
    ($scope:expr, $now:expr) => {
        webhook_deliveries::table
            .inner_join(
                webhook_endpoints::table.on(webhook_endpoints::site_id
                    .eq(webhook_deliveries::site_id)
                    .and(webhook_endpoints::id.eq(webhook_deliveries::endpoint_id))),
            )
            .filter(webhook_deliveries::site_id.eq($scope.site()).and(webhook_endpoints::disabled_at.is_null()))
            .filter(webhook_deliveries::status.eq(DeliveryStatus::Pending))
            .filter(webhook_deliveries::next_attempt_at.le($now))
            .filter(webhook_deliveries::leased_until.is_null().or(webhook_deliveries::leased_until.le($now)))
    };
}

/// The endpoints to which something is due.
///
/// # Errors
/// A database failure.
pub fn due_endpoints(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>) -> QueryResult<Vec<WebhookEndpointId>> {
    due!(scope, now).select(webhook_deliveries::endpoint_id).distinct().load(conn)
}

/// How many are due and not on their way.
///
/// # Errors
/// A database failure.
pub fn count_due(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>) -> QueryResult<i64> {
    due!(scope, now).count().get_result(conn)
}

/// Since when the oldest event waits that some endpoint has not taken.
///
/// # Errors
/// A database failure.
pub fn pending_since(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<DateTime<Utc>>> {
    webhook_deliveries::table
        .filter(webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::status.eq(DeliveryStatus::Pending)))
        .select(diesel::dsl::min(webhook_deliveries::created_at))
        .first(conn)
}

/// Begins an attempt at deliveries to this endpoint that are due, those that wait longest first, and answers them with the attempt begun and
/// their events. What another server holds right now is passed over.
///
/// # Errors
/// A database failure.
pub fn lease(
    conn: &mut PgConnection,
    scope: &SiteScope,
    endpoint: WebhookEndpointId,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> QueryResult<Vec<(WebhookDeliveryRow, FeedRow)>> {
    let own = || webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::endpoint_id.eq(endpoint));
    let positions: Vec<i64> = webhook_deliveries::table
        .filter(own())
        .filter(webhook_deliveries::status.eq(DeliveryStatus::Pending).and(webhook_deliveries::next_attempt_at.le(now)))
        .filter(webhook_deliveries::leased_until.is_null().or(webhook_deliveries::leased_until.le(now)))
        .order((webhook_deliveries::next_attempt_at, webhook_deliveries::position))
        .limit(limit)
        .select(webhook_deliveries::position)
        .for_update()
        .skip_locked()
        .load(conn)?;
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(webhook_deliveries::table.filter(own().and(webhook_deliveries::position.eq_any(&positions))))
        .set((webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1), webhook_deliveries::leased_until.eq(until)))
        .execute(conn)?;
    let leased: Vec<WebhookDeliveryRow> = webhook_deliveries::table
        .filter(own().and(webhook_deliveries::position.eq_any(positions)))
        .order(webhook_deliveries::position)
        .select(WebhookDeliveryRow::as_select())
        .load(conn)?;
    let places = leased.iter().map(|delivery| (delivery.event_id, delivery.position)).collect();
    let mut events: HashMap<EventId, FeedRow> =
        journal::placed(conn, scope, None, &places)?.into_iter().map(|event| (event.id, event)).collect();
    let (sendable, gone): (Vec<_>, Vec<_>) = leased.into_iter().partition(|delivery| events.contains_key(&delivery.event_id));
    if !gone.is_empty() {
        // Whoever was asked not to be sent anything for so long is not sent what has gone with its month.
        let positions = gone.iter().map(|delivery| delivery.position);
        diesel::delete(webhook_deliveries::table.filter(own().and(webhook_deliveries::position.eq_any(positions))))
            .execute(conn)?;
    }
    Ok(sendable
        .into_iter()
        .filter_map(|delivery| {
            let event = events.remove(&delivery.event_id)?;
            Some((delivery, event))
        })
        .collect())
}

/// Writes what came of an attempt, if the delivery is still that attempt's; whether it was.
///
/// # Errors
/// A database failure.
pub fn settle(conn: &mut PgConnection, scope: &SiteScope, delivery: &WebhookDeliveryRow) -> QueryResult<bool> {
    let attempt = webhook_deliveries::table
        .filter(webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::endpoint_id.eq(delivery.endpoint_id)))
        .filter(webhook_deliveries::position.eq(delivery.position).and(webhook_deliveries::attempts.eq(delivery.attempts)))
        .filter(webhook_deliveries::status.eq(DeliveryStatus::Pending));
    diesel::update(attempt)
        .set((
            webhook_deliveries::status.eq(delivery.status),
            webhook_deliveries::failures.eq(delivery.failures),
            webhook_deliveries::next_attempt_at.eq(delivery.next_attempt_at),
            webhook_deliveries::leased_until.eq(None::<DateTime<Utc>>),
            webhook_deliveries::last_error.eq(delivery.last_error),
            webhook_deliveries::ended_at.eq(delivery.ended_at),
        ))
        .execute(conn)
        .map(|rows| rows > 0)
}

/// Deliveries to an endpoint before a position, the newest event first.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    endpoint: WebhookEndpointId,
    status: Option<DeliveryStatus>,
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<WebhookDeliveryRow>> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::endpoint_id.eq(endpoint)))
        .order(webhook_deliveries::position.desc())
        .limit(limit)
        .select(WebhookDeliveryRow::as_select())
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(webhook_deliveries::status.eq(status));
    }
    if let Some(before) = before {
        query = query.filter(webhook_deliveries::position.lt(before));
    }
    query.load(conn)
}

/// Forgets what ended before this moment, up to `limit`; answers how many.
///
/// # Errors
/// A database failure.
pub fn forget(conn: &mut PgConnection, scope: &SiteScope, before: DateTime<Utc>, limit: i64) -> QueryResult<usize> {
    let old: Vec<(WebhookEndpointId, i64)> = webhook_deliveries::table
        .filter(webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::status.ne(DeliveryStatus::Pending)))
        .filter(webhook_deliveries::ended_at.lt(before))
        .order(webhook_deliveries::ended_at)
        .limit(limit)
        .select((webhook_deliveries::endpoint_id, webhook_deliveries::position))
        .load(conn)?;
    let (endpoints, positions): (Vec<_>, Vec<_>) = old.into_iter().unzip();
    if positions.is_empty() {
        return Ok(0);
    }
    // A pair that is none of these has not ended so long ago, or is of another endpoint at the same place: the moment tells.
    diesel::delete(
        webhook_deliveries::table
            .filter(webhook_deliveries::site_id.eq(scope.site()).and(webhook_deliveries::ended_at.lt(before)))
            .filter(webhook_deliveries::endpoint_id.eq_any(endpoints).and(webhook_deliveries::position.eq_any(positions))),
    )
    .execute(conn)
}
