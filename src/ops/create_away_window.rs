//! Planning when a member is away. It stays active and keeps what it owns; what comes in meanwhile goes to whoever is there.

use super::away_plan;
use super::record::{Change, record};
use super::{Context, facts};
use crate::db::Conn;
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::domain::journal::SubjectKind;
use crate::error::AppError;
use crate::store;
use crate::store::away_windows::AwayWindowRow;

pub use super::away_plan::Absence;

/// Plans an absence of a member.
///
/// # Errors
/// 403 for somebody else's, unless by an admin; 404 for an unknown member, 422 with every fault of the times, 409 when the member
/// is deactivated, is away then already, or has too many planned.
pub fn run(conn: &mut Conn, context: &Context, member: MemberId, absence: Absence) -> Result<AwayWindowRow, AppError> {
    away_plan::authorise(context, member)?;
    away_plan::lock_active(conn, context, member)?;
    let absence = absence.kept();
    away_plan::check(conn, context, member, &absence, None)?;
    let window = AwayWindowRow {
        site_id: context.scope.site(),
        id: AwayWindowId::at(context.now),
        member_id: member,
        starts_at: absence.starts_at,
        ends_at: absence.ends_at,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
    };
    store::away_windows::insert(conn, &window)?;
    let change = Change::made("create_away_window", SubjectKind::AwayWindow, window.id.0, facts::of_away_window(&window));
    record(conn, context, [change])?;
    Ok(window)
}
