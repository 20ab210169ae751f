//! Reading the journal: the event feed, a referral's history, the audit trail. Placed rows only, but for a referral's own
//! history, whose order of writing is its order.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::places::{AuditRow, SealRow};
use crate::auth::SiteScope;
use crate::domain::ids::{AuditId, EventId, PartnerId, ReferralId, StudyId};
use crate::domain::journal::{About, ActorKind, EventType, SubjectKind};
use crate::schema::{audit_entries, audit_seals, event_positions, events, journal_heads};

/// An event of the feed.
#[derive(Debug, Clone, Queryable)]
pub struct FeedRow {
    /// Its place in the feed.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// What it tells of.
    pub event_type: EventType,
    /// What changed.
    pub subject_id: uuid::Uuid,
    /// The version that the change made.
    pub version: i32,
    /// Of which partner.
    pub partner_id: Option<PartnerId>,
    /// For which study.
    pub study_id: Option<StudyId>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

impl FeedRow {
    /// What it is about.
    #[must_use]
    pub fn about(&self) -> About {
        About::of(self.event_type, self.subject_id, self.partner_id, self.study_id)
    }
}

/// The events after a position and up to another, in order.
///
/// # Errors
/// A database failure.
pub fn feed(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    event_type: Option<EventType>,
    (after, up_to): (i64, i64),
    limit: i64,
) -> QueryResult<Vec<FeedRow>> {
    // Positions have no gaps: where no type is asked for, the end of the page is known, and nothing is left to the planner to sort.
    let up_to = if event_type.is_none() { up_to.min(after.saturating_add(limit)) } else { up_to };
    let mut query = event_positions::table
        .inner_join(events::table.on(events::site_id.eq(event_positions::site_id).and(events::id.eq(event_positions::event_id))))
        .filter(event_positions::site_id.eq(scope.site()).and(event_positions::is_test.eq(is_test)))
        .filter(event_positions::position.gt(after).and(event_positions::position.le(up_to)))
        .order(event_positions::position)
        .limit(limit)
        .select((
            event_positions::position,
            events::id,
            events::event_type,
            events::subject_id,
            events::version,
            events::partner_id,
            events::study_id,
            events::occurred_at,
        ))
        .into_boxed();
    if let Some(event_type) = event_type {
        query = query.filter(events::event_type.eq(event_type));
    }
    query.load(conn)
}

/// An event of a referral's history, with who made it and what changed.
#[derive(Debug, Clone, Queryable)]
pub struct HistoryRow {
    /// Order of writing; nobody's position.
    pub number: i64,
    /// Its id.
    pub id: EventId,
    /// Which referral it is about.
    pub subject_id: uuid::Uuid,
    /// What it tells of.
    pub event_type: EventType,
    /// The version that the change made.
    pub version: i32,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What kind of caller.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor_id: Option<uuid::Uuid>,
    /// Why.
    pub reason: Option<String>,
    /// What differed, before.
    pub before: Option<String>,
    /// What differed, after.
    pub after: Option<String>,
}

/// The events of the records of one person after a number, oldest first.
///
/// # Errors
/// A database failure.
pub fn history(
    conn: &mut PgConnection,
    scope: &SiteScope,
    referrals: &[ReferralId],
    after: i64,
    limit: i64,
) -> QueryResult<Vec<HistoryRow>> {
    events::table
        .inner_join(
            audit_entries::table.on(audit_entries::site_id.eq(events::site_id).and(audit_entries::id.eq(events::audit_id))),
        )
        .filter(
            events::site_id
                .eq(scope.site())
                .and(events::subject_id.eq_any(referrals.iter().map(|id| id.0)))
                .and(events::number.gt(after)),
        )
        .order(events::number)
        .limit(limit)
        .select((
            events::number,
            events::id,
            events::subject_id,
            events::event_type,
            events::version,
            events::occurred_at,
            audit_entries::actor_kind,
            audit_entries::actor_id,
            audit_entries::reason,
            audit_entries::before,
            audit_entries::after,
        ))
        .load(conn)
}

/// Which entries of the audit trail are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// About this resource.
    pub subject: Option<uuid::Uuid>,
    /// About this kind of resource.
    pub subject_kind: Option<SubjectKind>,
    /// By this caller.
    pub actor: Option<uuid::Uuid>,
    /// By this operation.
    pub operation: Option<String>,
    /// Recorded at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Recorded before this time.
    pub until: Option<DateTime<Utc>>,
}

