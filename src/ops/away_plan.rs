//! What is true of every window that a member is away: who may plan it, when it may be, and that no two of a member overlap.
//!
//! Whoever plans has locked the member, so that two windows that are harmless alone are decided one after the other.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

use super::record::Change;
use super::{Context, facts};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::away_windows::AwayWindowRow;

/// Nobody is away for longer, and still owns what it owns.
const LONGEST: Duration = Duration::days(366);
/// Nothing is planned further ahead.
const FARTHEST: Duration = Duration::days(731);
/// How many windows of a member may be planned at once.
const MOST: usize = 100;

/// When a member is away: from the start on, up to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

impl Absence {
    /// In whole microseconds, which is what the database keeps.
    pub(super) fn kept(self) -> Self {
        Self { starts_at: self.starts_at.trunc_subsecs(6), ends_at: self.ends_at.trunc_subsecs(6) }
    }

    fn overlaps(&self, starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) -> bool {
        self.starts_at < ends_at && starts_at < self.ends_at
    }

    fn faults(&self, now: DateTime<Utc>) -> Vec<Fault> {
        let (starts_at, ends_at) = (self.starts_at, self.ends_at);
        [
            (
                starts_at > now + FARTHEST,
                "/starts_at",
                FaultCode::OutOfRange,
                "Send a time within two years (731 days) from now, in UTC.",
            ),
            (ends_at <= starts_at, "/ends_at", FaultCode::Inconsistent, "Send an end that comes after `starts_at`."),
            (ends_at - starts_at > LONGEST, "/ends_at", FaultCode::OutOfRange, "Send an end within 366 days from `starts_at`."),
            (
                ends_at <= now,
                "/ends_at",
                FaultCode::OutOfRange,
                "Send an end that is still to come. A member who is back already is not away: delete the window.",
            ),
        ]
        .into_iter()
        .filter(|(is_fault, ..)| *is_fault)
        .map(|(_, pointer, code, message)| Fault::new(pointer, code, message))
        .collect()
    }
}

/// Refuses whoever plans for somebody else and is no admin: before anything is looked up, so that the answer tells nothing of
/// whether there is such a member.
///
/// # Errors
/// 403 with who may.
pub(super) fn authorise(context: &Context, member: MemberId) -> Result<(), AppError> {
    match &context.actor {
        Actor::Staff(staff) if staff.role != Role::Admin && staff.member != member => Err(AppError::new(ErrorCode::Forbidden)
            .with_detail("You plan your own absences. Those of other members are planned by themselves or by an admin.")),
        _ => Ok(()),
    }
}

/// Locks the member whose absences change.
///
/// # Errors
/// 404 for an unknown member, 409 when it is deactivated.
pub(super) fn lock_active(conn: &mut Conn, context: &Context, member: MemberId) -> Result<(), AppError> {
    let locked = store::members::lock(conn, &context.scope, member)?.ok_or_else(AppError::not_found)?;
    if locked.active {
        return Ok(());
    }
    Err(AppError::new(ErrorCode::StateConflict)
        .with_detail("This member is deactivated, so that it owns nothing and is expected nowhere."))
}

/// Refuses an absence that may not be; `own` is the window that it takes the place of.
///
/// # Errors
/// 422 with every fault of its times, 409 when it overlaps another window, or when too many are planned.
pub(super) fn check(
    conn: &mut Conn,
    context: &Context,
    member: MemberId,
    absence: &Absence,
    own: Option<AwayWindowId>,
) -> Result<(), AppError> {
    let faults = absence.faults(context.now);
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let mut others = store::away_windows::not_ended(conn, &context.scope, member, context.now)?;
    others.retain(|window| Some(window.id) != own);
    if others.iter().any(|window| absence.overlaps(window.starts_at, window.ends_at)) {
        return Err(AppError::new(ErrorCode::AwayWindowOverlaps));
    }
    if others.len() >= MOST {
        return Err(AppError::new(ErrorCode::StateConflict)
            .with_detail("A hundred absences of this member are planned already. Delete some, or join them."));
    }
    Ok(())
}

/// Takes away what is planned of a member who leaves; answers what is to be recorded. What is over stays.
///
/// # Errors
/// A database failure.
pub(super) fn cancel(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    member: MemberId,
) -> Result<Vec<Change>, AppError> {
    let planned = store::away_windows::not_ended(conn, &context.scope, member, context.now)?;
    let ids: Vec<AwayWindowId> = planned.iter().map(|window| window.id).collect();
    if !ids.is_empty() {
        store::away_windows::delete(conn, &context.scope, &ids)?;
    }
    let gone = |window: &AwayWindowRow| {
        let was = facts::of_away_window(window);
        Change::new(operation, SubjectKind::AwayWindow, window.id.0, was, Facts::new())
    };
    Ok(planned.iter().map(gone).collect())
}
