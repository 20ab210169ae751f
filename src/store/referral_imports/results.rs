//! What became of each row, and which rows were imported before.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Integer, Nullable, Text, Uuid};

use crate::auth::SiteScope;
use crate::domain::ids::{ReferralId, ReferralImportId};
use crate::domain::imports::{ImportOutcome, RowDigest};
use crate::schema::{referral_import_keys as keys, referral_import_results as results};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = results)]
pub struct ResultRow {
    /// Its number in the file.
    pub row_number: i32,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// Its referral; `None` when it was refused, or in a dry run has none yet.
    pub referral_id: Option<ReferralId>,
    /// Why it was refused: faults as `RowFault::to_text` writes them.
    pub faults: Option<String>,
}

/// Keeps what became of rows.
///
/// # Errors
/// A database failure.
pub fn insert_results(
    conn: &mut PgConnection,
    scope: &SiteScope,
    import: ReferralImportId,
    rows: &[ResultRow],
) -> QueryResult<()> {
    let numbers: Vec<i32> = rows.iter().map(|row| row.row_number).collect();
    let outcomes: Vec<ImportOutcome> = rows.iter().map(|row| row.outcome).collect();
    let referrals: Vec<Option<ReferralId>> = rows.iter().map(|row| row.referral_id).collect();
    let faults: Vec<Option<&str>> = rows.iter().map(|row| row.faults.as_deref()).collect();
    diesel::sql_query(
        "INSERT INTO referral_import_results (site_id, import_id, row_number, outcome, referral_id, faults)
         SELECT $1, $2, * FROM unnest($3::int4[], $4::text[], $5::uuid[], $6::text[])",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Uuid, _>(import)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Array<Text>, _>(outcomes)
    .bind::<Array<Nullable<Uuid>>, _>(referrals)
    .bind::<Array<Nullable<Text>>, _>(faults)
    .execute(conn)
    .map(drop)
}

/// A page of what became of rows, in the order of the file, after this row.
///
/// # Errors
/// A database failure.
pub fn results(
    conn: &mut PgConnection,
    scope: &SiteScope,
    import: ReferralImportId,
    outcome: Option<ImportOutcome>,
    after: Option<i32>,
    limit: i64,
) -> QueryResult<Vec<ResultRow>> {
    let mut query = results::table
        .filter(results::site_id.eq(scope.site()).and(results::import_id.eq(import)))
        .filter(results::row_number.gt(after.unwrap_or(0)))
        .into_boxed();
    if let Some(outcome) = outcome {
        query = query.filter(results::outcome.eq(outcome));
        if outcome != ImportOutcome::Created {
            // In so many words, since a parameter tells the planner nothing: these few have an index of their own.
            query = query.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("outcome <> 'created'"));
        }
    }
    query.order(results::row_number).limit(limit).select(ResultRow::as_select()).load(conn)
}

/// A row that was imported before.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = keys)]
pub struct KnownRow {
    /// Which row.
    pub row_key: Vec<u8>,
    /// What it said.
    pub content: Vec<u8>,
    /// Its referral.
    pub referral_id: ReferralId,
}

/// Those of these rows that were imported before. Each is looked up by its key, whatever the planner makes of a table that is still
/// without statistics.
///
/// # Errors
/// A database failure.
pub fn known_keys(conn: &mut PgConnection, scope: &SiteScope, sought: &[RowDigest]) -> QueryResult<Vec<KnownRow>> {
    diesel::sql_query(
        "SELECT known.row_key, known.content, known.referral_id
           FROM unnest($2::bytea[]) AS sought (row_key)
          CROSS JOIN LATERAL (
                SELECT row_key, content, referral_id FROM referral_import_keys
                 WHERE site_id = $1 AND row_key = sought.row_key OFFSET 0) known",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Bytea>, _>(sought.iter().map(RowDigest::as_slice).collect::<Vec<_>>())
    .load(conn)
}

/// Keeps which rows were imported now.
///
/// # Errors
/// A database failure.
pub fn insert_keys(conn: &mut PgConnection, scope: &SiteScope, rows: &[(RowDigest, RowDigest, ReferralId)]) -> QueryResult<()> {
    let row_keys: Vec<&[u8]> = rows.iter().map(|(key, ..)| key.as_slice()).collect();
    let contents: Vec<&[u8]> = rows.iter().map(|(_, content, _)| content.as_slice()).collect();
    let referrals: Vec<ReferralId> = rows.iter().map(|(.., referral)| *referral).collect();
    diesel::sql_query(
        "INSERT INTO referral_import_keys (site_id, row_key, content, referral_id)
         SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::uuid[])",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Bytea>, _>(row_keys)
    .bind::<Array<Bytea>, _>(contents)
    .bind::<Array<Uuid>, _>(referrals)
    .execute(conn)
    .map(drop)
}
