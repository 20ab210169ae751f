//! Details of persons under an approved process, sealed. A partner's request leaves them here and reads none.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Uuid};

use super::locks;
use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::approved_process::ProcessField;
use crate::domain::ids::{PartnerId, ReferralId, SiteId};
use crate::domain::vocabulary::ReferralStatus;
use crate::schema::{referrals, sealed_details};

/// Sealed details as they are kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sealed_details)]
pub struct SealedDetailsRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Of which referral.
    pub referral_id: ReferralId,
    /// Who sent them.
    pub partner_id: PartnerId,
    /// Which fields they hold.
    pub fields: CodeList<ProcessField>,
    /// Under which key.
    pub key_id: Vec<u8>,
    /// Drawn for this row alone.
    pub nonce: Vec<u8>,
    /// The sealed values.
    pub ciphertext: Vec<u8>,
    /// When they were sent.
    pub sealed_at: DateTime<Utc>,
}

/// Keeps them.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, sealed: &SealedDetailsRow) -> QueryResult<()> {
    diesel::insert_into(sealed_details::table).values(sealed).execute(conn).map(drop)
}

/// Those of a referral.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, referral: ReferralId) -> QueryResult<Option<SealedDetailsRow>> {
    sealed_details::table
        .filter(sealed_details::site_id.eq(scope.site()).and(sealed_details::referral_id.eq(referral)))
        .select(SealedDetailsRow::as_select())
        .first(conn)
        .optional()
}

/// Removes those of these referrals; says which referrals had any, and of which fields.
///
/// # Errors
/// A database failure.
pub fn delete(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
) -> QueryResult<Vec<(ReferralId, CodeList<ProcessField>)>> {
    let those = sealed_details::site_id.eq(scope.site()).and(sealed_details::referral_id.eq_any(ids));
    let mut removed: Vec<(ReferralId, CodeList<ProcessField>)> = diesel::delete(sealed_details::table.filter(those))
        .returning((sealed_details::referral_id, sealed_details::fields))
        .get_results(conn)?;
    removed.sort_by_key(|(id, _)| *id);
    Ok(removed)
}

/// Removes those of these referrals and of what was merged into them: they are one person's.
///
/// # Errors
/// A database failure.
pub fn delete_of_persons(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
) -> QueryResult<Vec<(ReferralId, CodeList<ProcessField>)>> {
    let mut person: Vec<ReferralId> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::merged_into_id.eq_any(ids)))
        .select(referrals::id)
        .load(conn)?;
    person.extend(ids);
    delete(conn, scope, &person)
}

/// Details whose referral ended before this.
macro_rules! over {
    ($scope:expr, $ended_before:expr) => {
        sealed_details::table
            .inner_join(
                referrals::table
                    .on(referrals::site_id.eq(sealed_details::site_id).and(referrals::id.eq(sealed_details::referral_id))),
            )
            .filter(sealed_details::site_id.eq($scope.site()))
            .filter(referrals::status.eq(ReferralStatus::Closed).and(referrals::closed_at.lt($ended_before)))
    };
}

/// Some of the referrals that ended before this and have details, locked until the transaction ends, and whether there may be more.
/// One that somebody works on at this moment is passed over: it may be open again.
///
/// # Errors
/// A database failure.
pub fn lock_over(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ended_before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<(Vec<ReferralId>, bool)> {
    let over: Vec<ReferralId> = over!(scope, ended_before)
        .select(sealed_details::referral_id)
        .order(sealed_details::referral_id)
        .limit(limit)
        .load(conn)?;
    let more = i64::try_from(over.len()).is_ok_and(|found| found >= limit);
    Ok((locks::ended(conn, scope, &over, ended_before)?, more))
}

/// How many there are whose referral ended before this.
///
/// # Errors
/// A database failure.
pub fn count_over(conn: &mut PgConnection, scope: &SiteScope, ended_before: DateTime<Utc>) -> QueryResult<i64> {
    over!(scope, ended_before).count().get_result(conn)
}

/// Some that lie under one of these keys, locked until the transaction ends. What somebody works on at this moment is passed over.
///
/// # Errors
/// A database failure.
pub fn lock_under(
    conn: &mut PgConnection,
    scope: &SiteScope,
    key_ids: &[&[u8]],
    limit: i64,
) -> QueryResult<Vec<SealedDetailsRow>> {
    sealed_details::table
        .filter(sealed_details::site_id.eq(scope.site()).and(sealed_details::key_id.eq_any(key_ids)))
        .order(sealed_details::referral_id)
        .limit(limit)
        .select(SealedDetailsRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}

/// Writes what was sealed anew over a row that is locked.
///
/// # Errors
/// A database failure.
pub fn reseal(conn: &mut PgConnection, scope: &SiteScope, row: &SealedDetailsRow) -> QueryResult<()> {
    let target = sealed_details::table
        .filter(sealed_details::site_id.eq(scope.site()).and(sealed_details::referral_id.eq(row.referral_id)));
    diesel::update(target)
        .set((
            sealed_details::key_id.eq(&row.key_id),
            sealed_details::nonce.eq(&row.nonce),
            sealed_details::ciphertext.eq(&row.ciphertext),
        ))
        .execute(conn)
        .map(drop)
}

/// How many details lie under one key.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct KeyUse {
    /// The key's public name.
    #[diesel(sql_type = Bytea)]
    pub key_id: Vec<u8>,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub details: i64,
}

/// How many details of the site lie under each key.
///
/// # Errors
/// A database failure.
pub fn count_by_key(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<KeyUse>> {
    diesel::sql_query("SELECT key_id, count(*) AS details FROM sealed_details WHERE site_id = $1 GROUP BY key_id")
        .bind::<Uuid, _>(scope.site())
        .load(conn)
}
