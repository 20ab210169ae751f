//! Changing a route's configuration.

use super::create_route::{hold_owners, owner_faults, tag_taken};
use super::record::{Change, record};
use super::{Context, Expected, facts};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::boundaries::BoundariesPatch;
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::journal::SubjectKind;
use crate::domain::text::{ApprovalReference, Instruction, Reference, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, RouteStatus};
use crate::error::{AppError, ErrorCode, on_constraint};
use crate::store;
use crate::store::routes::{RouteChanges, RouteContext};

/// What to change; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default)]
pub struct RoutePatch {
    /// How people may come.
    pub channels: Option<Vec<Channel>>,
    /// How the source is recognised.
    pub source_tag: Option<Reference>,
    /// Where a person gives details.
    pub intake_url: Option<Option<WebUrl>>,
    /// What the partner tells the person to do.
    pub instruction: Option<Instruction>,
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
    /// What the partner may do for the study and what it must not.
    pub boundaries: BoundariesPatch,
}

/// Changes a route.
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
    let route = store::routes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(route.version)?;
    if route.status == RouteStatus::Retired {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("A retired route does not change. Configure a new one."));
    }
    let same = patch.owner_id.unwrap_or(route.owner_id) == patch.backup_owner_id.unwrap_or(route.backup_owner_id);
    let mut faults = owner_faults(&named, &able, same);
    faults.extend(patch.boundaries.faults());
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let changes = RouteChanges {
        channels: patch.channels.map(CodeList),
        source_tag: patch.source_tag,
        intake_url: patch.intake_url,
        instruction: patch.instruction,
        owner_id: patch.owner_id,
        backup_owner_id: patch.backup_owner_id,
        duplicate_policy: patch.duplicate_policy,
        approval_reference: patch.approval_reference,
        acknowledge_due_hours: patch.acknowledge_due_hours,
        contact_due_hours: patch.contact_due_hours,
        follow_up_due_hours: patch.follow_up_due_hours,
        status: None,
        may: patch.boundaries.may.map(CodeList),
        may_not: patch.boundaries.may_not.map(CodeList),
        version: route.version + 1,
        updated_at: context.now,
    };
    store::routes::update(conn, scope, id, &changes).map_err(on_constraint([("handoff_routes_source_tag_unique", tag_taken)]))?;
    let changed = store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let (before, after) = (facts::of_route(&route), facts::of_route(&changed.route));
    record(conn, context, [Change::new("update_route", SubjectKind::Route, id.0, before, after)])?;
    Ok(changed)
}
