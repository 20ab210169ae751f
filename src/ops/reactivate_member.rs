//! Reactivating a member: it may log in and own work again. What it had then stays with those who took it.

use super::record::{Change, record};
use super::roster::Roster;
use super::update_member::of_one;
use super::{Context, Expected, facts};
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::domain::journal::SubjectKind;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::members::{MemberChanges, MemberContext};

/// Reactivates a member, with the role and the studies that it had.
///
/// # Errors
/// 404 for an unknown member, 412 when it has changed since it was read, 409 when it is active.
pub fn run(conn: &mut Conn, context: &Context, id: MemberId, expected: &Expected) -> Result<MemberContext, AppError> {
    let roster = Roster::lock(conn, context, &[id])?;
    let member = roster.find(id).ok_or_else(AppError::not_found)?;
    expected.check(member.version)?;
    if member.active {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This member is active."));
    }
    let changes =
        MemberChanges { active: Some(true), version: member.version + 1, updated_at: context.now, ..MemberChanges::default() };
    let changed = store::members::update(conn, &context.scope, id, &changes)?;
    let after = of_one(conn, context, changed)?;
    let before = MemberContext { member: member.clone(), studies: after.studies.clone() };
    let (was, is) = (facts::of_member(&before), facts::of_member(&after));
    record(conn, context, [Change::new("reactivate_member", SubjectKind::Member, id.0, was, is)])?;
    Ok(after)
}
