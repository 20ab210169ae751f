//! What is known of a route when somebody asks whether it may be launched. `domain::launch` decides.

use super::Context;
use crate::db::Conn;
use crate::domain::launch::{self, Checked, LaunchCheck, Readiness};
use crate::error::{AppError, ErrorCode, LaunchBlocker};
use crate::store;
use crate::store::routes::RouteContext;

/// Every check of a route with its state.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, route: &RouteContext) -> Result<Vec<Checked>, AppError> {
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let row = &route.route;
    let able = store::members::read_owners_and_lead(conn, scope, &[row.owner_id, row.backup_owner_id], context.now)?;
    let reachable = store::alert_deliveries::reachable(conn, scope, &[row.owner_id, row.backup_owner_id])?;
    let language = store::language_versions::standing(conn, scope, row.partner_id, row.study_id, site.today(context.now))?;
    let is_able = |member| able.iter().any(|owner| owner.id == member);
    let ready = Readiness {
        study: route.study_status,
        partner: route.partner_status,
        language_approved: language.is_approved(),
        language_acknowledged: language.is_acknowledged(),
        owner_active: is_able(row.owner_id),
        owner_reachable: reachable.contains(&row.owner_id),
        backup_active: is_able(row.backup_owner_id) && row.backup_owner_id != row.owner_id,
        backup_reachable: reachable.contains(&row.backup_owner_id),
        // A column that is never empty: the check stands there for whoever reads the list.
        source_tag: true,
        test_passed: store::test_runs::is_proven(conn, scope, row.id, &row.configuration(&site).hash())?,
    };
    Ok(launch::check(&ready))
}

/// Refuses the launch of a route for which a check does not hold.
///
/// # Errors
/// 409 with every check that does not hold, and what to do about it.
pub(super) fn demand(conn: &mut Conn, context: &Context, route: &RouteContext) -> Result<(), AppError> {
    let failing: Vec<LaunchCheck> =
        run(conn, context, route)?.into_iter().filter(|checked| !checked.passed).map(|checked| checked.check).collect();
    if failing.is_empty() {
        return Ok(());
    }
    let blockers = failing.iter().map(|check| LaunchBlocker { check: check.as_str(), what_to_do: check.what_to_do() }).collect();
    Err(AppError::new(ErrorCode::LaunchBlocked).with_launch_blockers(blockers))
}