/// An entry of the audit trail at its place.
#[derive(Debug, Clone, Queryable)]
pub struct SealedRow {
    /// Its place, counted from 1.
    pub position: i64,
    /// The chain's hash there.
    pub hash: Vec<u8>,
    /// The entry.
    pub entry: AuditRow,
}

/// The audit trail before a position, newest first.
///
/// # Errors
/// A database failure.
pub fn trail(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<SealedRow>> {
    let floor = journal_heads::table.filter(journal_heads::site_id.eq(scope.site())).select(journal_heads::audit_floor);
    let mut query = audit_seals::table
        .inner_join(
            audit_entries::table
                .on(audit_entries::site_id.eq(audit_seals::site_id).and(audit_entries::id.eq(audit_seals::entry_id))),
        )
        .filter(audit_seals::site_id.eq(scope.site()))
        // Below it there are only the hashes of entries that were dropped, and nothing to be looked for among them.
        .filter(audit_seals::position.nullable().gt(floor.single_value()))
        .order(audit_seals::position.desc())
        .limit(limit)
        .select((audit_seals::position, audit_seals::hash, AuditRow::as_select()))
        .into_boxed();
    if let Some(subject) = filter.subject {
        query = query.filter(audit_entries::subject_id.eq(subject));
    }
    if let Some(kind) = filter.subject_kind {
        query = query.filter(audit_entries::subject_kind.eq(kind));
    }
    if let Some(actor) = filter.actor {
        query = query.filter(audit_entries::actor_id.eq(actor));
    }
    if let Some(operation) = &filter.operation {
        query = query.filter(audit_entries::operation.eq(operation.clone()));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entries::recorded_at.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_entries::recorded_at.lt(until));
    }
    if let Some(before) = before {
        query = query.filter(audit_seals::position.lt(before));
    }
    query.load(conn)
}

/// The seals after a position, in order, each with its entry if that is still there.
///
/// # Errors
/// A database failure.
pub fn chain(
    conn: &mut PgConnection,
    scope: &SiteScope,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<(SealRow, Option<AuditRow>)>> {
    audit_seals::table
        .left_join(
            audit_entries::table
                .on(audit_entries::site_id.eq(audit_seals::site_id).and(audit_entries::id.eq(audit_seals::entry_id))),
        )
        .filter(audit_seals::site_id.eq(scope.site()).and(audit_seals::position.gt(after)))
        .order(audit_seals::position)
        .limit(limit)
        .select((audit_seals::all_columns, Option::<AuditRow>::as_select()))
        .load(conn)
}

/// Takes values and salt out of an entry, as the owner; says whether there were any.
///
/// # Errors
/// A database failure.
pub fn redact(conn: &mut PgConnection, scope: &SiteScope, entry: AuditId) -> QueryResult<bool> {
    diesel::update(
        audit_entries::table
            .filter(audit_entries::site_id.eq(scope.site()).and(audit_entries::id.eq(entry)))
            .filter(audit_entries::salt.is_not_null()),
    )
    .set((
        audit_entries::before.eq(None::<String>),
        audit_entries::after.eq(None::<String>),
        audit_entries::salt.eq(None::<Vec<u8>>),
    ))
    .execute(conn)
    .map(|redacted| redacted == 1)
}

/// An entry that has neither a seal nor a place in the queue: it was put in, or its seal taken out, behind the server's back.
///
/// # Errors
/// A database failure.
pub fn unsealed(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<AuditId>> {
    use crate::schema::journal_queue;
    use diesel::dsl::{exists, not};
    let sealed = audit_seals::table
        .filter(audit_seals::site_id.eq(audit_entries::site_id).and(audit_seals::entry_id.eq(audit_entries::id)));
    let queued = journal_queue::table
        .filter(journal_queue::site_id.eq(audit_entries::site_id).and(journal_queue::id.eq(audit_entries::id)));
    audit_entries::table
        .filter(audit_entries::site_id.eq(scope.site()))
        .filter(not(exists(sealed)))
        .filter(not(exists(queued)))
        .select(audit_entries::id)
        .first(conn)
        .optional()
}
