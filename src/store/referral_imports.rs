//! Imports of referrals: the file, the rows that wait, what became of each, and which rows were imported before.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz, Uuid};
use serde::Serialize;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{ApiKeyId, MemberId, PrincipalId, ReferralImportId, SiteId};
use crate::domain::imports::{ImportDelimiter, ImportFormat, ImportStatus, ImportStopReason};
use crate::domain::journal::ActorKind;
use crate::schema::referral_imports;

mod batches;
mod results;

pub use batches::{BatchRow, Staged, StagedDigest, StagedReferral, delete_batch, first_batch, forget_batches, insert_batch};
pub use results::{KnownRow, ResultRow, insert_keys, insert_results, known_keys, results};

/// An import as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = referral_imports, treat_none_as_null = true)]
pub struct ImportRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the time of recording.
    pub id: ReferralImportId,
    /// Where it stands.
    pub status: ImportStatus,
    /// Why it was stopped.
    pub stop_reason: Option<ImportStopReason>,
    /// What kind of file.
    pub format: ImportFormat,
    /// How its text is written, by the name of the Encoding Standard.
    pub encoding: Option<String>,
    /// What stands between its cells.
    pub delimiter: Option<ImportDelimiter>,
    /// What each column is read as; empty: left out.
    pub column_fields: CodeList<String>,
    /// Whether it only says what would become of each row.
    pub dry_run: bool,
    /// What kind of caller imports.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor_id: PrincipalId,
    /// With which key.
    pub api_key_id: Option<ApiKeyId>,
    /// Rows that have come in.
    pub rows: i32,
    /// Of those that are done: made.
    pub created: i32,
    /// Imported before.
    pub unchanged: i32,
    /// Refused.
    pub refused: i32,
    /// Counts the steps of its life.
    pub version: i32,
    /// When it began to come in.
    pub created_at: DateTime<Utc>,
    /// When something last happened.
    pub updated_at: DateTime<Utc>,
    /// When its first rows were done.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Members who were told that it brings referrals of theirs.
    pub told_member_ids: Vec<Option<MemberId>>,
}

impl ImportRow {
    /// How many rows are done.
    #[must_use]
    pub const fn done(&self) -> i32 {
        self.created + self.unchanged + self.refused
    }
}

/// Which imports to list.
#[derive(Debug, Clone, Serialize)]
pub struct Filter {
    /// Only those that stand here.
    pub status: Option<ImportStatus>,
}

/// The import with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: ReferralImportId) -> QueryResult<Option<ImportRow>> {
    referral_imports::table
        .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::id.eq(id)))
        .select(ImportRow::as_select())
        .first(conn)
        .optional()
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: ReferralImportId) -> QueryResult<Option<ImportRow>> {
    referral_imports::table
        .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::id.eq(id)))
        .select(ImportRow::as_select())
        .for_update()
        .first(conn)
        .optional()
}

/// The import whose rows are next, locked until the transaction ends; the oldest first.
///
/// # Errors
/// A database failure.
pub fn lock_next(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<ImportRow>> {
    referral_imports::table
        .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::ended_at.is_null()))
        .filter(referral_imports::status.ne(ImportStatus::Receiving))
        .order(referral_imports::id)
        .select(ImportRow::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .optional()
}

/// A page, newest first, before this id.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    before: Option<ReferralImportId>,
    limit: i64,
) -> QueryResult<Vec<ImportRow>> {
    let mut query = referral_imports::table.filter(referral_imports::site_id.eq(scope.site())).into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(referral_imports::status.eq(status));
    }
    if let Some(before) = before {
        query = query.filter(referral_imports::id.lt(before));
    }
    query.order(referral_imports::id.desc()).limit(limit).select(ImportRow::as_select()).load(conn)
}

/// How many have not ended.
///
/// # Errors
/// A database failure.
pub fn count_open(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    referral_imports::table
        .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::ended_at.is_null()))
        .count()
        .get_result(conn)
}

/// How many rows wait to be done.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    let waiting = diesel::dsl::sql::<diesel::sql_types::BigInt>("coalesce(sum(rows - created - unchanged - refused), 0)");
    referral_imports::table
        .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::ended_at.is_null()))
        .filter(referral_imports::status.ne(ImportStatus::Receiving))
        .select(waiting)
        .get_result(conn)
}

/// Keeps a new import.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, import: &ImportRow) -> QueryResult<()> {
    diesel::insert_into(referral_imports::table).values(import).execute(conn).map(drop)
}

/// Writes an import, which is there and locked, as it is now.
///
/// # Errors
/// A database failure.
pub fn write(conn: &mut PgConnection, import: &ImportRow) -> QueryResult<()> {
    diesel::update(
        referral_imports::table.filter(referral_imports::site_id.eq(import.site_id).and(referral_imports::id.eq(import.id))),
    )
    .set(import)
    .execute(conn)
    .map(drop)
}

/// Forgets an import that is still coming in, with everything of it.
///
/// # Errors
/// A database failure.
pub fn forget_receiving(conn: &mut PgConnection, scope: &SiteScope, id: ReferralImportId) -> QueryResult<()> {
    diesel::delete(
        referral_imports::table
            .filter(referral_imports::site_id.eq(scope.site()).and(referral_imports::id.eq(id)))
            .filter(referral_imports::status.eq(ImportStatus::Receiving)),
    )
    .execute(conn)
    .map(drop)
}

/// Rows that are forgotten at once.
const FORGOTTEN: i64 = 20_000;

/// Forgets what broke off while it came in, before `stalled_before`, and what ended before `ended_before`: a piece of it, so that no
/// transaction gets long. Says how much.
///
/// # Errors
/// A database failure.
pub fn forget(
    conn: &mut PgConnection,
    scope: &SiteScope,
    stalled_before: DateTime<Utc>,
    ended_before: DateTime<Utc>,
) -> QueryResult<usize> {
    let rows = diesel::sql_query(
        "DELETE FROM referral_import_results WHERE ctid = ANY (ARRAY(
             SELECT r.ctid FROM referral_import_results r JOIN referral_imports i ON i.site_id = r.site_id AND i.id = r.import_id
              WHERE r.site_id = $1 AND i.site_id = $1 AND i.ended_at < $2 LIMIT $3))",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Timestamptz, _>(ended_before)
    .bind::<BigInt, _>(FORGOTTEN)
    .execute(conn)?;
    if rows > 0 {
        return Ok(rows);
    }
    let old = referral_imports::ended_at.lt(ended_before).assume_not_null();
    let stalled = referral_imports::ended_at
        .is_null()
        .and(referral_imports::status.eq(ImportStatus::Receiving))
        .and(referral_imports::updated_at.lt(stalled_before));
    diesel::delete(referral_imports::table.filter(referral_imports::site_id.eq(scope.site())).filter(old.or(stalled)))
        .execute(conn)
}

/// Has the planner's statistics taken anew where they know of fewer referrals than these: an import fills tables faster than
/// autovacuum comes by.
///
/// # Errors
/// A database failure.
pub fn refresh_statistics(conn: &mut PgConnection, rows_at_least: i32) -> QueryResult<()> {
    diesel::sql_query("SELECT directory.analyze_referrals($1)").bind::<Integer, _>(rows_at_least).execute(conn).map(drop)
}
