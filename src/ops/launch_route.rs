//! Launching a route: from now on it takes live referrals.

use super::{Context, Expected, launch_readiness, move_route};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::lifecycle::RouteMove;
use crate::error::AppError;
use crate::store::routes::RouteContext;

/// Launches a route for which every check holds; `email`: whether the server sends any.
///
/// # Errors
/// 404 for an unknown route, 412 when it has changed since it was read, 409 for one that is launched, paused or retired already, and
/// with every check that does not hold.
pub fn run(conn: &mut Conn, context: &Context, id: RouteId, expected: &Expected, email: bool) -> Result<RouteContext, AppError> {
    let locked = move_route::lock(conn, context, id, expected, RouteMove::Launch)?;
    launch_readiness::demand(conn, context, id, email)?;
    move_route::make(conn, context, &locked, RouteMove::Launch)
}
