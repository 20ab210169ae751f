//! Launching, pausing, resuming and retiring a route.

use super::record::{Change, record};
use super::{Context, Expected, facts, illegal_move};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::RouteMove;
use crate::error::AppError;
use crate::store;
use crate::store::routes::{RouteChanges, RouteContext};

/// Makes a move with a route. It decides what comes in: who came over it before goes on with an owner (`domain::standstill`).
///
/// # Errors
/// 404 for an unknown route, 412 when it has changed since it was read, 409 for a move that its state does not allow.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: RouteId,
    expected: &Expected,
    step: RouteMove,
) -> Result<RouteContext, AppError> {
    let scope = &context.scope;
    let route = store::routes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(route.version)?;
    let Some(status) = step.from(route.status) else {
        let possible = RouteMove::ALL.iter().filter(|other| other.from(route.status).is_some());
        return Err(illegal_move(possible.map(|other| other.as_str())));
    };
    let changes =
        RouteChanges { status: Some(status), version: route.version + 1, updated_at: context.now, ..RouteChanges::default() };
    store::routes::update(conn, scope, id, &changes)?;
    let moved = store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let (operation, event) = match step {
        RouteMove::Launch => ("launch_route", Some(EventType::RouteLaunched)),
        RouteMove::Pause => ("pause_route", Some(EventType::RoutePaused)),
        RouteMove::Resume => ("resume_route", Some(EventType::RouteResumed)),
        RouteMove::Retire => ("retire_route", None),
    };
    let (before, after) = (facts::of_route(&route), facts::of_route(&moved.route));
    let mut change = Change::new(operation, SubjectKind::Route, id.0, before, after);
    if let Some(event) = event {
        change = change.tell_of_partner(event, moved.route.version, route.partner_id, Some(route.study_id));
    }
    record(conn, context, [change])?;
    Ok(moved)
}
