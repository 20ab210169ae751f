//! Pausing, resuming and retiring a route, and the move that a launch is.

use super::record::{Change, record};
use super::{Context, Expected, advance_test_run, facts, illegal_move};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::lifecycle::RouteMove;
use crate::domain::test_run::TestRunStatus;
use crate::error::AppError;
use crate::store;
use crate::store::routes::{RouteChanges, RouteContext, RouteRow};

/// Pauses, resumes or retires a route. It decides what comes in: who came over it before goes on with an owner
/// (`domain::standstill`). A launch is `launch_route`.
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
    let locked = lock(conn, context, id, expected, step)?;
    make(conn, context, &locked, step)
}

/// Locks a route for a move that its state allows.
///
/// # Errors
/// As [`run`].
pub(super) fn lock(
    conn: &mut Conn,
    context: &Context,
    id: RouteId,
    expected: &Expected,
    step: RouteMove,
) -> Result<RouteRow, AppError> {
    let route = store::routes::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(route.version)?;
    if step.from(route.status).is_none() {
        let possible = RouteMove::ALL.iter().filter(|other| other.from(route.status).is_some());
        return Err(illegal_move(possible.map(|other| other.as_str())));
    }
    Ok(route)
}

/// Makes a move with a route that [`lock`] answered.
///
/// # Errors
/// A database failure.
pub(super) fn make(conn: &mut Conn, context: &Context, route: &RouteRow, step: RouteMove) -> Result<RouteContext, AppError> {
    let scope = &context.scope;
    let changes = RouteChanges {
        status: step.from(route.status),
        version: route.version + 1,
        updated_at: context.now,
        ..RouteChanges::default()
    };
    store::routes::update(conn, scope, route.id, &changes)?;
    let moved = store::routes::find(conn, scope, route.id)?.ok_or_else(AppError::not_found)?;
    let (operation, event) = match step {
        RouteMove::Launch => ("launch_route", Some(EventType::RouteLaunched)),
        RouteMove::Pause => ("pause_route", Some(EventType::RoutePaused)),
        RouteMove::Resume => ("resume_route", Some(EventType::RouteResumed)),
        RouteMove::Retire => ("retire_route", None),
    };
    if step == RouteMove::Retire {
        for run in store::test_runs::lock_open_of_routes(conn, scope, &[route.id])? {
            advance_test_run::end(conn, context, operation, &run, TestRunStatus::Cancelled)?;
        }
    }
    let (before, after) = (facts::of_route(route), facts::of_route(&moved.route));
    let mut change = Change::new(operation, SubjectKind::Route, route.id.0, before, after);
    if let Some(event) = event {
        change = change.tell_of_partner(event, moved.route.version, route.partner_id, Some(route.study_id));
    }
    record(conn, context, [change])?;
    Ok(moved)
}
