//! API keys and the directory that finds their site.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bytea, Uuid as SqlUuid};

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{ApiKeyId, PartnerId, PrincipalId, SiteId};
use crate::domain::vocabulary::{PartnerStatus, Scope};
use crate::schema::{api_keys, partners};

/// A key with what authentication needs to know of it.
#[derive(Debug, Queryable)]
pub struct ApiKeyRow {
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

/// A key to be kept, by its hash.
#[derive(Debug, Insertable)]
#[diesel(table_name = api_keys)]
pub struct NewApiKey {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: ApiKeyId,
    /// Who acts with it.
    pub principal_id: PrincipalId,
    /// What people call it.
    pub name: String,
    /// The partner it belongs to.
    pub partner_id: Option<PartnerId>,
    /// What it may do.
    pub scopes: CodeList<Scope>,
    /// Test or live.
    pub is_test: bool,
    /// SHA-256 of the key.
    pub key_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct DirectoryEntry {
    #[diesel(sql_type = SqlUuid)]
    site_id: SiteId,
    #[diesel(sql_type = SqlUuid)]
    api_key_id: ApiKeyId,
}

/// The site and id of the key with this hash, before any tenant is known.
///
/// # Errors
/// A database failure.
pub fn find_in_directory(conn: &mut PgConnection, hash: &[u8; 32]) -> QueryResult<Option<(SiteId, ApiKeyId)>> {
    diesel::sql_query("SELECT site_id, api_key_id FROM directory.find_api_key($1)")
        .bind::<Bytea, _>(hash.as_slice())
        .get_result::<DirectoryEntry>(conn)
        .optional()
        .map(|found| found.map(|entry| (entry.site_id, entry.api_key_id)))
}

/// The key with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: ApiKeyId) -> QueryResult<Option<ApiKeyRow>> {
    api_keys::table
        .left_join(
            partners::table.on(partners::site_id.eq(api_keys::site_id).and(partners::id.nullable().eq(api_keys::partner_id))),
        )
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

/// Keeps a key.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, key: &NewApiKey) -> QueryResult<()> {
    diesel::insert_into(api_keys::table).values(key).execute(conn).map(drop)
}
