//! The history of routes: what changes a route's configuration keeps the new one beside those that it had.

use super::Context;
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::text::ConfigurationHash;
use crate::error::AppError;
use crate::store;
use crate::store::route_configurations::ConfigurationRow;
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;

/// A route after a change that may have touched its configuration. The caller has locked it and holds the site's settings.
pub(super) struct Changed<'a> {
    /// The hash before; `None` for a route that is new.
    pub before: Option<ConfigurationHash>,
    /// The route now.
    pub route: &'a RouteRow,
}

/// Keeps the configurations that are new and answers whose they are. `site` is the site as it is after the change.
///
/// # Errors
/// A database failure.
pub(super) fn keep(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    site: &SiteRow,
    changed: &[Changed<'_>],
) -> Result<Vec<RouteId>, AppError> {
    let hashed = changed.iter().map(|one| (one, one.route.configuration(site).hash()));
    let new: Vec<_> = hashed.filter(|(one, hash)| one.before.as_ref() != Some(hash)).collect();
    let ids: Vec<RouteId> = new.iter().map(|(one, _)| one.route.id).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let numbers = store::route_configurations::last_numbers(conn, &context.scope, &ids)?;
    let next = |route: RouteId| 1 + numbers.iter().find(|(id, _)| *id == route).and_then(|(_, last)| *last).unwrap_or(0);
    let rows: Vec<ConfigurationRow> = new
        .into_iter()
        .map(|(Changed { route, .. }, configuration_hash)| ConfigurationRow {
            site_id: route.site_id,
            route_id: route.id,
            number: next(route.id),
            configuration_hash,
            channels: route.channels.clone(),
            instruction: route.instruction.clone(),
            source_tag: route.source_tag.clone(),
            intake_url: route.intake_url_at(site).clone(),
            owner_id: route.owner_id,
            backup_owner_id: route.backup_owner_id,
            duplicate_policy: route.duplicate_policy,
            approval_reference: route.approval_reference.clone(),
            acknowledge_due_hours: route.acknowledge_due_hours,
            contact_due_hours: route.contact_due_hours,
            follow_up_due_hours: route.follow_up_due_hours,
            recorded_at: context.now,
            operation: operation.to_owned(),
            actor_kind: context.actor.kind(),
            actor_id: context.actor.id(),
        })
        .collect();
    store::route_configurations::insert(conn, &rows)?;
    Ok(ids)
}
