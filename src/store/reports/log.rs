//! What happened to live referrals, as the log tells it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{EventId, MemberId, PartnerId, ReferralId, StudyId};
use crate::domain::journal::{EventType, Stream};
use crate::domain::reports::happening::Happening;
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::{event_positions, events, journal_queue};
use crate::store::journal::span;

/// An event of a referral, with whom it counts under.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct HappeningRow {
    /// Its id.
    pub id: EventId,
    /// Of which referral; of something else where the event is of that.
    pub subject_id: uuid::Uuid,
    /// What it tells of.
    pub event_type: EventType,
    /// The state before.
    pub status_before: Option<ReferralStatus>,
    /// The state after.
    pub status_after: Option<ReferralStatus>,
    /// Who was responsible.
    pub owner_id: Option<MemberId>,
    /// Of which partner.
    pub partner_id: Option<PartnerId>,
    /// For which study.
    pub study_id: Option<StudyId>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

impl HappeningRow {
    /// The referral that it is of; `None`: it is of something else.
    #[must_use]
    pub fn referral(&self) -> Option<ReferralId> {
        self.event_type.as_str().starts_with("referral.").then_some(ReferralId(self.subject_id))
    }

    /// As it is counted.
    #[must_use]
    pub fn happening(&self) -> Happening {
        let moved = self.status_before.zip(self.status_after);
        Happening { event_type: self.event_type, moved, occurred_at: self.occurred_at }
    }
}

/// Live events after a position and up to another, in order. Both ends are named: positions have no gaps, and a limit alone would leave it to
/// the planner whether to read and sort millions of them first.
///
/// # Errors
/// A database failure.
pub fn between(conn: &mut PgConnection, scope: &SiteScope, (after, up_to): (i64, i64)) -> QueryResult<Vec<HappeningRow>> {
    let places = event_positions::table
        .filter(event_positions::site_id.eq(scope.site()).and(event_positions::is_test.eq(false)))
        .filter(event_positions::position.gt(after).and(event_positions::position.le(up_to)))
        .order(event_positions::position)
        .select(event_positions::event_id)
        .load::<EventId>(conn)?;
    told(conn, scope, &places)
}

/// How many live events have a position after this one.
///
/// # Errors
/// A database failure.
pub fn count_after(conn: &mut PgConnection, scope: &SiteScope, position: i64) -> QueryResult<i64> {
    event_positions::table
        .filter(event_positions::site_id.eq(scope.site()).and(event_positions::is_test.eq(false)))
        .filter(event_positions::position.gt(position))
        .count()
        .get_result(conn)
}

/// Live events that have no position yet; `None`: more events than the limit have none.
///
/// # Errors
/// A database failure.
pub fn waiting(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<Option<Vec<HappeningRow>>> {
    let queued = journal_queue::table
        .filter(journal_queue::site_id.eq(scope.site()).and(journal_queue::stream.eq(Stream::Event)))
        .order(journal_queue::number)
        .limit(limit.saturating_add(1))
        .select(journal_queue::id)
        .load::<EventId>(conn)?;
    if i64::try_from(queued.len()).is_ok_and(|many| many > limit) {
        return Ok(None);
    }
    told(conn, scope, &queued).map(Some)
}

/// The live ones of these events, in their order. They are not joined to where their ids stand: a join plans for every month there is.
fn told(conn: &mut PgConnection, scope: &SiteScope, ids: &[EventId]) -> QueryResult<Vec<HappeningRow>> {
    let of_events: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let Some((first, last)) = span(&of_events) else { return Ok(Vec::new()) };
    let mut found: HashMap<EventId, HappeningRow> = events::table
        .filter(events::site_id.eq(scope.site()).and(events::id.eq_any(of_events)))
        .filter(events::id.between(first, last).and(events::is_test.eq(false)))
        .select(HappeningRow::as_select())
        .load::<HappeningRow>(conn)?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}
