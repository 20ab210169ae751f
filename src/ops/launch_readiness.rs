//! What is known of a route when somebody asks whether it may be launched. `domain::launch` decides.

use super::{Context, reachability};
use crate::db::Conn;
use crate::domain::alerting::Reachability;
use crate::domain::ids::RouteId;
use crate::domain::language_standing::Standing;
use crate::domain::launch::{self, Checked, Readiness};
use crate::domain::text::ConfigurationHash;
use crate::error::{AppError, ErrorCode, LaunchBlocker};
use crate::store;
use crate::store::routes::RouteContext;
use crate::store::test_runs::TestRunRow;

/// A route with every check, and its proof.
#[derive(Debug)]
pub struct LaunchStanding {
    /// The route.
    pub route: RouteContext,
    /// What a proof has to be of.
    pub configuration_hash: ConfigurationHash,
    /// Every check with its state.
    pub checks: Vec<Checked>,
    /// The run that proves the configuration as it is now.
    pub proof: Option<TestRunRow>,
}

/// Every check of a route with its state; `email`: whether the server sends any.
///
/// # Errors
/// 404 for an unknown route.
pub fn run(conn: &mut Conn, context: &Context, id: RouteId, email: bool) -> Result<LaunchStanding, AppError> {
    let scope = &context.scope;
    let route = store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let site = store::sites::current(conn, scope)?;
    let row = &route.route;
    let both = [row.owner_id, row.backup_owner_id];
    let able = store::members::read_owners_and_lead(conn, scope, &both, context.now)?;
    let channels: Vec<_> =
        store::alerts::channels::chosen(conn, scope, &both)?.into_iter().map(|(id, channels)| (id, channels.0)).collect();
    let reached = reachability::of_members(conn, context, &channels, email)?;
    let is_reachable = |member| {
        let mut states = channels.iter().zip(&reached);
        states.any(|((id, _), (reached, _))| *id == member && *reached == Reachability::Reachable)
    };
    let is_able = |member| able.iter().any(|owner| owner.id == member);
    let language = store::language_versions::standing(conn, scope, row.partner_id, row.study_id, site.day_of(context.now))?;
    let configuration_hash = row.configuration(&site).hash();
    let proof = store::test_runs::proof(conn, scope, row.id, &configuration_hash)?;
    let ready = Readiness {
        study: route.study_status,
        partner: route.partner_status,
        language_approved: !matches!(language, Standing::NoApprovedLanguage),
        language_acknowledged: matches!(language, Standing::Acknowledged { .. }),
        owner_active: is_able(row.owner_id),
        owner_reachable: is_reachable(row.owner_id),
        backup_active: is_able(row.backup_owner_id) && row.backup_owner_id != row.owner_id,
        backup_reachable: is_reachable(row.backup_owner_id),
        // A column that is never empty: the check stands there for whoever reads the list.
        source_tag: true,
        test_passed: proof.is_some(),
    };
    Ok(LaunchStanding { checks: launch::check(&ready), route, configuration_hash, proof })
}

/// Refuses the launch of a route for which a check does not hold.
///
/// # Errors
/// 409 with every check that does not hold, and what to do about it.
pub(super) fn demand(conn: &mut Conn, context: &Context, id: RouteId, email: bool) -> Result<(), AppError> {
    let standing = run(conn, context, id, email)?;
    let failing = standing.checks.iter().filter(|checked| !checked.passed).map(|checked| checked.check);
    let blockers: Vec<LaunchBlocker> =
        failing.map(|check| LaunchBlocker { check: check.as_str(), what_to_do: check.what_to_do() }).collect();
    if blockers.is_empty() {
        return Ok(());
    }
    Err(AppError::new(ErrorCode::LaunchBlocked).with_launch_blockers(blockers))
}
