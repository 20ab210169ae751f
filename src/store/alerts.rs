//! Alerts: what a member has to be told, written with what it tells of. How they get there is in `deliveries` and `channels`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{AlertId, MemberId, ReferralId, SiteId};
use crate::domain::vocabulary::AlertKind;
use crate::schema::alerts;

pub mod channels;
pub mod deliveries;

/// An alert to be kept.
#[derive(Debug, Insertable)]
#[diesel(table_name = alerts)]
pub struct NewAlert {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; the same in every attempt to deliver it.
    pub id: AlertId,
    /// Who is told.
    pub member_id: MemberId,
    /// Of what.
    pub kind: AlertKind,
    /// Which referral; `None` for a test alert.
    pub referral_id: Option<ReferralId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Keeps alerts.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, alerts: &[NewAlert]) -> QueryResult<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    diesel::insert_into(alerts::table).values(alerts).execute(conn).map(drop)
}

/// An alert as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = alerts)]
pub struct AlertRow {
    /// Its id; the same in every attempt to deliver it.
    pub id: AlertId,
    /// Who is told.
    pub member_id: MemberId,
    /// Of what.
    pub kind: AlertKind,
    /// Which referral; `None` for a test alert.
    pub referral_id: Option<ReferralId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When its member said that it has it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When its deliveries were made.
    pub taken_up_at: Option<DateTime<Utc>>,
}

/// Which alerts a list shows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Filter {
    /// Of this member.
    pub member: Option<MemberId>,
    /// About this referral.
    pub referral: Option<ReferralId>,
}

/// The alert with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: AlertId) -> QueryResult<Option<AlertRow>> {
    alerts::table
        .filter(alerts::site_id.eq(scope.site()).and(alerts::id.eq(id)))
        .select(AlertRow::as_select())
        .first(conn)
        .optional()
}

/// Locks the alert until the transaction ends and answers it as it is then.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: AlertId) -> QueryResult<Option<AlertRow>> {
    alerts::table
        .filter(alerts::site_id.eq(scope.site()).and(alerts::id.eq(id)))
        .select(AlertRow::as_select())
        .for_update()
        .first(conn)
        .optional()
}

/// A page, the newest first, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: Filter,
    after: Option<AlertId>,
    limit: i64,
) -> QueryResult<Vec<AlertRow>> {
    let mut query = alerts::table
        .filter(alerts::site_id.eq(scope.site()))
        .order(alerts::id.desc())
        .limit(limit)
        .select(AlertRow::as_select())
        .into_boxed();
    if let Some(member) = filter.member {
        query = query.filter(alerts::member_id.eq(member));
    }
    if let Some(referral) = filter.referral {
        query = query.filter(alerts::referral_id.eq(referral));
    }
    if let Some(after) = after {
        query = query.filter(alerts::id.lt(after));
    }
    query.load(conn)
}

/// Notes that the member has it.
///
/// # Errors
/// A database failure.
pub fn confirm(conn: &mut PgConnection, scope: &SiteScope, id: AlertId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(alerts::table.filter(alerts::site_id.eq(scope.site()).and(alerts::id.eq(id))))
        .set(alerts::confirmed_at.eq(now))
        .execute(conn)
        .map(drop)
}

/// Alerts that nobody took up yet, the oldest first, held until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn waiting(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<Vec<AlertRow>> {
    alerts::table
        .filter(alerts::site_id.eq(scope.site()).and(alerts::taken_up_at.is_null()))
        .order(alerts::id)
        .limit(limit)
        .select(AlertRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}

/// Notes that their deliveries were made.
///
/// # Errors
/// A database failure.
pub fn take_up(conn: &mut PgConnection, scope: &SiteScope, ids: &[AlertId], now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(alerts::table.filter(alerts::site_id.eq(scope.site()).and(alerts::id.eq_any(ids))))
        .set(alerts::taken_up_at.eq(now))
        .execute(conn)
        .map(drop)
}

/// How many wait to be taken up.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    alerts::table.filter(alerts::site_id.eq(scope.site()).and(alerts::taken_up_at.is_null())).count().get_result(conn)
}
