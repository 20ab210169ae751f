//! Studies.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, SiteId, StudyId};
use crate::domain::text::{Code, ProtocolCode, PublicName, RegistryId, ShortDescription};
use crate::domain::vocabulary::StudyStatus;
use crate::schema::{handoff_routes, studies};

/// A study as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = studies)]
pub struct StudyRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: StudyId,
    /// Site-unique code.
    pub code: Code,
    /// Name for the public.
    pub public_name: PublicName,
    /// Description for the public.
    pub short_description: ShortDescription,
    /// The sponsor's code.
    pub protocol_code: ProtocolCode,
    /// Id in a public registry.
    pub registry_id: Option<RegistryId>,
    /// Whether it takes referrals.
    pub status: StudyStatus,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a change may touch; `None` leaves a field.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = studies)]
pub struct StudyChanges {
    /// Name for the public.
    pub public_name: Option<PublicName>,
    /// Description for the public.
    pub short_description: Option<ShortDescription>,
    /// The sponsor's code.
    pub protocol_code: Option<ProtocolCode>,
    /// Id in a public registry; `Some(None)` clears it.
    pub registry_id: Option<Option<RegistryId>>,
    /// Whether it takes referrals.
    pub status: Option<StudyStatus>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// The study with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: StudyId) -> QueryResult<Option<StudyRow>> {
    let mut query = studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq(id)))
        .select(StudyRow::as_select())
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(studies::id.eq_any(routed_to(scope, own)));
    }
    query.first(conn).optional()
}

/// The studies that a partner has a route for: the ones it may see.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn routed_to(scope: &SiteScope, partner: PartnerId) -> _ {
    let site: SiteId = scope.site();
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(site))
        .filter(handoff_routes::partner_id.eq(partner))
        .select(handoff_routes::study_id)
}

/// The study with this id, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: StudyId) -> QueryResult<Option<StudyRow>> {
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq(id)))
        .select(StudyRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()
}

/// Locks these studies until the transaction ends, in the order of their ids.
///
/// # Errors
/// A database failure.
pub fn lock_all(conn: &mut PgConnection, scope: &SiteScope, ids: &[StudyId]) -> QueryResult<Vec<StudyId>> {
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq_any(ids)))
        .order(studies::id)
        .select(studies::id)
        .for_no_key_update()
        .load(conn)
}

/// The study with this code; for a partner, one that it has a route for.
///
/// # Errors
/// A database failure.
pub fn find_by_code(conn: &mut PgConnection, scope: &SiteScope, code: &Code) -> QueryResult<Option<StudyRow>> {
    let mut query = studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::code.eq(code)))
        .select(StudyRow::as_select())
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(studies::id.eq_any(routed_to(scope, own)));
    }
    query.first(conn).optional()
}

/// The ids of the studies with these codes, by code; a code that no study has is left out.
///
/// # Errors
/// A database failure.
pub fn find_ids_by_codes(conn: &mut PgConnection, scope: &SiteScope, codes: &[Code]) -> QueryResult<Vec<(StudyId, Code)>> {
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::code.eq_any(codes)))
        .order(studies::code)
        .select((studies::id, studies::code))
        .load(conn)
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    status: Option<StudyStatus>,
    after: Option<StudyId>,
    limit: i64,
) -> QueryResult<Vec<StudyRow>> {
    let mut query = studies::table.filter(studies::site_id.eq(scope.site())).select(StudyRow::as_select()).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(studies::id.eq_any(routed_to(scope, own)));
    }
    if let Some(status) = status {
        query = query.filter(studies::status.eq(status));
    }
    if let Some(after) = after {
        query = query.filter(studies::id.gt(after));
    }
    query.order(studies::id.asc()).limit(limit).load(conn)
}

/// Keeps a new study.
///
/// # Errors
/// A database failure, `studies_code_unique` among them.
pub fn insert(conn: &mut PgConnection, study: &StudyRow) -> QueryResult<()> {
    diesel::insert_into(studies::table).values(study).execute(conn).map(drop)
}

/// Writes a change and answers the study as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, id: StudyId, changes: &StudyChanges) -> QueryResult<StudyRow> {
    diesel::update(studies::table.filter(studies::site_id.eq(scope.site()).and(studies::id.eq(id))))
        .set(changes)
        .returning(StudyRow::as_returning())
        .get_result(conn)
}

/// The states of these studies, which they keep until the transaction ends (`FOR SHARE`).
///
/// # Errors
/// A database failure.
pub fn hold(conn: &mut PgConnection, scope: &SiteScope, ids: &[StudyId]) -> QueryResult<Vec<(StudyId, StudyStatus)>> {
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq_any(ids)))
        .order(studies::id)
        .select((studies::id, studies::status))
        .for_share()
        .load(conn)
}
