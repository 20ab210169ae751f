//! Changing a member: its name and address, its role, its studies, who leads.

use super::add_member::{Identity, email_taken, find_studies, identity_taken};
use super::record::{Change, record};
use super::roster::Roster;
use super::{Context, Expected, facts, open_work};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::alerting::AlertChannel;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, DisplayName, MemberEmail};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, ErrorCode, on_constraint};
use crate::store;
use crate::store::members::{MemberChanges, MemberContext, MemberRow};

/// What to change; `None` leaves a field.
#[derive(Debug, Default)]
pub struct MemberPatch {
    /// What colleagues call it.
    pub display_name: Option<DisplayName>,
    /// Where alerts go.
    pub email: Option<MemberEmail>,
    /// What it may do.
    pub role: Option<Role>,
    /// The codes of all its studies.
    pub studies: Option<Vec<Code>>,
    /// `true` takes the lead from whoever has it.
    pub is_site_lead: Option<bool>,
    /// Who it is to an identity provider; `Some(None)` takes that away.
    pub identity: Option<Option<Identity>>,
    /// How it wants to be told.
    pub alert_channels: Option<Vec<AlertChannel>>,
}

/// Changes a member.
///
/// # Errors
/// 404 for an unknown member, 412 when it has changed since it was read, 422 when a study is unknown or does not go with the
/// role, 409 when the site would be without an admin or a site lead, when a member with open work would become a viewer, or when
/// the e-mail address or the identity is taken.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: MemberId,
    expected: &Expected,
    patch: MemberPatch,
) -> Result<MemberContext, AppError> {
    let scope = &context.scope;
    let roster = Roster::lock(conn, context, &[id])?;
    let member = roster.find(id).ok_or_else(AppError::not_found)?;
    expected.check(member.version)?;
    let role = patch.role.unwrap_or(member.role);
    let (studies, mut faults) = find_studies(conn, context, role, patch.studies.as_deref().unwrap_or_default())?;
    if patch.is_site_lead == Some(true) && role == Role::Viewer {
        faults.push(Fault::new("/is_site_lead", FaultCode::Inconsistent, "A viewer cannot be the site lead."));
    }
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    check_roles(conn, context, &roster, member, role, patch.is_site_lead)?;
    let before = of_one(conn, context, member.clone())?;

    let mut recorded = Vec::new();
    let takes_lead = patch.is_site_lead == Some(true) && !member.is_site_lead;
    if let Some(lead) = roster.lead().filter(|_| takes_lead) {
        recorded.push(give_lead(conn, context, "update_member", lead, false)?);
    }
    let changes = MemberChanges {
        display_name: patch.display_name,
        email: patch.email.map(|email| email.lower_cased()),
        role: patch.role,
        is_site_lead: takes_lead.then_some(true),
        issuer: patch.identity.as_ref().map(|identity| identity.as_ref().map(|identity| identity.issuer.clone())),
        subject: patch.identity.map(|identity| identity.map(|identity| identity.subject)),
        active: None,
        alert_channels: patch.alert_channels.map(CodeList),
        version: member.version + 1,
        updated_at: context.now,
    };
    let changed = store::members::update(conn, scope, id, &changes)
        .map_err(on_constraint([("members_email_unique", email_taken), ("members_identity_unique", identity_taken)]))?;
    if before.member.email != changed.email {
        // Whether the new address works is not known yet.
        store::alerts::channels::forget(conn, scope, Some(id), AlertChannel::Email)?;
    }
    // Whoever is a viewer no more sees every study, and is assigned to none.
    let reassigned = patch.studies.is_some() || role != Role::Viewer;
    let after = if reassigned {
        if before.studies != studies {
            store::members::assign_studies(conn, scope, id, &studies)?;
        }
        MemberContext { member: changed, studies }
    } else {
        MemberContext { member: changed, studies: before.studies.clone() }
    };
    let (was, is) = (facts::of_member(&before), facts::of_member(&after));
    recorded.push(Change::new("update_member", SubjectKind::Member, id.0, was, is));
    record(conn, context, recorded)?;
    Ok(after)
}

/// What the site's other members and the member's work have to say about its new role.
fn check_roles(
    conn: &mut Conn,
    context: &Context,
    roster: &Roster,
    member: &MemberRow,
    role: Role,
    is_site_lead: Option<bool>,
) -> Result<(), AppError> {
    if is_site_lead == Some(true) && !member.active {
        return Err(AppError::new(ErrorCode::StateConflict)
            .with_detail("This member is deactivated and cannot lead. Reactivate it first, or name another one."));
    }
    if member.is_site_lead && (is_site_lead == Some(false) || role == Role::Viewer) {
        return Err(AppError::new(ErrorCode::SiteLeadRequired));
    }
    if role != Role::Admin && roster.is_last_admin(member) {
        return Err(AppError::new(ErrorCode::LastAdmin));
    }
    if role == Role::Viewer && member.role != Role::Viewer {
        open_work::refuse(conn, context, member.id)?;
    }
    Ok(())
}

/// Gives the lead to a member, or takes it away; answers what is to be recorded. Taking comes first: a site has one site lead.
pub(super) fn give_lead(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    member: &MemberRow,
    lead: bool,
) -> Result<Change, AppError> {
    let changes = MemberChanges {
        is_site_lead: Some(lead),
        version: member.version + 1,
        updated_at: context.now,
        ..MemberChanges::default()
    };
    let changed = store::members::update(conn, &context.scope, member.id, &changes)?;
    // A viewer neither has nor gets the lead, and nobody else has studies.
    let [was, is] = [member.clone(), changed].map(|member| facts::of_member(&MemberContext { member, studies: Vec::new() }));
    Ok(Change::new(operation, SubjectKind::Member, member.id.0, was, is))
}

/// One member with its studies.
pub(super) fn of_one(conn: &mut Conn, context: &Context, member: MemberRow) -> Result<MemberContext, AppError> {
    store::members::with_studies(conn, &context.scope, vec![member])?.pop().ok_or_else(AppError::not_found)
}
