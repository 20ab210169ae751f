//! Changing a route's configuration.

use super::create_route::{columns, hold_owners, owner_faults, tag_taken};
use super::record::{Change, record};
use super::route_configurations::Changed;
use super::{Context, Expected, facts, void_proofs};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::boundaries::BoundariesPatch;
use crate::domain::calendar;
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::journal::SubjectKind;
use crate::domain::public_url;
use crate::domain::route_config::RouteChannel;
use crate::domain::text::{ApprovalReference, SourceTag, WebUrl};
use crate::domain::vocabulary::{DuplicatePolicy, RouteStatus};
use crate::error::{AppError, ErrorCode, on_constraint};
use crate::store;
use crate::store::routes::{RouteChanges, RouteContext};

const OPERATION: &str = "update_route";

/// What to change; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default)]
pub struct RoutePatch {
    /// How people may come, and what the partner tells them there.
    pub channels: Option<Vec<RouteChannel>>,
    /// How the source is recognised.
    pub source_tag: Option<SourceTag>,
    /// Where a person gives details.
    pub intake_url: Option<Option<WebUrl>>,
    /// Responsible for the next action.
    pub owner_id: Option<MemberId>,
    /// Takes it when the owner stalls.
    pub backup_owner_id: Option<MemberId>,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: Option<DuplicatePolicy>,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<Option<i32>>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<Option<i32>>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<Option<i32>>,
    /// How many referrals it takes in a calendar month.
    pub monthly_capacity: Option<Option<i32>>,
    /// What the partner may do for the study and what it must not.
    pub boundaries: BoundariesPatch,
}

/// Changes a route. What was proven of a configuration that changes is void: a route that was live waits for another test.
///
/// # Errors
/// 404 for an unknown route, 412 when it has changed since it was read, 409 when it is retired or the tag is taken, 422 when an
/// owner is unknown or the boundaries leave out what no partner ever may.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: RouteId,
    expected: &Expected,
    patch: RoutePatch,
) -> Result<RouteContext, AppError> {
    let scope = &context.scope;
    let named = [("/owner_id", patch.owner_id), ("/backup_owner_id", patch.backup_owner_id)];
    let named: Vec<_> = named.into_iter().filter_map(|(pointer, member)| Some((pointer, member?))).collect();
    let able = hold_owners(conn, context, &named)?;
    let site = store::sites::hold(conn, scope)?;
    let route = store::routes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(route.version)?;
    if route.status == RouteStatus::Retired {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("A retired route does not change. Configure a new one."));
    }
    let same = patch.owner_id.unwrap_or(route.owner_id) == patch.backup_owner_id.unwrap_or(route.backup_owner_id);
    let mut faults = owner_faults(&named, &able, same);
    faults.extend(patch.intake_url.iter().flatten().filter_map(|url| public_url::fault("/intake_url", url)));
    faults.extend(patch.boundaries.faults());
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let (channels, instruction) = patch.channels.map(columns).unzip();
    let changes = RouteChanges {
        channels,
        source_tag: patch.source_tag,
        intake_url: patch.intake_url,
        instruction,
        owner_id: patch.owner_id,
        backup_owner_id: patch.backup_owner_id,
        duplicate_policy: patch.duplicate_policy,
        approval_reference: patch.approval_reference,
        acknowledge_due_hours: patch.acknowledge_due_hours,
        contact_due_hours: patch.contact_due_hours,
        follow_up_due_hours: patch.follow_up_due_hours,
        monthly_capacity: patch.monthly_capacity,
        status: None,
        may: patch.boundaries.may.map(CodeList),
        may_not: patch.boundaries.may_not.map(CodeList),
        version: route.version + 1,
        updated_at: context.now,
    };
    store::routes::update(conn, scope, id, &changes).map_err(on_constraint([("handoff_routes_source_tag_unique", tag_taken)]))?;
    let changed = store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    // Only a route with a capacity is counted: what the month brought before it had one is counted now, while nothing comes in.
    if patch.monthly_capacity.is_some_and(|capacity| capacity.is_some()) {
        let month = calendar::month_of(context.now, site.zone());
        store::route_counts::recount(conn, scope, &route, month, calendar::start_of(month, site.zone()))?;
    }
    let was = route.configuration(&site).hash();
    let (before, after) = (facts::of_route(&route), facts::of_route(&changed.route));
    let mut recorded = vec![Change::new(OPERATION, SubjectKind::Route, id.0, before, after)];
    let edited = Changed { before: Some(was), route: &changed.route };
    let voided = void_proofs::run(conn, context, OPERATION, &site, &[edited])?;
    let is_voided = !voided.is_empty();
    recorded.extend(voided);
    record(conn, context, recorded)?;
    if is_voided {
        return store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found);
    }
    Ok(changed)
}
