//! The journal: audit entries and events as they are written, with the queue from which the sequencer places them.

mod feed;
pub mod months;
mod places;

pub use feed::{AuditFilter, FeedRow, HistoryRow, SealedRow, chain, feed, history, placed, redact, trail, unsealed};
pub(in crate::store) use places::span;
pub use places::{
    AuditRow, HeadRow, NewPosition, Queued, SealRow, count_queued, entries, feeds, head, is_queued, lease, place, queued,
    queued_since,
};

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::at_once::{AtOnce, add_rows};
use crate::domain::ids::{ApiKeyId, AuditId, EventId, MemberId, PartnerId, SiteId, StudyId};
use crate::domain::journal::{ActorKind, EventType, Stream, SubjectKind};
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::{audit_entries, events, journal_queue};

/// Rows of one statement: far below the 65,535 values that the protocol takes.
const BATCH: usize = 1_000;

/// An audit entry to be kept.
#[derive(Debug, Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
pub struct NewAuditEntry {
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
    pub operation: &'static str,
    /// To what kind of resource.
    pub subject_kind: SubjectKind,
    /// To which.
    pub subject_id: uuid::Uuid,
    /// Why.
    pub reason: Option<&'static str>,
    /// In which request.
    pub request_id: Option<String>,
    /// What differed, before.
    pub before: Option<String>,
    /// What differed, after.
    pub after: Option<String>,
    /// Of the digest.
    pub salt: Vec<u8>,
    /// Of what was before and after.
    pub values_digest: Vec<u8>,
}

/// An event to be kept.
#[derive(Debug, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct NewEvent {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: EventId,
    /// The change that it tells of.
    pub audit_id: AuditId,
    /// What it tells of.
    pub event_type: EventType,
    /// Which stream it belongs to.
    pub is_test: bool,
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
    /// The state before the step that it tells of; `None`: there was none, or the state stayed.
    pub status_before: Option<ReferralStatus>,
    /// The state after it.
    pub status_after: Option<ReferralStatus>,
    /// Who is responsible for the referral once it has happened.
    pub owner_id: Option<MemberId>,
}

/// A row of the queue.
#[derive(Debug, Insertable)]
#[diesel(table_name = journal_queue, treat_none_as_default_value = false)]
struct NewQueued {
    site_id: SiteId,
    id: uuid::Uuid,
    stream: Stream,
    partner_id: Option<PartnerId>,
}

/// Keeps audit entries and their events, and queues both for the sequencer; in the same statement, what else the change inserts.
///
/// # Errors
/// A database failure.
pub fn append(
    conn: &mut PgConnection,
    mut entries: Vec<NewAuditEntry>,
    mut told: Vec<NewEvent>,
    beside: AtOnce<'_>,
) -> QueryResult<()> {
    // The queue lets a partner's request add its own rows only, so that an entry is queued under the partner that caused it.
    let partner_id = entries.first().and_then(|entry| entry.partner_id);
    let row = |site_id, id, stream| NewQueued { site_id, id, stream, partner_id };
    let audit = entries.iter().map(|entry| row(entry.site_id, entry.id.0, Stream::Audit));
    let event = told.iter().map(|event| row(event.site_id, event.id.0, Stream::Event));
    let mut queued: Vec<NewQueued> = audit.chain(event).collect();
    let mut at_once = beside;
    while !(entries.is_empty() && told.is_empty() && queued.is_empty()) {
        add_rows!(at_once, audit_entries::table, taken(&mut entries));
        // An event refers to its entry, which may be the last.
        if entries.is_empty() {
            add_rows!(at_once, events::table, taken(&mut told));
            add_rows!(at_once, journal_queue::table, taken(&mut queued));
        }
        std::mem::take(&mut at_once).run(conn)?;
    }
    at_once.run(conn)
}

/// The next rows of one statement.
fn taken<T>(rows: &mut Vec<T>) -> Vec<T> {
    let rest = rows.split_off(rows.len().min(BATCH));
    std::mem::replace(rows, rest)
}
