//! Adding a member to the site.

use super::record::{Change, record};
use super::{Context, facts, taken};
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{DisplayName, MemberEmail};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, on_constraint};
use crate::store;

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
}

/// Adds an active member; answers its id.
///
/// # Errors
/// 409 when a member has this e-mail address.
pub fn run(conn: &mut Conn, context: &Context, new: NewMember) -> Result<MemberId, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let id = MemberId::at(now);
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
    };
    store::members::insert(conn, &row).map_err(on_constraint([("members_email_unique", || {
        taken("/email", "Another member of the site has this e-mail address.")
    })]))?;
    record(conn, context, [Change::made("create_member", SubjectKind::Member, id.0, facts::of_member(&row))])?;
    Ok(id)
}
