//! Adding a member to the site.

use chrono::{DateTime, Utc};

use super::taken;
use crate::auth::SiteScope;
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::domain::text::{DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, on_constraint};
use crate::store;

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

/// Adds an active member; answers its id.
///
/// # Errors
/// 409 when a member has this e-mail address or this identity.
pub fn run(conn: &mut Conn, scope: &SiteScope, now: DateTime<Utc>, new: NewMember) -> Result<MemberId, AppError> {
    let id = MemberId::at(now);
    let (issuer, subject) = new.identity.map(|identity| (identity.issuer, identity.subject)).unzip();
    let row = store::members::NewMember {
        site_id: scope.site(),
        id,
        display_name: new.display_name,
        email: new.email,
        role: new.role,
        is_site_lead: new.is_site_lead,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
        issuer,
        subject,
    };
    store::members::insert(conn, &row).map_err(on_constraint([
        ("members_email_unique", || taken("/email", "Another member of the site has this e-mail address.")),
        ("members_identity_unique", || taken("/subject", "Another member of the site is this subject of the issuer.")),
    ]))?;
    Ok(id)
}
