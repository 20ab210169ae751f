//! Members of the site.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, SiteId};
use crate::domain::text::{DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::schema::members;

/// A member, as far as decisions need one.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = members)]
pub struct MemberRow {
    /// Its id.
    pub id: MemberId,
    /// What colleagues call it.
    pub display_name: DisplayName,
    /// What it may do.
    pub role: Role,
    /// Whether it is the last in every escalation.
    pub is_site_lead: bool,
    /// Deactivated members neither log in nor own work.
    pub active: bool,
}

/// A member to be kept.
#[derive(Debug, Insertable)]
#[diesel(table_name = members)]
pub struct NewMember {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: MemberId,
    /// What colleagues call it.
    pub display_name: DisplayName,
    /// Where alerts go.
    pub email: MemberEmail,
    /// What it may do.
    pub role: Role,
    /// Whether it is the last in every escalation.
    pub is_site_lead: bool,
    /// Whether it may log in and own work.
    pub active: bool,
    /// Starts at 1.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Which identity provider it signs in at.
    pub issuer: Option<IssuerUrl>,
    /// Who it is there; present when `issuer` is.
    pub subject: Option<Subject>,
}

/// The member with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: MemberId) -> QueryResult<Option<MemberRow>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq(id)))
        .select(MemberRow::as_select())
        .first(conn)
        .optional()
}

/// The member that an identity provider knows as this subject.
///
/// # Errors
/// A database failure.
pub fn find_by_identity(
    conn: &mut PgConnection,
    scope: &SiteScope,
    issuer: &IssuerUrl,
    subject: &Subject,
) -> QueryResult<Option<MemberRow>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::issuer.eq(issuer)).and(members::subject.eq(subject)))
        .select(MemberRow::as_select())
        .first(conn)
        .optional()
}

/// The active members among these ids that may own work.
///
/// # Errors
/// A database failure.
pub fn find_owners(conn: &mut PgConnection, scope: &SiteScope, ids: &[MemberId]) -> QueryResult<Vec<MemberId>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq_any(ids)))
        .filter(members::active.eq(true).and(members::role.ne(Role::Viewer)))
        .select(members::id)
        .load(conn)
}

/// All members, by name.
///
/// # Errors
/// A database failure.
pub fn list(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<MemberRow>> {
    members::table
        .filter(members::site_id.eq(scope.site()))
        .order((members::display_name, members::id))
        .select(MemberRow::as_select())
        .load(conn)
}

/// Keeps a member.
///
/// # Errors
/// A database failure, `members_email_unique` and `members_identity_unique` among them.
pub fn insert(conn: &mut PgConnection, member: &NewMember) -> QueryResult<()> {
    diesel::insert_into(members::table).values(member).execute(conn).map(drop)
}
