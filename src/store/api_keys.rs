//! API keys and the directory that finds their site.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Integer, Timestamptz, Uuid as SqlUuid};

use super::prepared::prepared;
use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{ApiKeyId, PartnerId, PrincipalId, SiteId};
use crate::domain::text::{Code, KeyName};
use crate::domain::vocabulary::{KeyStatus, PartnerStatus, Scope};
use crate::schema::{api_keys, partners};

/// The class of the advisory lock of a site's keys ("keys" in hex).
const ADMINISTRATION: i32 = 0x6b65_7973;

/// A key with what authentication needs to know of it.
#[derive(Queryable)]
pub struct Credentials {
    /// SHA-256 of the key.
    pub key_hash: Vec<u8>,
    /// Who acts with it, across rotation.
    pub principal_id: PrincipalId,
    /// The partner it belongs to.
    pub partner_id: Option<PartnerId>,
    /// That partner's status.
    pub partner_status: Option<PartnerStatus>,
    /// What it may do.
    pub scopes: CodeList<Scope>,
    /// Test keys act on test referrals only.
    pub is_test: bool,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key as it is administered: everything but its hash.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
pub struct ApiKeyRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: ApiKeyId,
    /// Who acts with it, across rotation.
    pub principal_id: PrincipalId,
    /// What people call it.
    pub name: KeyName,
    /// The partner it belongs to.
    pub partner_id: Option<PartnerId>,
    /// What it may do.
    pub scopes: CodeList<Scope>,
    /// Test or live.
    pub is_test: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Counts changes; use is none.
    pub version: i32,
    /// When somebody was last let in with it, about a minute behind.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that took its place.
    pub rotated_to_id: Option<ApiKeyId>,
}

impl ApiKeyRow {
    /// Where it stands.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> KeyStatus {
        match (self.revoked_at, self.expires_at, self.rotated_to_id) {
            (Some(_), _, _) => KeyStatus::Revoked,
            (None, Some(at), _) if at <= now => KeyStatus::Expired,
            (None, _, Some(_)) => KeyStatus::Expiring,
            (None, _, None) => KeyStatus::Active,
        }
    }
}

/// A key with the code of the partner it belongs to.
#[derive(Debug, Clone, Queryable)]
pub struct ApiKeyContext {
    /// The key.
    pub key: ApiKeyRow,
    /// The partner's code.
    pub partner_code: Option<Code>,
    /// The partner's status.
    pub partner_status: Option<PartnerStatus>,
}

/// What a change may touch; `None` leaves a field.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = api_keys)]
pub struct ApiKeyChanges {
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The key that took its place.
    pub rotated_to_id: Option<ApiKeyId>,
    /// The next version.
    pub version: i32,
}

#[derive(QueryableByName)]
struct DirectoryEntry {
    #[diesel(sql_type = SqlUuid)]
    site_id: SiteId,
    #[diesel(sql_type = SqlUuid)]
    api_key_id: ApiKeyId,
}

/// The live keys by which a system of the site acts at this time, whatever was rotated: id and scopes, the newest first.
///
/// # Errors
/// A database failure.
pub fn of_system(
    conn: &mut PgConnection,
    scope: &SiteScope,
    principal: PrincipalId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<(ApiKeyId, CodeList<Scope>)>> {
    api_keys::table
        .filter(api_keys::site_id.eq(scope.site()).and(api_keys::principal_id.eq(principal)))
        .filter(api_keys::partner_id.is_null().and(api_keys::is_test.eq(false)).and(api_keys::revoked_at.is_null()))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
        .order(api_keys::id.desc())
        .select((api_keys::id, api_keys::scopes))
        .load(conn)
}

/// The site and id of the key with this hash, before any tenant is known.
///
/// # Errors
/// A database failure.
pub fn find_in_directory(conn: &mut PgConnection, hash: &[u8; 32]) -> QueryResult<Option<(SiteId, ApiKeyId)>> {
    prepared("SELECT site_id, api_key_id FROM directory.find_api_key($1)")
        .bind::<Bytea, _>(hash.as_slice())
        .get_result::<DirectoryEntry>(conn)
        .optional()
        .map(|found| found.map(|entry| (entry.site_id, entry.api_key_id)))
}

/// Keys joined with the partner they belong to.
macro_rules! with_partner {
    () => {
        api_keys::table.left_join(
            partners::table.on(partners::site_id.eq(api_keys::site_id).and(partners::id.nullable().eq(api_keys::partner_id))),
        )
    };
}

/// What authentication needs of the key with this id.
///
/// # Errors
/// A database failure.
pub fn find_credentials(conn: &mut PgConnection, scope: &SiteScope, id: ApiKeyId) -> QueryResult<Option<Credentials>> {
    with_partner!()
        .filter(api_keys::site_id.eq(scope.site()).and(api_keys::id.eq(id)))
        .select((
            api_keys::key_hash,
            api_keys::principal_id,
            api_keys::partner_id,
            partners::status.nullable(),
            api_keys::scopes,
            api_keys::is_test,
            api_keys::expires_at,
            api_keys::revoked_at,
        ))
        .first(conn)
        .optional()
}

/// The key with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: ApiKeyId) -> QueryResult<Option<ApiKeyContext>> {
    with_partner!()
        .filter(api_keys::site_id.eq(scope.site()).and(api_keys::id.eq(id)))
        .select((ApiKeyRow::as_select(), partners::code.nullable(), partners::status.nullable()))
        .first(conn)
        .optional()
}

