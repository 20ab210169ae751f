//! Adding a member to the site.

use super::record::{Change, record};
use super::roster::Roster;
use super::{Context, facts, taken};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, on_constraint};
use crate::store;
use crate::store::members::{MemberContext, Studies};

/// Who a member is to an identity provider: what its tokens say, and so how the member signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The `iss` of its tokens.
    pub issuer: IssuerUrl,
    /// The `sub` of its tokens.
    pub subject: Subject,
}

/// A member to be added.
#[derive(Debug)]
pub struct NewMember {
    /// What colleagues call it.
    pub display_name: DisplayName,
    /// Where alerts go.
    pub email: MemberEmail,
    /// What it may do.
    pub role: Role,
    /// Whether it is the last in every escalation; a site has one.
    pub is_site_lead: bool,
    /// Who it is to an identity provider; `None`: it signs in with tokens of the local issuer only.
    pub identity: Option<Identity>,
}

/// Adds an active member without studies; answers its id.
///
/// # Errors
/// 409 when a member has this e-mail address or this identity.
pub fn run(conn: &mut Conn, context: &Context, new: NewMember) -> Result<MemberId, AppError> {
    assigned(conn, context, new, &[]).map(|added| added.member.id)
}

/// Adds an active member and, when it is a viewer, assigns it to these studies.
///
/// # Errors
/// 422 when a code is unknown or the member is no viewer, 409 when a member has this e-mail address or this identity.
pub fn assigned(conn: &mut Conn, context: &Context, new: NewMember, studies: &[Code]) -> Result<MemberContext, AppError> {
    let (scope, now) = (&context.scope, context.now);
    if context.actor.member().is_some() {
        // Whoever is deactivated at this moment adds nobody any more.
        Roster::lock(conn, context, &[])?;
    }
    let (studies, faults) = find_studies(conn, context, new.role, studies)?;
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let (issuer, subject) = new.identity.map(|identity| (identity.issuer, identity.subject)).unzip();
    let row = store::members::NewMember {
        site_id: scope.site(),
        id: MemberId::at(now),
        display_name: new.display_name,
        email: new.email.lower_cased(),
        role: new.role,
        is_site_lead: new.is_site_lead,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
        issuer,
        subject,
    };
    let member = store::members::insert(conn, &row)
        .map_err(on_constraint([("members_email_unique", email_taken), ("members_identity_unique", identity_taken)]))?;
    if !studies.is_empty() {
        store::members::assign_studies(conn, scope, member.id, &studies)?;
    }
    let added = MemberContext { member, studies };
    record(conn, context, [Change::made("create_member", SubjectKind::Member, row.id.0, facts::of_member(&added))])?;
    Ok(added)
}

/// The studies with these codes, and what is wrong with them for a member of this role: only a viewer is assigned to studies,
/// and only to the site's own.
///
/// # Errors
/// A database failure.
pub(super) fn find_studies(
    conn: &mut Conn,
    context: &Context,
    role: Role,
    codes: &[Code],
) -> Result<(Studies, Vec<Fault>), AppError> {
    if codes.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    if role != Role::Viewer {
        let message = "Only a viewer is assigned to studies: admins and coordinators see all of them. Leave this out.";
        return Ok((Vec::new(), vec![Fault::new("/studies", FaultCode::Inconsistent, message)]));
    }
    let found = store::studies::find_ids_by_codes(conn, &context.scope, codes)?;
    let unknown = codes.iter().enumerate().filter(|(_, code)| !found.iter().any(|(_, known)| known == *code));
    let faults = unknown
        .map(|(index, _)| {
            Fault::new(format!("/studies/{index}"), FaultCode::UnknownReference, "No study of the site has this code.")
        })
        .collect();
    Ok((found, faults))
}

/// 409 for an e-mail address that another member of the site has, active or not.
pub(super) fn email_taken() -> AppError {
    taken("/email", "Another member of the site has this e-mail address.")
}

/// 409 for an identity that another member of the site has, active or not: a token must name one member.
pub(super) fn identity_taken() -> AppError {
    taken("/identity", "Another member of the site is this subject of the issuer.")
}
