//! Changing a route's configuration.

use super::create_route::{owner_faults, tag_taken};
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::vocabulary::RouteStatus;
use crate::error::{AppError, ErrorCode, on_constraint};
use crate::store;
use crate::store::routes::{RouteChanges, RouteContext};

/// Changes a route. `changes.version` and `changes.updated_at` are set here.
///
/// # Errors
/// 404 for an unknown route, 412 when it has changed since it was read, 409 when it is retired or the tag is taken, 422 when an
/// owner is unknown.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: RouteId,
    expected: &Expected,
    mut changes: RouteChanges,
) -> Result<RouteContext, AppError> {
    let scope = &context.scope;
    let route = store::routes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(route.version)?;
    if route.status == RouteStatus::Retired {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("A retired route does not change. Configure a new one."));
    }
    if changes.owner_id.is_some() || changes.backup_owner_id.is_some() {
        let owner = changes.owner_id.unwrap_or(route.owner_id);
        let backup = changes.backup_owner_id.unwrap_or(route.backup_owner_id);
        let faults = owner_faults(conn, context, owner, backup)?;
        if !faults.is_empty() {
            return Err(AppError::invalid(faults));
        }
    }
    changes.version = route.version + 1;
    changes.updated_at = context.now;
    store::routes::update(conn, scope, id, &changes).map_err(on_constraint([("handoff_routes_source_tag_unique", tag_taken)]))?;
    store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)
}