/// Makes whoever administers keys of this site wait for one another until the transaction ends: what one of them counted stays
/// true. Nobody who uses a key waits.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn administer(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext($2::text))")
        .bind::<Integer, _>(ADMINISTRATION)
        .bind::<SqlUuid, _>(scope.site())
        .execute(conn)
        .map(drop)
}

/// How many keys of this name work for this holder in this mode.
///
/// # Errors
/// A database failure.
pub fn count_active(
    conn: &mut PgConnection,
    scope: &SiteScope,
    name: &KeyName,
    partner: Option<PartnerId>,
    is_test: bool,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    api_keys::table
        .filter(api_keys::site_id.eq(scope.site()).and(api_keys::name.eq(name)))
        .filter(api_keys::partner_id.is_not_distinct_from(partner).and(api_keys::is_test.eq(is_test)))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
        .count()
        .get_result(conn)
}

/// Which keys a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of the partner with this code.
    pub partner: Option<Code>,
    /// That stand here.
    pub status: Option<KeyStatus>,
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    now: DateTime<Utc>,
    after: Option<ApiKeyId>,
    limit: i64,
) -> QueryResult<Vec<ApiKeyContext>> {
    let mut query = with_partner!()
        .filter(api_keys::site_id.eq(scope.site()))
        .select((ApiKeyRow::as_select(), partners::code.nullable(), partners::status.nullable()))
        .into_boxed();
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    // As `ApiKeyRow::status` has it.
    let works = || api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)).assume_not_null();
    query = match filter.status {
        None => query,
        Some(KeyStatus::Revoked) => query.filter(api_keys::revoked_at.is_not_null()),
        Some(KeyStatus::Expired) => query.filter(api_keys::revoked_at.is_null().and(api_keys::expires_at.le(now))),
        Some(KeyStatus::Expiring) => {
            query.filter(api_keys::revoked_at.is_null().and(works()).and(api_keys::rotated_to_id.is_not_null()))
        }
        Some(KeyStatus::Active) => {
            query.filter(api_keys::revoked_at.is_null().and(works()).and(api_keys::rotated_to_id.is_null()))
        }
    };
    if let Some(after) = after {
        query = query.filter(api_keys::id.gt(after));
    }
    query.order(api_keys::id.asc()).limit(limit).load(conn)
}

/// Keeps a key, by the hash of its text.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, key: &ApiKeyRow, hash: &[u8; 32]) -> QueryResult<()> {
    diesel::insert_into(api_keys::table).values((key, api_keys::key_hash.eq(hash.as_slice()))).execute(conn).map(drop)
}

/// Writes a change and answers the key as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, id: ApiKeyId, changes: &ApiKeyChanges) -> QueryResult<ApiKeyRow> {
    diesel::update(api_keys::table.filter(api_keys::site_id.eq(scope.site()).and(api_keys::id.eq(id))))
        .set(changes)
        .returning(ApiKeyRow::as_returning())
        .get_result(conn)
}

/// Keeps when keys were last used; an older use than the one known changes nothing. Says how many changed.
///
/// # Errors
/// A database failure.
pub fn keep_uses(conn: &mut PgConnection, scope: &SiteScope, uses: &[(ApiKeyId, DateTime<Utc>)]) -> QueryResult<usize> {
    let (ids, times): (Vec<ApiKeyId>, Vec<DateTime<Utc>>) = uses.iter().copied().unzip();
    diesel::sql_query(
        "UPDATE api_keys AS k SET last_used_at = u.used_at FROM unnest($2, $3) AS u (id, used_at)
          WHERE k.site_id = $1 AND k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.used_at)",
    )
    .bind::<SqlUuid, _>(scope.site())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(times)
    .execute(conn)
}
