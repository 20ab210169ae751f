//! Alerts on their way, one row per channel. Rows that are being sent are leased for a time, with the number of the attempt as
//! fence: whoever was too slow writes nothing.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text, Timestamptz, Uuid};

use crate::auth::SiteScope;
use crate::domain::alerting::{AlertChannel, DeliveryError, DeliveryStatus};
use crate::domain::ids::{AlertId, MemberId, ReferralId, SiteId};
use crate::domain::text::MemberEmail;
use crate::domain::vocabulary::{AlertKind, ReferralStatus};
use crate::schema::{alert_deliveries, alerts, members, referrals};
use crate::store::prepared::prepared;

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = alert_deliveries)]
pub struct DeliveryRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Which alert.
    pub alert_id: AlertId,
    /// Over which channel.
    pub channel: AlertChannel,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts that were begun.
    pub attempts: i32,
    /// When the next one is due; `None` once it is not tried any more.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Until when somebody holds it to send it.
    pub leased_until: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<DeliveryError>,
    /// When the first attempt failed.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// When it was delivered, failed for good or was cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What decides about a delivery that is due, and what is sent.
#[derive(Debug, Clone, Queryable)]
pub struct Due {
    /// Which alert.
    pub alert_id: AlertId,
    /// Of what.
    pub kind: AlertKind,
    /// Who is told.
    pub member_id: MemberId,
    /// Which referral; `None` for a test alert.
    pub referral_id: Option<ReferralId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When its member said that it has it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Where its referral stands.
    pub referral_status: Option<ReferralStatus>,
    /// Where its e-mail goes.
    pub email: MemberEmail,
    /// Whether the member is one still.
    pub active: bool,
}

/// Keeps deliveries; those that are there already stay as they are.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, deliveries: &[DeliveryRow]) -> QueryResult<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    diesel::insert_into(alert_deliveries::table).values(deliveries).on_conflict_do_nothing().execute(conn).map(drop)
}

/// The deliveries of these alerts, by channel.
///
/// # Errors
/// A database failure.
pub fn of_alerts(conn: &mut PgConnection, scope: &SiteScope, ids: &[AlertId]) -> QueryResult<Vec<DeliveryRow>> {
    alert_deliveries::table
        .filter(alert_deliveries::site_id.eq(scope.site()).and(alert_deliveries::alert_id.eq_any(ids)))
        .order((alert_deliveries::alert_id, alert_deliveries::channel))
        .select(DeliveryRow::as_select())
        .load(conn)
}

/// Deliveries that are due and that nobody sends.
macro_rules! due {
    ($scope:expr, $now:expr) => {
        alert_deliveries::table
            .filter(alert_deliveries::site_id.eq($scope.site()).and(alert_deliveries::status.eq(DeliveryStatus::Pending)))
            .filter(alert_deliveries::next_attempt_at.le($now))
            .filter(alert_deliveries::leased_until.is_null().or(alert_deliveries::leased_until.le($now)))
    };
}

/// The channels over which something is due.
///
/// # Errors
/// A database failure.
pub fn due_channels(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>) -> QueryResult<Vec<AlertChannel>> {
    due!(scope, now).select(alert_deliveries::channel).distinct().load(conn)
}

/// How many are due and not on their way.
///
/// # Errors
/// A database failure.
pub fn count_due(conn: &mut PgConnection, scope: &SiteScope, now: DateTime<Utc>) -> QueryResult<i64> {
    due!(scope, now).count().get_result(conn)
}

