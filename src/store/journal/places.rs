//! The sequencer's side of the journal: its lease, what is queued, and the places that it gives.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Uuid};

use crate::auth::SiteScope;
use crate::domain::ids::{ApiKeyId, AuditId, EventId, PartnerId, SiteId};
use crate::domain::journal::{ActorKind, Stream, SubjectKind, time_of};
use crate::privacy::chain::Link;
use crate::schema::{audit_entries, events, journal_heads, journal_queue};
use crate::store::at_once::AtOnce;
use crate::store::prepared::prepared;

/// Where the streams of a site end.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = journal_heads)]
pub struct HeadRow {
    /// The tenant.
    pub site_id: SiteId,
    /// The last position of the live feed.
    pub live_position: i64,
    /// The last position of the test feed.
    pub test_position: i64,
    /// The last position of the audit trail.
    pub audit_position: i64,
    /// The hash at that position.
    pub audit_hash: Vec<u8>,
    /// The last position up to which the live feed was dropped.
    pub live_floor: i64,
    /// The last position up to which the test feed was dropped.
    pub test_floor: i64,
    /// The last position up to which the entries of the audit trail were dropped.
    pub audit_floor: i64,
}

impl HeadRow {
    /// The last position of one of the two feeds.
    #[must_use]
    pub const fn end(&self, is_test: bool) -> i64 {
        if is_test { self.test_position } else { self.live_position }
    }

    /// The position before the first that one of the two feeds has still.
    #[must_use]
    pub const fn floor(&self, is_test: bool) -> i64 {
        if is_test { self.test_floor } else { self.live_floor }
    }
}

/// An audit entry with every field that the chain covers.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_entries)]
pub struct AuditRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: AuditId,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// What kind of caller.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor_id: Option<uuid::Uuid>,
    /// With which key.
    pub api_key_id: Option<ApiKeyId>,
    /// For which partner.
    pub partner_id: Option<PartnerId>,
    /// What was done.
    pub operation: String,
    /// To what kind of resource.
    pub subject_kind: SubjectKind,
    /// To which.
    pub subject_id: uuid::Uuid,
    /// Why.
    pub reason: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What differed, before.
    pub before: Option<String>,
    /// What differed, after.
    pub after: Option<String>,
    /// Of the digest; `None` once the values were redacted.
    pub salt: Option<Vec<u8>>,
    /// Of what was before and after.
    pub values_digest: Vec<u8>,
}

impl AuditRow {
    /// What the chain covers of it, at its place.
    #[must_use]
    pub fn link(&self, position: i64) -> Link<'_> {
        Link {
            position,
            site: self.site_id.0,
            id: self.id.0,
            recorded_at: self.recorded_at.timestamp_micros(),
            actor_kind: self.actor_kind.as_str(),
            actor: self.actor_id,
            api_key: self.api_key_id.map(|key| key.0),
            partner: self.partner_id.map(|partner| partner.0),
            operation: &self.operation,
            subject_kind: self.subject_kind.as_str(),
            subject: self.subject_id,
            reason: self.reason.as_deref(),
            request_id: self.request_id.as_deref(),
            values_digest: &self.values_digest,
        }
    }
}

/// An audit entry's place and the hash of the chain there.
#[derive(Debug, Clone, Queryable)]
pub struct SealRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its place, counted from 1.
    pub position: i64,
    /// The entry.
    pub entry_id: AuditId,
    /// The chain's hash.
    pub hash: Vec<u8>,
}

/// An event's place.
#[derive(Debug)]
pub struct NewPosition {
    /// The tenant.
    pub site_id: SiteId,
    /// Which of the two feeds.
    pub is_test: bool,
    /// Its place, counted from 1.
    pub position: i64,
    /// The event.
    pub event_id: EventId,
}

/// A queued entry or event: its number, its stream and its id.
pub type Queued = (i64, Stream, uuid::Uuid);

/// Whether anything of the site waits for its place.
///
/// # Errors
/// A database failure.
pub fn is_queued(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(journal_queue::table.filter(journal_queue::site_id.eq(scope.site())))).get_result(conn)
}

/// How much of the site waits for its place.
///
/// # Errors
/// A database failure.
pub fn count_queued(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    journal_queue::table.filter(journal_queue::site_id.eq(scope.site())).count().get_result(conn)
}

