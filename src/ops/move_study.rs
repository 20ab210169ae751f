//! Opening, pausing and closing a study.

use super::record::{Change, record};
use super::transition_referral::{self, state_of};
use super::{Context, Expected, facts, illegal_move};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::study_moves;
use crate::domain::referral_state;
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
    let mut recorded = move_referrals(conn, context, id, to)?;
    let changes =
        StudyChanges { status: Some(to), version: study.version + 1, updated_at: context.now, ..StudyChanges::default() };
    let moved = store::studies::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_study(&study), facts::of_study(&moved));
    let change = Change::new("transition_study", SubjectKind::Study, id.0, before, after);
    recorded.push(change.tell(EventType::StudyStatusChanged, moved.version));
    record(conn, context, recorded)?;
    Ok(moved)
}

/// What happens to the study's referrals, and what is to be recorded of it.
fn move_referrals(conn: &mut Conn, context: &Context, study: StudyId, to: StudyStatus) -> Result<Vec<Change>, AppError> {
    let (scope, now) = (&context.scope, context.now);
    if to == StudyStatus::Closed {
        // Whoever is on the way is worked to an end by people, one by one and with a reason.
        return Ok(Vec::new());
    }
    let before = store::referrals::lock_for_study(conn, scope, study, to == StudyStatus::Paused)?;
    let site = store::sites::current(conn, scope)?;
    let routes = store::routes::of_study(conn, scope, study)?;
    let mut after = before.clone();
    for referral in &mut after {
        let state = state_of(referral);
        let decided =
            if to == StudyStatus::Paused { referral_state::hold_for_pause(&state) } else { referral_state::resume(&state) };
        let route = routes.iter().find(|route| route.id == referral.route_id).ok_or_else(AppError::not_found)?;
        let change = transition_referral::change(referral, &decided, &route.due_terms(&site), now);
        transition_referral::apply(referral, change);
    }
    store::referrals::write_all(conn, &after)?;
    Ok(before.iter().zip(&after).map(|(before, after)| Change::of_referral("transition_study", before, after)).collect())
}