/// Deliveries over this channel that are due, those that wait longest first, held until the transaction ends. What another server
/// holds right now is passed over.
///
/// # Errors
/// A database failure.
pub fn lock_due(
    conn: &mut PgConnection,
    scope: &SiteScope,
    channel: AlertChannel,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<DeliveryRow>> {
    due!(scope, now)
        .filter(alert_deliveries::channel.eq(channel))
        .order((alert_deliveries::next_attempt_at, alert_deliveries::alert_id))
        .limit(limit)
        .select(DeliveryRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}

/// What these alerts say, to whom, and whether it still matters.
///
/// # Errors
/// A database failure.
pub fn what_is_due(conn: &mut PgConnection, scope: &SiteScope, ids: &[AlertId]) -> QueryResult<Vec<Due>> {
    alerts::table
        .inner_join(members::table.on(members::site_id.eq(alerts::site_id).and(members::id.eq(alerts::member_id))))
        .left_join(
            referrals::table.on(referrals::site_id.eq(alerts::site_id).and(referrals::id.nullable().eq(alerts::referral_id))),
        )
        .filter(alerts::site_id.eq(scope.site()).and(alerts::id.eq_any(ids)))
        .select((
            alerts::id,
            alerts::kind,
            alerts::member_id,
            alerts::referral_id,
            alerts::created_at,
            alerts::confirmed_at,
            referrals::status.nullable(),
            members::email,
            members::active,
        ))
        .load(conn)
}

/// Begins an attempt at each of these, until then.
///
/// # Errors
/// A database failure.
pub fn lease(
    conn: &mut PgConnection,
    scope: &SiteScope,
    channel: AlertChannel,
    ids: &[AlertId],
    until: DateTime<Utc>,
) -> QueryResult<()> {
    let held = alert_deliveries::table
        .filter(alert_deliveries::site_id.eq(scope.site()).and(alert_deliveries::channel.eq(channel)))
        .filter(alert_deliveries::alert_id.eq_any(ids));
    diesel::update(held)
        .set((alert_deliveries::attempts.eq(alert_deliveries::attempts + 1), alert_deliveries::leased_until.eq(until)))
        .execute(conn)
        .map(drop)
}

/// Ends what is not sent any more.
///
/// # Errors
/// A database failure.
pub fn cancel(
    conn: &mut PgConnection,
    scope: &SiteScope,
    channel: Option<AlertChannel>,
    ids: &[AlertId],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let mut query = diesel::update(alert_deliveries::table)
        .filter(alert_deliveries::site_id.eq(scope.site()).and(alert_deliveries::alert_id.eq_any(ids)))
        .filter(alert_deliveries::status.eq(DeliveryStatus::Pending))
        .filter(alert_deliveries::leased_until.is_null().or(alert_deliveries::leased_until.le(now)))
        .set((
            alert_deliveries::status.eq(DeliveryStatus::Cancelled),
            alert_deliveries::next_attempt_at.eq(None::<DateTime<Utc>>),
            alert_deliveries::leased_until.eq(None::<DateTime<Utc>>),
            alert_deliveries::ended_at.eq(now),
        ))
        .into_boxed();
    if let Some(channel) = channel {
        query = query.filter(alert_deliveries::channel.eq(channel));
    }
    query.execute(conn).map(drop)
}

/// Writes what came of an attempt, if the delivery is still that attempt's; whether it was.
///
/// # Errors
/// A database failure.
pub fn settle(conn: &mut PgConnection, scope: &SiteScope, delivery: &DeliveryRow) -> QueryResult<bool> {
    prepared(
        "UPDATE alert_deliveries SET status = $5, next_attempt_at = $6, leased_until = NULL, last_error = $7, first_failed_at = $8, ended_at = $9
          WHERE site_id = $1 AND alert_id = $2 AND channel = $3 AND attempts = $4 AND status = 'pending'",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Uuid, _>(delivery.alert_id)
    .bind::<Text, _>(delivery.channel)
    .bind::<Integer, _>(delivery.attempts)
    .bind::<Text, _>(delivery.status)
    .bind::<Nullable<Timestamptz>, _>(delivery.next_attempt_at)
    .bind::<Nullable<Text>, _>(delivery.last_error)
    .bind::<Nullable<Timestamptz>, _>(delivery.first_failed_at)
    .bind::<Nullable<Timestamptz>, _>(delivery.ended_at)
    .execute(conn)
    .map(|rows| rows > 0)
}
