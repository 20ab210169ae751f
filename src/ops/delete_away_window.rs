//! Taking back when a member is away: a plan that falls through, or a member who is back early. The trail keeps that it was.

use super::record::{Change, record};
use super::{Context, Expected, away_plan, facts};
use crate::db::Conn;
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::store;

/// Deletes an absence, also one that is over.
///
/// # Errors
/// 403 for somebody else's, unless by an admin; 404 for an unknown member or window, 412 when it has changed since it was read.
pub fn run(conn: &mut Conn, context: &Context, member: MemberId, id: AwayWindowId, expected: &Expected) -> Result<(), AppError> {
    away_plan::authorise(context, member)?;
    store::members::lock(conn, &context.scope, member)?.ok_or_else(AppError::not_found)?;
    let window = store::away_windows::find(conn, &context.scope, member, id)?.ok_or_else(AppError::not_found)?;
    expected.check(window.version)?;
    store::away_windows::delete(conn, &context.scope, &[id])?;
    let was = facts::of_away_window(&window);
    record(conn, context, [Change::new("delete_away_window", SubjectKind::AwayWindow, id.0, was, Facts::new())])
}
