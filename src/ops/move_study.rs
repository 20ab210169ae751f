//! Opening, pausing and closing a study.

use super::{Context, Expected, illegal_move};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::lifecycle::study_moves;
use crate::domain::vocabulary::StudyStatus;
use crate::error::AppError;
use crate::store;
use crate::store::studies::{StudyChanges, StudyRow};

/// Moves a study to another state. Pausing puts its referrals in flight on hold (blocker `study_paused`); opening it again
/// returns them to the state they left.
///
/// # Errors
/// 404 for an unknown study, 412 when it has changed since it was read, 409 for a move that its state does not allow.
pub fn run(conn: &mut Conn, context: &Context, id: StudyId, expected: &Expected, to: StudyStatus) -> Result<StudyRow, AppError> {
    let study = store::studies::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(study.version)?;
    let moves = study_moves(study.status);
    if !moves.contains(&to) {
        return Err(illegal_move(moves.iter().map(|status| status.as_str())));
    }
    match to {
        StudyStatus::Paused => store::referrals::hold_for_paused_study(conn, &context.scope, id, context.now)?,
        StudyStatus::Open => store::referrals::release_for_opened_study(conn, &context.scope, id, context.now)?,
        // Whoever is on the way is worked to an end by people, one by one and with a reason.
        StudyStatus::Closed => 0,
    };
    let changes =
        StudyChanges { status: Some(to), version: study.version + 1, updated_at: context.now, ..StudyChanges::default() };
    Ok(store::studies::update(conn, &context.scope, id, &changes)?)
}
