//! Members of the site.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::alerting::AlertChannel;
use crate::domain::ids::{MemberId, SiteId, StudyId};
use crate::domain::text::{Code, DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::schema::{away_windows, members, sites};

mod studies;

pub use studies::{assign_studies, is_assigned, with_studies};

/// A member as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = members)]
pub struct MemberRow {
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
    /// Deactivated members neither log in nor own work.
    pub active: bool,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Which identity provider it signs in at.
    pub issuer: Option<IssuerUrl>,
    /// Who it is there; present when `issuer` is.
    pub subject: Option<Subject>,
    /// How it wants to be told.
    pub alert_channels: CodeList<AlertChannel>,
}

/// Studies that a viewer is assigned to, by code.
pub type Studies = Vec<(StudyId, Code)>;

/// A member with the studies that it is assigned to.
#[derive(Debug, Clone)]
pub struct MemberContext {
    /// The member.
    pub member: MemberRow,
    /// Its studies; none unless it is a viewer.
    pub studies: Studies,
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

/// What a change may touch; `None` leaves a field.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = members)]
pub struct MemberChanges {
    /// What colleagues call it.
    pub display_name: Option<DisplayName>,
    /// Where alerts go.
    pub email: Option<MemberEmail>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it is the last in every escalation.
    pub is_site_lead: Option<bool>,
    /// Which identity provider it signs in at; `Some(None)` clears it, with the subject.
    pub issuer: Option<Option<IssuerUrl>>,
    /// Who it is there.
    pub subject: Option<Option<Subject>>,
    /// Whether it may log in and own work.
    pub active: Option<bool>,
    /// How it wants to be told.
    pub alert_channels: Option<CodeList<AlertChannel>>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// Which members a list shows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Filter {
    /// With this role.
    pub role: Option<Role>,
    /// Active, or deactivated.
    pub active: Option<bool>,
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

/// Locks the member until the transaction ends and answers it as it is then. Others may still be given what it owns meanwhile:
/// its key stays free.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: MemberId) -> QueryResult<Option<MemberRow>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq(id)))
        .select(MemberRow::as_select())
        .for_no_key_update()
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

/// The active members among these ids that may own work. They keep that until the transaction ends (`FOR SHARE`): whoever
/// deactivates one of them waits, and then sees what it was given. Lock members before routes, and routes before referrals.
///
/// # Errors
/// A database failure.
pub fn find_owners(conn: &mut PgConnection, scope: &SiteScope, ids: &[MemberId]) -> QueryResult<Vec<MemberId>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq_any(ids)))
        .filter(members::active.eq(true).and(members::role.ne(Role::Viewer)))
        .order(members::id)
        .select(members::id)
        .for_share()
        .load(conn)
}

/// A member who may own work, with what decides whether it takes something now.
#[derive(Debug, Clone, Copy, Queryable)]
pub struct OwnerRow {
    /// Who.
    pub id: MemberId,
    /// Whether it is the site lead.
    pub is_site_lead: bool,
    /// Whether it is away at the moment that was asked for.
    pub is_away: bool,
}

/// Members who may own work, each with whether it is the lead and whether it is away at `$now`.
macro_rules! owners_at {
    ($now:expr) => {
        members::table.filter(members::active.eq(true).and(members::role.ne(Role::Viewer))).order(members::id).select((
            members::id,
            members::is_site_lead,
            exists(
                away_windows::table
                    .filter(away_windows::site_id.eq(members::site_id).and(away_windows::member_id.eq(members::id)))
                    .filter(away_windows::starts_at.le($now).and(away_windows::ends_at.gt($now))),
            ),
        ))
    };
}

/// As [`find_owners`], and the site lead, whoever that is; with who of them is away at `now`.
///
/// # Errors
/// A database failure.
pub fn find_owners_and_lead(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[MemberId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<OwnerRow>> {
    owners_at!(now)
        .filter(members::site_id.eq(scope.site()).and(members::id.eq_any(ids).or(members::is_site_lead)))
        .for_share()
        .load(conn)
}

/// The site lead; `None`: nobody is active in that place.
///
/// # Errors
/// A database failure.
pub fn site_lead(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<MemberId>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::is_site_lead).and(members::active))
        .select(members::id)
        .first(conn)
        .optional()
}

/// The same as it stands, without keeping anybody. For those whose place is kept by something else that the caller holds.
///
/// # Errors
/// A database failure.
pub fn read_owners_and_lead(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[MemberId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<OwnerRow>> {
    owners_at!(now).filter(members::site_id.eq(scope.site()).and(members::id.eq_any(ids).or(members::is_site_lead))).load(conn)
}

/// The site lead, if it is this member, kept in that place until the transaction ends. Waits for nobody: while somebody
/// changes the roster there is no answer, so that this may be asked by whoever holds a route already.
///
/// # Errors
/// A database failure.
pub fn hold_lead_if(conn: &mut PgConnection, scope: &SiteScope, id: MemberId) -> QueryResult<Option<MemberId>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq(id)).and(members::is_site_lead))
        .select(members::id)
        .for_share()
        .skip_locked()
        .first(conn)
        .optional()
}

/// Locks what decides about a site's members together, until the transaction ends: these members, every active admin and the
/// site lead, by id. The site's own row goes first, so that two who change members do so one after the other; its key stays
/// free (`FOR NO KEY UPDATE`), so that nobody else waits.
///
/// # Errors
/// A database failure; `NotFound` when the site was removed a moment ago.
pub fn lock_roster(conn: &mut PgConnection, scope: &SiteScope, ids: &[MemberId]) -> QueryResult<Vec<MemberRow>> {
    let site = sites::table.filter(sites::site_id.eq(scope.site())).select(sites::site_id);
    site.for_no_key_update().first::<SiteId>(conn)?;
    let is_active_admin = members::active.eq(true).and(members::role.eq(Role::Admin));
    members::table
        .filter(members::site_id.eq(scope.site()))
        .filter(members::id.eq_any(ids).or(members::is_site_lead).or(is_active_admin))
        .order(members::id)
        .select(MemberRow::as_select())
        .for_no_key_update()
        .load(conn)
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: Filter,
    after: Option<MemberId>,
    limit: i64,
) -> QueryResult<Vec<MemberContext>> {
    let mut query = members::table.filter(members::site_id.eq(scope.site())).select(MemberRow::as_select()).into_boxed();
    if let Some(role) = filter.role {
        query = query.filter(members::role.eq(role));
    }
    if let Some(active) = filter.active {
        query = query.filter(members::active.eq(active));
    }
    if let Some(after) = after {
        query = query.filter(members::id.gt(after));
    }
    let rows = query.order(members::id.asc()).limit(limit).load(conn)?;
    with_studies(conn, scope, rows)
}

/// Keeps a member.
///
/// # Errors
/// A database failure, `members_email_unique` and `members_identity_unique` among them.
pub fn insert(conn: &mut PgConnection, member: &NewMember) -> QueryResult<MemberRow> {
    diesel::insert_into(members::table).values(member).returning(MemberRow::as_returning()).get_result(conn)
}

/// Writes a change and answers the member as it is now.
///
/// # Errors
/// A database failure, `members_email_unique` and `members_one_site_lead` among them.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, id: MemberId, changes: &MemberChanges) -> QueryResult<MemberRow> {
    diesel::update(members::table.filter(members::site_id.eq(scope.site()).and(members::id.eq(id))))
        .set(changes)
        .returning(MemberRow::as_returning())
        .get_result(conn)
}
