//! Partners.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, SiteId};
use crate::domain::text::{Code, Jurisdiction, PublicName};
use crate::domain::vocabulary::{PartnerStatus, PartnerType, RemunerationBasis, SuspensionReason};
use crate::schema::partners;

/// A partner as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = partners)]
pub struct PartnerRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: PartnerId,
    /// Site-unique code.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated.
    pub remuneration_basis: RemunerationBasis,
    /// Where it stands.
    pub status: PartnerStatus,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Why a guard suspended it; present when it is suspended.
    pub suspension_reason: Option<SuspensionReason>,
}

/// What a change may touch; `None` leaves a field.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = partners)]
pub struct PartnerChanges {
    /// What people call it.
    pub name: Option<PublicName>,
    /// What kind of organisation it is.
    pub partner_type: Option<PartnerType>,
    /// Where it is established.
    pub jurisdiction: Option<Jurisdiction>,
    /// How it is remunerated.
    pub remuneration_basis: Option<RemunerationBasis>,
    /// Where it stands.
    pub status: Option<PartnerStatus>,
    /// Why a guard suspended it; `Some(None)`: it is suspended no more.
    pub suspension_reason: Option<Option<SuspensionReason>>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// The partner with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: PartnerId) -> QueryResult<Option<PartnerRow>> {
    // A partner is itself and nobody else; its restrictive policy stands behind this.
    if scope.partner().is_some_and(|own| own != id) {
        return Ok(None);
    }
    partners::table
        .filter(partners::site_id.eq(scope.site()).and(partners::id.eq(id)))
        .select(PartnerRow::as_select())
        .first(conn)
        .optional()
}

/// The partner with this id, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: PartnerId) -> QueryResult<Option<PartnerRow>> {
    partners::table
        .filter(partners::site_id.eq(scope.site()).and(partners::id.eq(id)))
        .select(PartnerRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()
}

/// These partners by id, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_all(conn: &mut PgConnection, scope: &SiteScope, ids: &[PartnerId]) -> QueryResult<Vec<PartnerRow>> {
    partners::table
        .filter(partners::site_id.eq(scope.site()).and(partners::id.eq_any(ids)))
        .order(partners::id)
        .select(PartnerRow::as_select())
        .for_no_key_update()
        .load(conn)
}

/// The partner with this code.
///
/// # Errors
/// A database failure.
pub fn find_by_code(conn: &mut PgConnection, scope: &SiteScope, code: &Code) -> QueryResult<Option<PartnerRow>> {
    partners::table
        .filter(partners::site_id.eq(scope.site()).and(partners::code.eq(code)))
        .select(PartnerRow::as_select())
        .first(conn)
        .optional()
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    status: Option<PartnerStatus>,
    after: Option<PartnerId>,
    limit: i64,
) -> QueryResult<Vec<PartnerRow>> {
    let mut query = partners::table.filter(partners::site_id.eq(scope.site())).select(PartnerRow::as_select()).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(partners::id.eq(own));
    }
    if let Some(status) = status {
        query = query.filter(partners::status.eq(status));
    }
    if let Some(after) = after {
        query = query.filter(partners::id.gt(after));
    }
    query.order(partners::id.asc()).limit(limit).load(conn)
}

/// Keeps a new partner.
///
/// # Errors
/// A database failure, `partners_code_unique` among them.
pub fn insert(conn: &mut PgConnection, partner: &PartnerRow) -> QueryResult<()> {
    diesel::insert_into(partners::table).values(partner).execute(conn).map(drop)
}

/// Writes a change and answers the partner as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, id: PartnerId, changes: &PartnerChanges) -> QueryResult<PartnerRow> {
    diesel::update(partners::table.filter(partners::site_id.eq(scope.site()).and(partners::id.eq(id))))
        .set(changes)
        .returning(PartnerRow::as_returning())
        .get_result(conn)
}
