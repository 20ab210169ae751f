//! Deactivating a member: nobody is left without an owner, and the site not without an admin and a site lead.

use super::record::{Change, record};
use super::roster::{Roster, no_successor};
use super::update_member::{give_lead, of_one};
use super::{Context, Expected, away_plan, facts, open_work};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::members::{MemberChanges, MemberContext, MemberRow};

/// Who takes over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Successors {
    /// Who gets the open referrals and the places on routes.
    pub reassign_to: Option<MemberId>,
    /// Who becomes the site lead.
    pub new_site_lead: Option<MemberId>,
}

/// Deactivates a member. With `reassign_to` its open referrals and its places on routes go to that member, in the same
/// transaction. When it would be away is planned no more.
///
/// # Errors
/// 404 for an unknown member, 412 when it has changed since it was read, 422 when a successor cannot be one, 409 when it is
/// deactivated already, is the last admin, is the site lead without a successor, or has open work that nobody takes.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: MemberId,
    expected: &Expected,
    successors: Successors,
) -> Result<MemberContext, AppError> {
    let named: Vec<MemberId> = [Some(id), successors.reassign_to, successors.new_site_lead].into_iter().flatten().collect();
    let roster = Roster::lock(conn, context, &named)?;
    let member = roster.find(id).ok_or_else(AppError::not_found)?;
    expected.check(member.version)?;
    if !member.active {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This member is deactivated already."));
    }
    let faults = faults(&roster, member, successors);
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    if roster.is_last_admin(member) {
        return Err(AppError::new(ErrorCode::LastAdmin));
    }
    if member.is_site_lead && successors.new_site_lead.is_none() {
        return Err(AppError::new(ErrorCode::SiteLeadRequired));
    }
    let mut recorded = match successors.reassign_to {
        Some(to) => open_work::hand_over(conn, context, "deactivate_member", id, to)?,
        None => {
            open_work::refuse(conn, context, id)?;
            Vec::new()
        }
    };
    recorded.extend(away_plan::cancel(conn, context, "deactivate_member", id)?);

    let changes = MemberChanges {
        is_site_lead: Some(false),
        active: Some(false),
        version: member.version + 1,
        updated_at: context.now,
        ..MemberChanges::default()
    };
    let changed = store::members::update(conn, &context.scope, id, &changes)?;
    let after = of_one(conn, context, changed)?;
    let before = MemberContext { member: member.clone(), studies: after.studies.clone() };
    let (was, is) = (facts::of_member(&before), facts::of_member(&after));
    let change = Change::new("deactivate_member", SubjectKind::Member, id.0, was, is);
    recorded.push(change.tell(EventType::MemberDeactivated, after.member.version));
    if let Some(successor) = successors.new_site_lead.and_then(|lead| roster.find(lead)) {
        recorded.push(give_lead(conn, context, "deactivate_member", successor, true)?);
    }
    record(conn, context, recorded)?;
    Ok(after)
}

fn faults(roster: &Roster, member: &MemberRow, successors: Successors) -> Vec<Fault> {
    let mut faults = Vec::new();
    let able = |id| roster.successor(id, member.id).is_some();
    if successors.reassign_to.is_some_and(|to| !able(to)) {
        faults.push(no_successor("/reassign_to"));
    }
    match successors.new_site_lead {
        Some(_) if !member.is_site_lead => faults.push(Fault::new(
            "/new_site_lead",
            FaultCode::Inconsistent,
            "This member is not the site lead, so that nobody succeeds it. Leave this out.",
        )),
        Some(lead) if !able(lead) => faults.push(no_successor("/new_site_lead")),
        _ => {}
    }
    faults
}
