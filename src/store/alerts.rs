//! Alerts: what a member has to be told, written with what it tells of.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::domain::ids::{AlertId, MemberId, ReferralId, SiteId};
use crate::domain::vocabulary::AlertKind;
use crate::schema::alerts;

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
