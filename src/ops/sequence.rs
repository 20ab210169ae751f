//! One pass of the sequencer over one site: what was committed gets its place. Positions are dense and never change; audit
//! entries are sealed into the site's chain in the same pass.
//!
//! The pass holds the site's lease, so that of several servers one places at a time. It takes queued rows in order of writing:
//! a change that waited for another's row lock was written, and is placed, after it.

use std::collections::HashMap;

use super::Context;
use crate::db::Conn;
use crate::domain::ids::{AuditId, EventId};
use crate::domain::journal::Stream;
use crate::error::AppError;
use crate::privacy::chain::{self, GENESIS};
use crate::store::journal::{self, HeadRow, NewPosition, SealRow};

/// Rows of one pass: short enough to hold no lock for long.
pub const BATCH: i64 = 1_000;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Events and audit entries that got their place.
    pub placed: usize,
    /// Whether the batch was full, so that more may wait.
    pub more: bool,
}

/// Runs one pass over the context's site; places nothing while another server holds its lease.
///
/// # Errors
/// A database failure: the pass is undone as a whole, and the next one does it.
pub fn run(conn: &mut Conn, context: &Context) -> Result<Pass, AppError> {
    let scope = &context.scope;
    let idle = Pass { placed: 0, more: false };
    if !journal::is_queued(conn, scope)? {
        return Ok(idle);
    }
    let Some(mut head) = journal::lease(conn, scope, &GENESIS)? else { return Ok(idle) };
    let queued = journal::queued(conn, scope, BATCH)?;
    let of = |stream| queued.iter().filter(move |(_, of, _)| *of == stream).map(|(_, _, id)| *id).collect::<Vec<_>>();
    let seals = seal(conn, context, &mut head, &of(Stream::Audit))?;
    let positions = position(conn, context, &mut head, &of(Stream::Event))?;
    let numbers: Vec<i64> = queued.iter().map(|(number, _, _)| *number).collect();
    journal::place(conn, scope, &head, &seals, &positions, &numbers)?;
    Ok(Pass { placed: numbers.len(), more: i64::try_from(numbers.len()).unwrap_or(BATCH) == BATCH })
}

fn seal(conn: &mut Conn, context: &Context, head: &mut HeadRow, ids: &[uuid::Uuid]) -> Result<Vec<SealRow>, AppError> {
    let entries: HashMap<AuditId, _> =
        journal::entries(conn, &context.scope, ids)?.into_iter().map(|entry| (entry.id, entry)).collect();
    let mut seals = Vec::with_capacity(ids.len());
    for entry in ids.iter().filter_map(|id| entries.get(&AuditId(*id))) {
        head.audit_position += 1;
        head.audit_hash = chain::link(&head.audit_hash, &entry.link(head.audit_position)).to_vec();
        seals.push(SealRow {
            site_id: head.site_id,
            position: head.audit_position,
            entry_id: entry.id,
            hash: head.audit_hash.clone(),
        });
    }
    Ok(seals)
}

fn position(conn: &mut Conn, context: &Context, head: &mut HeadRow, ids: &[uuid::Uuid]) -> Result<Vec<NewPosition>, AppError> {
    let feeds: HashMap<EventId, bool> = journal::feeds(conn, &context.scope, ids)?.into_iter().collect();
    let mut positions = Vec::with_capacity(ids.len());
    for event_id in ids.iter().copied().map(EventId) {
        let Some(is_test) = feeds.get(&event_id).copied() else { continue };
        let last = if is_test { &mut head.test_position } else { &mut head.live_position };
        *last += 1;
        positions.push(NewPosition { site_id: head.site_id, is_test, position: *last, event_id });
    }
    Ok(positions)
}
