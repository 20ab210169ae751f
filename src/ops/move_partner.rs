//! Moving a partner through its lifecycle.

use super::record::{Change, record};
use super::{Context, Expected, facts, illegal_move, standstill, suspend_partners};
use crate::db::Conn;
use crate::domain::ids::PartnerId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::partner_moves;
use crate::domain::standstill::Change as Standstill;
use crate::domain::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::partners::{PartnerChanges, PartnerRow};

/// Moves a partner to another state. When it ends, nobody waits for it any longer; everything else that it sent goes on.
///
/// # Errors
/// 404 for an unknown partner, 412 when it has changed since it was read, 409 for a move that its state does not allow, or that
/// its language or its routes are not ready for.
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
    check_ready(conn, context, &partner, to)?;
    let mut recorded = match Standstill::of_partner(to) {
        Some(change @ Standstill::PartnerEnded) => {
            let studies = store::referrals::hold_studies_of_partner(conn, &context.scope, id)?;
            let routes = store::routes::of_partner(conn, &context.scope, id)?;
            let locked = store::referrals::lock_open_of_partner(conn, &context.scope, id)?;
            let status = |study| studies.iter().find(|(id, _)| *id == study).map_or(StudyStatus::Open, |(_, status)| *status);
            standstill::settle(conn, context, ("transition_partner", change), &locked, &routes, status)?
        }
        // The table has nothing for the others, so that no referral is locked for them.
        _ => Vec::new(),
    };
    let changes = PartnerChanges {
        status: Some(to),
        suspension_reason: Some(None),
        version: partner.version + 1,
        updated_at: context.now,
        ..PartnerChanges::default()
    };
    let moved = store::partners::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_partner(&partner), facts::of_partner(&moved));
    let change = Change::new("transition_partner", SubjectKind::Partner, id.0, before, after);
    recorded.push(change.tell_of_partner(EventType::PartnerStatusChanged, moved.version, id, None));
    record(conn, context, recorded)?;
    Ok(moved)
}

/// A partner is tested with language that it has acknowledged, and works with a route that was launched.
fn check_ready(conn: &mut Conn, context: &Context, partner: &PartnerRow, to: PartnerStatus) -> Result<(), AppError> {
    let missing = match (partner.status, to) {
        (PartnerStatus::LanguagePending, PartnerStatus::TestPending) | (PartnerStatus::Suspended, PartnerStatus::Active) => {
            (!suspend_partners::has_language(conn, context, partner.id)?).then_some(
                "The partner has not acknowledged the language that counts for any study that it has a route for. It does so with its key (`create_acknowledgement`).",
            )
        }
        (PartnerStatus::TestPending, PartnerStatus::Active) => {
            let routes = store::routes::of_partner(conn, &context.scope, partner.id)?;
            (!routes.iter().any(|route| route.status == RouteStatus::Launched))
                .then_some("No route of the partner is launched. Launch one first: `get_launch_check` lists what it needs.")
        }
        _ => None,
    };
    missing.map_or(Ok(()), |detail| Err(AppError::new(ErrorCode::StateConflict).with_detail(detail)))
}
