//! Reading the journal: the event feed, a referral's history, the audit trail. Placed rows only, but for a referral's own
//! history, whose order of writing is its order.

use std::collections::HashMap;

use chrono::{DateTime, Days, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::places::{AuditRow, SealRow, entries, span};
use crate::auth::SiteScope;
use crate::domain::ids::{AuditId, EventId, PartnerId, ReferralId, StudyId};
use crate::domain::journal::{About, EventType, SubjectKind, first_id, time_of};
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

/// The events after a position and up to another, in order: the first so many that are there. Some have gone with their months.
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
    let wanted = usize::try_from(limit).unwrap_or(0);
    let (mut rows, mut from, mut stretch) = (Vec::new(), after, limit);
    while rows.len() < wanted && from < up_to {
        let to = up_to.min(from.saturating_add(stretch));
        let places = event_positions::table
            .filter(event_positions::site_id.eq(scope.site()).and(event_positions::is_test.eq(is_test)))
            .filter(event_positions::position.gt(from).and(event_positions::position.le(to)))
            .select((event_positions::event_id, event_positions::position))
            .load::<(EventId, i64)>(conn)?;
        let mut found = placed(conn, scope, event_type, &places.into_iter().collect())?;
        found.sort_unstable_by_key(|row| row.position);
        rows.append(&mut found);
        // As far again as it takes, and a quarter more, if they go on lying as thick as so far.
        let (many, looked) = (i64::try_from(rows.len()).unwrap_or(limit), to - after);
        (from, stretch) = (to, (looked * 5 / 4).saturating_mul(limit - many) / many.max(1) + 1);
    }
    rows.truncate(wanted);
    Ok(rows)
}

/// Those of these events that are there, and of this type, at their places, in no order. They are looked up by their ids and not joined to their
/// places: a join plans for every month there is, and one that names the first and the last reads all between where there are no statistics.
///
/// # Errors
/// A database failure.
pub fn placed(
    conn: &mut PgConnection,
    scope: &SiteScope,
    event_type: Option<EventType>,
    places: &HashMap<EventId, i64>,
) -> QueryResult<Vec<FeedRow>> {
    let ids: Vec<uuid::Uuid> = places.keys().map(|id| id.0).collect();
    let Some((first, last)) = span(&ids) else { return Ok(Vec::new()) };
    let mut query = events::table
        .filter(events::site_id.eq(scope.site()).and(events::id.eq_any(ids)))
        .filter(events::id.between(first, last))
        .select((
            0_i64.into_sql::<BigInt>(),
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
    let rows: Vec<FeedRow> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|row| Some(FeedRow { position: *places.get(&row.id)?, ..row })).collect())
}

/// An event of a referral's history, with the entry of who made it and what changed.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    /// The event.
    pub event: HistoricRow,
    /// The entry.
    pub entry: AuditRow,
}

/// An event of a referral's history.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct HistoricRow {
    /// Order of writing; nobody's position.
    pub number: i64,
    /// Its id.
    pub id: EventId,
    /// The change that it tells of.
    pub audit_id: AuditId,
    /// Which referral it is about.
    pub subject_id: uuid::Uuid,
    /// What it tells of.
    pub event_type: EventType,
    /// The version that the change made.
    pub version: i32,
    /// When.
    pub occurred_at: DateTime<Utc>,
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
    // Nothing is told of a referral before there is one: a day for clocks that differ.
    let since = referrals.iter().map(|id| time_of(id.0)).min().flatten().map(|first| first.date_naive() - Days::new(1));
    let told: Vec<HistoricRow> = events::table
        .filter(events::site_id.eq(scope.site()).and(events::id.ge(since.map_or(uuid::Uuid::nil(), first_id))))
        .filter(events::subject_id.eq_any(referrals.iter().map(|id| id.0)).and(events::number.gt(after)))
        .order(events::number)
        .limit(limit)
        .select(HistoricRow::as_select())
        .load(conn)?;
    let ids: Vec<uuid::Uuid> = told.iter().map(|event| event.audit_id.0).collect();
    let entries: HashMap<AuditId, AuditRow> = entries(conn, scope, &ids)?.into_iter().map(|entry| (entry.id, entry)).collect();
    let with_entry = |event: HistoricRow| Some(HistoryRow { entry: entries.get(&event.audit_id)?.clone(), event });
    Ok(told.into_iter().filter_map(with_entry).collect())
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
    let seals: Vec<SealRow> = audit_seals::table
        .filter(audit_seals::site_id.eq(scope.site()).and(audit_seals::position.gt(after)))
        .order(audit_seals::position)
        .limit(limit)
        .load(conn)?;
    let ids: Vec<uuid::Uuid> = seals.iter().map(|seal| seal.entry_id.0).collect();
    let mut entries: HashMap<AuditId, AuditRow> =
        entries(conn, scope, &ids)?.into_iter().map(|entry| (entry.id, entry)).collect();
    Ok(seals
        .into_iter()
        .map(|seal| {
            let entry = entries.remove(&seal.entry_id);
            (seal, entry)
        })
        .collect())
}

/// Takes values and salt out of an entry, as the owner, unless it is of the operation that keeps its own; says whether there were any.
///
/// # Errors
/// A database failure.
pub fn redact(conn: &mut PgConnection, scope: &SiteScope, entry: AuditId, but: &str) -> QueryResult<bool> {
    diesel::update(
        audit_entries::table
            .filter(audit_entries::site_id.eq(scope.site()).and(audit_entries::id.eq(entry)))
            .filter(audit_entries::salt.is_not_null().and(audit_entries::operation.ne(but))),
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
