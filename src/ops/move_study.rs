//! Opening, pausing and closing a study.

use super::record::{Change, record};
use super::{Context, Expected, facts, illegal_move, standstill};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::study_moves;
use crate::domain::standstill::Change as Standstill;
use crate::domain::vocabulary::StudyStatus;
use crate::error::AppError;
use crate::store;
use crate::store::studies::{StudyChanges, StudyRow};

/// Moves a study to another state, and its open referrals with it: `domain::standstill` says which and how. Whatever would bring one
/// into flight holds the study before the referral, so that nothing slips past a pause.
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
    let (locked, routes) =
        (store::referrals::lock_open_of_study(conn, &context.scope, id)?, store::routes::of_study(conn, &context.scope, id)?);
    let change = ("transition_study", Standstill::of_study(to));
    let mut recorded = standstill::settle(conn, context, change, &locked, &routes, |_| to)?;
    let changes =
        StudyChanges { status: Some(to), version: study.version + 1, updated_at: context.now, ..StudyChanges::default() };
    let moved = store::studies::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_study(&study), facts::of_study(&moved));
    let change = Change::new("transition_study", SubjectKind::Study, id.0, before, after);
    recorded.push(change.tell(EventType::StudyStatusChanged, moved.version));
    record(conn, context, recorded)?;
    Ok(moved)
}
