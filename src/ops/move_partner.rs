//! Moving a partner through its lifecycle.

use super::record::{Change, record};
use super::{Context, Expected, facts, illegal_move};
use crate::db::Conn;
use crate::domain::ids::PartnerId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::partner_moves;
use crate::domain::vocabulary::PartnerStatus;
use crate::error::AppError;
use crate::store;
use crate::store::partners::{PartnerChanges, PartnerRow};

/// Moves a partner to another state.
///
/// # Errors
/// 404 for an unknown partner, 412 when it has changed since it was read, 409 for a move that its state does not allow.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: PartnerId,
    expected: &Expected,
    to: PartnerStatus,
) -> Result<PartnerRow, AppError> {
    let partner = store::partners::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(partner.version)?;
    let moves = partner_moves(partner.status);
    if !moves.contains(&to) {
        return Err(illegal_move(moves.iter().map(|status| status.as_str())));
    }
    let changes =
        PartnerChanges { status: Some(to), version: partner.version + 1, updated_at: context.now, ..PartnerChanges::default() };
    let moved = store::partners::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_partner(&partner), facts::of_partner(&moved));
    let change = Change::new("transition_partner", SubjectKind::Partner, id.0, before, after);
    record(conn, context, [change.tell_of_partner(EventType::PartnerStatusChanged, moved.version, id, None)])?;
    Ok(moved)
}