/// Since when the site's oldest event waits for its place. Ids begin with their time.
///
/// # Errors
/// A database failure.
pub fn queued_since(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<DateTime<Utc>>> {
    let oldest: Option<uuid::Uuid> = journal_queue::table
        .filter(journal_queue::site_id.eq(scope.site()))
        .order(journal_queue::number)
        .select(journal_queue::id)
        .first(conn)
        .optional()?;
    Ok(oldest.and_then(time_of))
}

/// Takes the site's lease until the transaction ends; `None` while another server holds it.
///
/// # Errors
/// A database failure.
pub fn lease(conn: &mut PgConnection, scope: &SiteScope, genesis: &[u8]) -> QueryResult<Option<HeadRow>> {
    let first = HeadRow {
        site_id: scope.site(),
        live_position: 0,
        test_position: 0,
        audit_position: 0,
        audit_hash: genesis.to_vec(),
        live_floor: 0,
        test_floor: 0,
        audit_floor: 0,
    };
    let take = |conn: &mut PgConnection| {
        journal_heads::table
            .filter(journal_heads::site_id.eq(scope.site()))
            .select(HeadRow::as_select())
            .for_update()
            .skip_locked()
            .first(conn)
            .optional()
    };
    if let Some(head) = take(conn)? {
        return Ok(Some(head));
    }
    // Either another server holds it, or this is the site's first pass.
    diesel::insert_into(journal_heads::table).values(&first).on_conflict_do_nothing().execute(conn)?;
    take(conn)
}

/// The next rows of the queue, in order of writing.
///
/// # Errors
/// A database failure.
pub fn queued(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<Vec<Queued>> {
    journal_queue::table
        .filter(journal_queue::site_id.eq(scope.site()))
        .order(journal_queue::number)
        .limit(limit)
        .select((journal_queue::number, journal_queue::stream, journal_queue::id))
        .load(conn)
}

/// The first and the last of these ids. A list says to no plan which months it is of; its ends do.
pub(in crate::store) fn span(ids: &[uuid::Uuid]) -> Option<(uuid::Uuid, uuid::Uuid)> {
    ids.iter().min().copied().zip(ids.iter().max().copied())
}

/// The audit entries with these ids, in no order.
///
/// # Errors
/// A database failure.
pub fn entries(conn: &mut PgConnection, scope: &SiteScope, ids: &[uuid::Uuid]) -> QueryResult<Vec<AuditRow>> {
    let Some((first, last)) = span(ids) else { return Ok(Vec::new()) };
    audit_entries::table
        .filter(audit_entries::site_id.eq(scope.site()).and(audit_entries::id.eq_any(ids)))
        .filter(audit_entries::id.between(first, last))
        .select(AuditRow::as_select())
        .load(conn)
}

/// Which of these events belong to the test feed, in no order.
///
/// # Errors
/// A database failure.
pub fn feeds(conn: &mut PgConnection, scope: &SiteScope, ids: &[uuid::Uuid]) -> QueryResult<Vec<(EventId, bool)>> {
    let Some((first, last)) = span(ids) else { return Ok(Vec::new()) };
    events::table
        .filter(events::site_id.eq(scope.site()).and(events::id.eq_any(ids)))
        .filter(events::id.between(first, last))
        .select((events::id, events::is_test))
        .load(conn)
}

/// Keeps the places given in one pass, moves the head and empties the queue of them.
///
/// # Errors
/// A database failure; a place that is taken fails the pass.
pub fn place(
    conn: &mut PgConnection,
    scope: &SiteScope,
    head: &HeadRow,
    seals: &[SealRow],
    positions: &[NewPosition],
    numbers: &[i64],
) -> QueryResult<()> {
    // As lists and not as rows: of any number it is one statement, which is prepared once.
    let mut at_once = AtOnce::new();
    if !seals.is_empty() {
        at_once.add(
            prepared(
                "INSERT INTO audit_seals (site_id, position, entry_id, hash)
                 SELECT $1, * FROM unnest($2::int8[], $3::uuid[], $4::bytea[])",
            )
            .bind::<Uuid, _>(scope.site())
            .bind::<Array<BigInt>, _>(seals.iter().map(|seal| seal.position).collect::<Vec<_>>())
            .bind::<Array<Uuid>, _>(seals.iter().map(|seal| seal.entry_id).collect::<Vec<_>>())
            .bind::<Array<Bytea>, _>(seals.iter().map(|seal| seal.hash.as_slice()).collect::<Vec<_>>()),
        );
    }
    if !positions.is_empty() {
        at_once.add(
            prepared(
                "INSERT INTO event_positions (site_id, is_test, position, event_id)
                 SELECT $1, * FROM unnest($2::bool[], $3::int8[], $4::uuid[])",
            )
            .bind::<Uuid, _>(scope.site())
            .bind::<Array<Bool>, _>(positions.iter().map(|place| place.is_test).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(positions.iter().map(|place| place.position).collect::<Vec<_>>())
            .bind::<Array<Uuid>, _>(positions.iter().map(|place| place.event_id).collect::<Vec<_>>()),
        );
    }
    at_once.add(
        prepared("DELETE FROM journal_queue WHERE site_id = $1 AND number = ANY($2)")
            .bind::<Uuid, _>(scope.site())
            .bind::<Array<BigInt>, _>(numbers),
    );
    at_once.add(
        prepared(
            "UPDATE journal_heads SET live_position = $2, test_position = $3, audit_position = $4, audit_hash = $5
              WHERE site_id = $1",
        )
        .bind::<Uuid, _>(scope.site())
        .bind::<BigInt, _>(head.live_position)
        .bind::<BigInt, _>(head.test_position)
        .bind::<BigInt, _>(head.audit_position)
        .bind::<Bytea, _>(head.audit_hash.as_slice()),
    );
    at_once.run(conn)
}

/// The head as it stands; `None` before the site's first pass.
///
/// # Errors
/// A database failure.
pub fn head(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<HeadRow>> {
    journal_heads::table.filter(journal_heads::site_id.eq(scope.site())).select(HeadRow::as_select()).first(conn).optional()
}
