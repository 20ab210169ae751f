//! Configuring a handoff route.

use super::record::{Change, record};
use super::route_configurations::{Changed, keep};
use super::{Context, facts, taken};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::boundaries::BoundariesPatch;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::journal::SubjectKind;
use crate::domain::public_url;
use crate::domain::route_config::RouteChannel;
use crate::domain::text::{ApprovalReference, Code, Instruction, SourceTag, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, RouteStatus};
use crate::error::{AppError, on_constraint};
use crate::store;
use crate::store::routes::{RouteContext, RouteRow};

/// A route to be configured.
#[derive(Debug)]
pub struct NewRoute {
    /// The partner's code.
    pub partner: Code,
    /// The study's code.
    pub study: Code,
    /// How people may come, and what the partner tells them there.
    pub channels: Vec<RouteChannel>,
    /// How the source is recognised.
    pub source_tag: SourceTag,
    /// Where a person gives details.
    pub intake_url: Option<WebUrl>,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Takes it when the owner stalls.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<i32>,
    /// How many referrals it takes in a calendar month.
    pub monthly_capacity: Option<i32>,
    /// What the partner may do for the study and what it must not.
    pub boundaries: BoundariesPatch,
}

/// Configures a route as a draft.
///
/// # Errors
/// 422 when a code or an owner is unknown, 409 when this partner already has a route for this study or the tag is taken.
pub fn run(conn: &mut Conn, context: &Context, new: NewRoute) -> Result<RouteContext, AppError> {
    let scope = &context.scope;
    let partner = store::partners::find_by_code(conn, scope, &new.partner)?;
    let study = store::studies::find_by_code(conn, scope, &new.study)?;
    let mut faults = Vec::new();
    if partner.is_none() {
        faults.push(Fault::new("/partner", FaultCode::UnknownReference, "No partner of the site has this code."));
    }
    if study.is_none() {
        faults.push(Fault::new("/study", FaultCode::UnknownReference, "No study of the site has this code."));
    }
    let named = [("/owner_id", new.owner_id), ("/backup_owner_id", new.backup_owner_id)];
    let able = hold_owners(conn, context, &named)?;
    faults.extend(owner_faults(&named, &able, new.owner_id == new.backup_owner_id));
    faults.extend(new.intake_url.as_ref().and_then(|url| public_url::fault("/intake_url", url)));
    faults.extend(new.boundaries.faults());
    let boundaries = new.boundaries.or_default();
    let (Some(partner), Some(study), true) = (partner, study, faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    let site = store::sites::hold(conn, scope)?;
    let (channels, instruction) = columns(new.channels);
    let route = RouteRow {
        site_id: scope.site(),
        id: RouteId::at(context.now),
        partner_id: partner.id,
        study_id: study.id,
        channels,
        source_tag: new.source_tag,
        intake_url: new.intake_url,
        instruction,
        owner_id: new.owner_id,
        backup_owner_id: new.backup_owner_id,
        duplicate_policy: new.duplicate_policy,
        approval_reference: new.approval_reference,
        acknowledge_due_hours: new.acknowledge_due_hours,
        contact_due_hours: new.contact_due_hours,
        follow_up_due_hours: new.follow_up_due_hours,
        status: RouteStatus::Draft,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
        monthly_capacity: new.monthly_capacity,
        may: CodeList(boundaries.may),
        may_not: CodeList(boundaries.may_not),
    };
    store::routes::insert(conn, &route).map_err(on_constraint([
        ("handoff_routes_one_per_partner_and_study", || {
            taken("/study", "This partner already has a route for this study: change that one.")
        }),
        ("handoff_routes_source_tag_unique", tag_taken),
    ]))?;
    keep(conn, context, "create_route", &site, &[Changed { before: None, route: &route }])?;
    record(conn, context, [Change::made("create_route", SubjectKind::Route, route.id.0, facts::of_route(&route))])?;
    Ok(RouteContext {
        route,
        partner_code: partner.code,
        partner_type: partner.partner_type,
        partner_status: partner.status,
        study_code: study.code,
        study_status: study.status,
    })
}

/// Channels and their instructions as a route keeps them.
pub(super) fn columns(channels: Vec<RouteChannel>) -> (CodeList<Channel>, CodeList<Instruction>) {
    let (channels, instruction) = channels.into_iter().map(|one| (one.channel, one.instruction)).unzip();
    (CodeList(channels), CodeList(instruction))
}

/// Those of the members named for a route who may own work. They keep that until the transaction ends, so this comes before the
/// route is locked: whoever deactivates a member locks it first and its routes then.
///
/// # Errors
/// A database failure.
pub(super) fn hold_owners(
    conn: &mut Conn,
    context: &Context,
    named: &[(&'static str, MemberId)],
) -> Result<Vec<MemberId>, AppError> {
    let ids: Vec<MemberId> = named.iter().map(|(_, member)| *member).collect();
    if ids.is_empty() { Ok(Vec::new()) } else { Ok(store::members::find_owners(conn, &context.scope, &ids)?) }
}

/// What is wrong with the members named as owner and backup owner: both must be able to own work, and differ. Whoever stands
/// on a route already is able: nobody stops being so before somebody else has taken its place.
pub(super) fn owner_faults(named: &[(&'static str, MemberId)], able: &[MemberId], same: bool) -> Vec<Fault> {
    let unable = named.iter().filter(|(_, member)| !able.contains(member));
    let message = "Name an active member of the site with role `admin` or `coordinator`.";
    let mut faults: Vec<Fault> = unable.map(|(pointer, _)| Fault::new(*pointer, FaultCode::UnknownReference, message)).collect();
    if same {
        faults.push(Fault::new(
            "/backup_owner_id",
            FaultCode::Inconsistent,
            "The backup owner must be another member than the owner.",
        ));
    }
    faults
}

/// 409 for a source tag that another route of the site uses: sources could not be told apart.
pub(super) fn tag_taken() -> AppError {
    taken("/source_tag", "Another route of the site uses this source tag.")
}
