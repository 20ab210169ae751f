//! Which referrals are to be matched, and what they are matched by: digests of contact details and the site's own references.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid};
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::MatchGround;
use crate::schema::match_results;
use crate::store::at_once::{AtOnce, add_rows};
use crate::store::prepared::prepared;
use crate::store::referrals::ReferralRow;

/// A referral is compared with so many records at the most. More than a handful is no household: it is a clinic that sends its own
/// number, and nobody resolves thousands of pairs.
pub const MOST_CANDIDATES: i64 = 50;

/// Queues new referrals, whatever is known of their persons.
pub fn add_to_queue<'a>(at_once: &mut AtOnce<'_>, referrals: impl IntoIterator<Item = &'a ReferralRow>) {
    let rows: Vec<ToBeMatched> = referrals.into_iter().map(|referral| to_be_matched(referral, referral.recorded_at)).collect();
    // No conflict clause: naming a target would need to read the table, which a partner's request may not.
    add_rows!(at_once, match_results::table, rows);
}

/// Queues many new referrals of an import. Their owners are told of them together, and so they wait like those that are matched once
/// more, of which nobody is told that they came.
///
/// # Errors
/// A database failure.
pub fn queue_all(conn: &mut PgConnection, referrals: &[ReferralRow]) -> QueryResult<()> {
    let rows: Vec<_> = referrals
        .iter()
        .map(|referral| (to_be_matched(referral, referral.recorded_at), match_results::candidates.eq(0)))
        .collect();
    diesel::insert_into(match_results::table).values(rows).execute(conn).map(drop)
}

/// Queues a referral again: what it is matched by has changed. Its count of before stays, since nobody is told twice that it came.
/// The caller has locked the referral.
///
/// # Errors
/// A database failure.
pub fn queue_again(conn: &mut PgConnection, referral: &ReferralRow, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::insert_into(match_results::table)
        .values(to_be_matched(referral, now))
        .on_conflict((match_results::site_id, match_results::referral_id))
        .do_update()
        .set((
            match_results::queued_at.eq(excluded(match_results::queued_at)),
            match_results::matched_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .map(drop)
}

#[derive(Insertable)]
#[diesel(table_name = match_results, treat_none_as_default_value = false)]
struct ToBeMatched {
    site_id: crate::domain::ids::SiteId,
    referral_id: ReferralId,
    partner_id: Option<crate::domain::ids::PartnerId>,
    queued_at: DateTime<Utc>,
}

const fn to_be_matched(referral: &ReferralRow, queued_at: DateTime<Utc>) -> ToBeMatched {
    ToBeMatched { site_id: referral.site_id, referral_id: referral.id, partner_id: referral.partner_id, queued_at }
}

/// The referrals that wait longest to be matched.
///
/// # Errors
/// A database failure.
pub fn waiting(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<Vec<ReferralId>> {
    match_results::table
        .filter(match_results::site_id.eq(scope.site()).and(match_results::matched_at.is_null()))
        .order((match_results::queued_at, match_results::referral_id))
        .limit(limit)
        .select(match_results::referral_id)
        .load(conn)
}

/// Those of these referrals that still wait, each with whether it is matched for the first time.
///
/// # Errors
/// A database failure.
pub fn still_waiting(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<(ReferralId, bool)>> {
    match_results::table
        .filter(match_results::site_id.eq(scope.site()).and(match_results::matched_at.is_null()))
        .filter(match_results::referral_id.eq_any(ids))
        .order(match_results::referral_id)
        .select((match_results::referral_id, match_results::candidates.is_null()))
        .load(conn)
}

/// How many referrals wait to be matched.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    match_results::table
        .filter(match_results::site_id.eq(scope.site()).and(match_results::matched_at.is_null()))
        .count()
        .get_result(conn)
}

/// A record that may be the same person as a referral.
#[derive(Debug, Clone, QueryableByName)]
pub struct Candidate {
    /// The referral that is matched.
    #[diesel(sql_type = Uuid)]
    pub matched: ReferralId,
    /// The record that stands for it: itself, or the one that it was merged into.
    #[diesel(sql_type = Uuid)]
    pub one: ReferralId,
    /// The record that stands for the other.
    #[diesel(sql_type = Uuid)]
    pub other: ReferralId,
    /// What they share.
    #[diesel(sql_type = Array<Text>)]
    pub grounds: Vec<MatchGround>,
}

/// The records of the same study that share a digest or the site's reference with these referrals, of each the newest.
///
/// Each step goes by a key, one record after the other: `OFFSET 0` keeps the planner from turning that round. Before a table has
/// statistics, and so while a first import fills it, it would read the whole study for each referral.
///
/// # Errors
/// A database failure.
pub fn candidates(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<Candidate>> {
    prepared(
        "SELECT r.id AS matched, r.one, found.other, found.grounds
           FROM unnest($2::uuid[]) AS sought (id)
          CROSS JOIN LATERAL (
                SELECT id, study_id, is_test, external_ref, coalesce(merged_into_id, id) AS one
                  FROM referrals WHERE site_id = $1 AND id = sought.id OFFSET 0) r
          CROSS JOIN LATERAL (
                SELECT o.one AS other, array_agg(DISTINCT shared.ground ORDER BY shared.ground) AS grounds
                  FROM (SELECT theirs.referral_id, ours.kind AS ground
                          FROM (SELECT kind, digest FROM referral_digests WHERE site_id = $1 AND referral_id = r.id OFFSET 0) ours
                         CROSS JOIN LATERAL (
                               SELECT referral_id FROM referral_digests
                                WHERE site_id = $1 AND kind = ours.kind AND digest = ours.digest OFFSET 0) theirs
                        UNION ALL
                        SELECT id, 'external_ref' FROM referrals WHERE site_id = $1 AND external_ref = r.external_ref) shared
                 CROSS JOIN LATERAL (
                       SELECT study_id, is_test, coalesce(merged_into_id, id) AS one
                         FROM referrals WHERE site_id = $1 AND id = shared.referral_id OFFSET 0) o
                 WHERE shared.referral_id <> r.id AND o.study_id = r.study_id AND o.is_test = r.is_test AND o.one <> r.one
                 GROUP BY 1 ORDER BY 1 DESC LIMIT $3) found",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Uuid>, _>(ids)
    .bind::<BigInt, _>(MOST_CANDIDATES)
    .load(conn)
}

/// Writes down that referrals were matched, each with the number of its candidates.
///
/// # Errors
/// A database failure.
pub fn matched(conn: &mut PgConnection, scope: &SiteScope, counts: &[(ReferralId, i32)], now: DateTime<Utc>) -> QueryResult<()> {
    let (ids, counts): (Vec<ReferralId>, Vec<i32>) = counts.iter().copied().unzip();
    prepared(
        "UPDATE match_results m SET matched_at = $4, candidates = done.candidates
           FROM unnest($2::uuid[], $3::int4[]) AS done (referral_id, candidates)
          WHERE m.site_id = $1 AND m.referral_id = done.referral_id",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<diesel::sql_types::Integer>, _>(counts)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(conn)
    .map(drop)
}
