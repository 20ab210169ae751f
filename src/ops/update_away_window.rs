//! Moving when a member is away.

use chrono::{DateTime, Utc};

use super::away_plan::{self, Absence};
use super::record::{Change, record};
use super::{Context, Expected, facts};
use crate::db::Conn;
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::domain::journal::SubjectKind;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::away_windows::AwayWindowRow;

/// What to change; `None` leaves a field.
#[derive(Debug, Default, Clone, Copy)]
pub struct AbsencePatch {
    /// From when.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Moves an absence. A patch that says what is there already changes nothing.
///
/// # Errors
/// 403 for somebody else's, unless by an admin; 404 for an unknown member or window, 412 when it has changed since it was read,
/// 409 when it is over, when the member is deactivated or is away then already, 422 with every fault of the times.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    member: MemberId,
    id: AwayWindowId,
    expected: &Expected,
    patch: AbsencePatch,
) -> Result<AwayWindowRow, AppError> {
    away_plan::authorise(context, member)?;
    away_plan::lock_active(conn, context, member)?;
    let before = store::away_windows::find(conn, &context.scope, member, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.version)?;
    if before.ends_at <= context.now {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This absence is over. Plan another one."));
    }
    let starts_at = patch.starts_at.unwrap_or(before.starts_at);
    let absence = Absence { starts_at, ends_at: patch.ends_at.unwrap_or(before.ends_at) }.kept();
    if absence == (Absence { starts_at: before.starts_at, ends_at: before.ends_at }) {
        return Ok(before);
    }
    away_plan::check(conn, context, member, &absence, Some(id))?;
    let after = AwayWindowRow {
        starts_at: absence.starts_at,
        ends_at: absence.ends_at,
        version: before.version + 1,
        updated_at: context.now,
        ..before.clone()
    };
    store::away_windows::update(conn, &context.scope, &after)?;
    let (was, is) = (facts::of_away_window(&before), facts::of_away_window(&after));
    record(conn, context, [Change::new("update_away_window", SubjectKind::AwayWindow, id.0, was, is)])?;
    Ok(after)
}
