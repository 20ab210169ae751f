//! The journal: audit entries and events as they are written, with the queue from which the sequencer places them.

mod feed;
mod places;

pub use feed::{AuditFilter, FeedRow, HistoryRow, SealedRow, chain, feed, history, redact, trail, unsealed};
pub use places::{
    AuditRow, HeadRow, NewPosition, Queued, SealRow, count_queued, entries, feeds, head, is_queued, lease, place, queued,
    queued_since,
};

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::domain::ids::{ApiKeyId, AuditId, EventId, MemberId, PartnerId, SiteId, StudyId};
use crate::domain::journal::{ActorKind, EventType, Stream, SubjectKind};
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::{audit_entries, events, journal_queue};

/// Rows of one statement: far below the 65,535 values that the protocol takes.
const BATCH: usize = 1_000;

/// An audit entry to be kept.
#[derive(Debug, Insertable)]
#[diesel(table_name = audit_entries)]
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
#[diesel(table_name = events)]
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

/// Keeps audit entries and their events, and queues both for the sequencer.
///
/// # Errors
/// A database failure.
pub fn append(conn: &mut PgConnection, entries: &[NewAuditEntry], told: &[NewEvent]) -> QueryResult<()> {
    for entries in entries.chunks(BATCH) {
        diesel::insert_into(audit_entries::table).values(entries).execute(conn)?;
    }
    for told in told.chunks(BATCH) {
        diesel::insert_into(events::table).values(told).execute(conn)?;
    }
    // The queue lets a partner's request add its own rows only, so that an entry is queued under the partner that caused it.
    let partner = entries.first().and_then(|entry| entry.partner_id);
    let audit = entries.iter().map(|entry| (entry.site_id, entry.id.0, Stream::Audit));
    let event = told.iter().map(|event| (event.site_id, event.id.0, Stream::Event));
    let queued: Vec<_> = audit
        .chain(event)
        .map(|(site, id, stream)| {
            (
                journal_queue::site_id.eq(site),
                journal_queue::id.eq(id),
                journal_queue::stream.eq(stream),
                journal_queue::partner_id.eq(partner),
            )
        })
        .collect();
    for queued in queued.chunks(BATCH) {
        diesel::insert_into(journal_queue::table).values(queued.to_vec()).execute(conn)?;
    }
    Ok(())
}
