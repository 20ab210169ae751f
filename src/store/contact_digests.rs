//! Digests of contact details: those of referrals, and those of people who must not be contacted.
//!
//! A detail is looked up under every key that is accepted. A partner reads neither table: whoever looks up under a partner's
//! request does so in `db::beyond_partner`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Nullable, Text, Timestamptz, Uuid};

use super::locks::{self, Turn};
use super::referrals::ReferralRow;
use crate::auth::SiteScope;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::{DigestKind, ReferralStatus};
use crate::privacy::digests::{ContactDigest, DetailDigests};
use crate::schema::{contact_withdrawals, referral_digests, referrals};

/// A digest as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct KeptDigest {
    /// Of what.
    pub kind: DigestKind,
    /// The digest.
    pub digest: Vec<u8>,
    /// Under which key; `None`: from before keys had names.
    pub key_id: Option<Vec<u8>>,
}

impl From<&ContactDigest> for KeptDigest {
    fn from(digest: &ContactDigest) -> Self {
        Self { kind: digest.kind, digest: digest.digest.to_vec(), key_id: Some(digest.key_id.0.to_vec()) }
    }
}

/// The kinds and all digests of details, for a look-up. A digest is of one kind, so that the two need not be paired.
fn sought(details: &[DetailDigests]) -> (Vec<DigestKind>, Vec<&[u8]>) {
    let kinds = details.iter().map(|detail| detail.current.kind).collect();
    let digests = details.iter().flat_map(DetailDigests::all).map(|digest| digest.digest.as_slice()).collect();
    (kinds, digests)
}

/// Takes the turn of these contact details until the transaction ends: shared by those who only ask who withdrew, alone by
/// those who record a withdrawal. Servers with other current keys take the same turns.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn take_turn(conn: &mut PgConnection, turn: Turn, details: &[DetailDigests]) -> QueryResult<()> {
    locks::take(conn, turn, details.iter().flat_map(DetailDigests::all).map(|digest| &digest.digest))
}

/// As [`take_turn`], alone, for digests that were kept.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn take_turn_of_kept(conn: &mut PgConnection, kept: &[KeptDigest]) -> QueryResult<()> {
    locks::take(conn, Turn::Alone, kept.iter().filter_map(|kept| kept.digest.first_chunk()))
}

/// Moves what is kept of these details under another key to the current one. Rows that somebody else is moving are left to
/// them: nobody waits.
///
/// # Errors
/// A database failure.
pub fn move_to_current(conn: &mut PgConnection, scope: &SiteScope, details: &[DetailDigests]) -> QueryResult<()> {
    if details.iter().all(|detail| detail.also.is_empty()) {
        return Ok(());
    }
    let pairs = || details.iter().flat_map(|detail| detail.all().map(|kept| (kept, &detail.current)));
    let kinds: Vec<DigestKind> = pairs().map(|(kept, _)| kept.kind).collect();
    let kept: Vec<&[u8]> = pairs().map(|(kept, _)| kept.digest.as_slice()).collect();
    let current: Vec<&[u8]> = pairs().map(|(_, current)| current.digest.as_slice()).collect();
    let key_ids: Vec<&[u8]> = pairs().map(|(_, current)| current.key_id.0.as_slice()).collect();
    // A withdrawal stands once per digest: of several for one detail the oldest moves, unless one has moved before.
    diesel::sql_query(
        "WITH known (kind, kept, current, key_id) AS (SELECT * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[])),
              due AS (
                  SELECT d.referral_id, d.kind, k.current, k.key_id FROM known k
                    JOIN referral_digests d ON d.site_id = $1 AND d.kind = k.kind AND d.digest = k.kept
                   WHERE d.key_id IS DISTINCT FROM k.key_id FOR UPDATE OF d SKIP LOCKED),
              moved AS (
                  UPDATE referral_digests d SET digest = due.current, key_id = due.key_id FROM due
                   WHERE d.site_id = $1 AND d.referral_id = due.referral_id AND d.kind = due.kind),
              oldest AS (
                  SELECT DISTINCT ON (w.kind, w.is_test, k.current) w.id, k.current, k.key_id FROM known k
                    JOIN contact_withdrawals w ON w.site_id = $1 AND w.is_test IN (true, false) AND w.kind = k.kind AND w.digest = k.kept
                   WHERE w.key_id IS DISTINCT FROM k.key_id AND NOT EXISTS (
                         SELECT 1 FROM contact_withdrawals o WHERE o.site_id = $1 AND o.is_test = w.is_test AND o.kind = w.kind
                            AND o.digest = k.current AND o.id <> w.id)
                   ORDER BY w.kind, w.is_test, k.current, w.recorded_at, w.id),
              free AS (
                  SELECT w.id, oldest.current, oldest.key_id FROM contact_withdrawals w JOIN oldest ON oldest.id = w.id
                   WHERE w.site_id = $1 AND w.key_id IS DISTINCT FROM oldest.key_id FOR UPDATE OF w SKIP LOCKED)
         UPDATE contact_withdrawals w SET digest = free.current, key_id = free.key_id FROM free WHERE w.site_id = $1 AND w.id = free.id",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Bytea>, _>(kept)
    .bind::<Array<Bytea>, _>(current)
    .bind::<Array<Bytea>, _>(key_ids)
    .execute(conn)
    .map(drop)
}

/// Whether permission to contact over one of these details was withdrawn.
///
/// # Errors
/// A database failure.
pub fn is_withdrawn(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, details: &[DetailDigests]) -> QueryResult<bool> {
    let (kinds, digests) = sought(details);
    let found = contact_withdrawals::table
        .filter(contact_withdrawals::site_id.eq(scope.site()).and(contact_withdrawals::is_test.eq(is_test)))
        .filter(contact_withdrawals::kind.eq_any(kinds).and(contact_withdrawals::digest.eq_any(digests)));
    diesel::select(diesel::dsl::exists(found)).get_result(conn)
}

/// The digests of these details over which permission to contact was withdrawn.
///
/// # Errors
/// A database failure.
pub fn withdrawn(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    details: &[DetailDigests],
) -> QueryResult<BTreeSet<Vec<u8>>> {
    let (kinds, digests) = sought(details);
    let found: Vec<Vec<u8>> = contact_withdrawals::table
        .filter(contact_withdrawals::site_id.eq(scope.site()).and(contact_withdrawals::is_test.eq(is_test)))
        .filter(contact_withdrawals::kind.eq_any(kinds).and(contact_withdrawals::digest.eq_any(digests)))
        .select(contact_withdrawals::digest)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

/// Whether permission to contact over one of these kept digests was withdrawn.
///
/// # Errors
/// A database failure.
pub fn are_withdrawn(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, kept: &[KeptDigest]) -> QueryResult<bool> {
    let kinds: Vec<DigestKind> = kept.iter().map(|kept| kept.kind).collect();
    let digests: Vec<&[u8]> = kept.iter().map(|kept| kept.digest.as_slice()).collect();
    let found = contact_withdrawals::table
        .filter(contact_withdrawals::site_id.eq(scope.site()).and(contact_withdrawals::is_test.eq(is_test)))
        .filter(contact_withdrawals::kind.eq_any(kinds).and(contact_withdrawals::digest.eq_any(digests)));
    diesel::select(diesel::dsl::exists(found)).get_result(conn)
}

/// The open referrals of one of these details, by id and locked until the transaction ends; for one that was merged, the record
/// that goes on for the person.
///
/// # Errors
/// A database failure.
pub fn lock_open_referrals(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    details: &[DetailDigests],
) -> QueryResult<Vec<ReferralRow>> {
    // Asked first, so that the lock goes by ids alone. Whoever merges records takes the turns of their digests too.
    let of_person = referrals_of(conn, scope, is_test, details)?;
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::is_test.eq(is_test)))
        .filter(referrals::status.ne(ReferralStatus::Closed).and(referrals::id.eq_any(of_person)))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}

/// The referrals of one of these details, open or not; for one that was merged, the record that goes on for the person.
///
/// # Errors
/// A database failure.
pub fn referrals_of(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    details: &[DetailDigests],
) -> QueryResult<Vec<ReferralId>> {
    let (kinds, digests) = sought(details);
    let of_person: Vec<(ReferralId, Option<ReferralId>)> = referral_digests::table
        .inner_join(
            referrals::table
                .on(referrals::site_id.eq(referral_digests::site_id).and(referrals::id.eq(referral_digests::referral_id))),
        )
        .filter(referral_digests::site_id.eq(scope.site()).and(referrals::is_test.eq(is_test)))
        .filter(referral_digests::kind.eq_any(kinds).and(referral_digests::digest.eq_any(digests)))
        .select((referrals::id, referrals::merged_into_id))
        .load(conn)?;
    Ok(of_person.into_iter().map(|(id, merged_into)| merged_into.unwrap_or(id)).collect())
}

/// The digests kept of a referral, and of those that were merged into it: they are one person's.
///
/// # Errors
/// A database failure.
pub fn of_referral(conn: &mut PgConnection, scope: &SiteScope, referral: ReferralId) -> QueryResult<Vec<KeptDigest>> {
    let mut person: Vec<ReferralId> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::merged_into_id.eq(referral)))
        .select(referrals::id)
        .load(conn)?;
    person.push(referral);
    of_referrals(conn, scope, &person)
}

/// Every referral of whoever has one of these digests, live or test, open or not: those that have it, what they were merged into, and all
/// that was merged into that. By id.
///
/// # Errors
/// A database failure.
pub fn everything_of(conn: &mut PgConnection, scope: &SiteScope, kept: &[KeptDigest]) -> QueryResult<Vec<ReferralId>> {
    let kinds: Vec<DigestKind> = kept.iter().map(|kept| kept.kind).collect();
    let digests: Vec<&[u8]> = kept.iter().map(|kept| kept.digest.as_slice()).collect();
    let found: Vec<(ReferralId, Option<ReferralId>)> = referral_digests::table
        .inner_join(
            referrals::table
                .on(referrals::site_id.eq(referral_digests::site_id).and(referrals::id.eq(referral_digests::referral_id))),
        )
        .filter(referral_digests::site_id.eq(scope.site()))
        .filter(referral_digests::kind.eq_any(kinds).and(referral_digests::digest.eq_any(digests)))
        .select((referrals::id, referrals::merged_into_id))
        .load(conn)?;
    let mut of_person: BTreeSet<ReferralId> = found.into_iter().map(|(id, merged_into)| merged_into.unwrap_or(id)).collect();
    let merged: Vec<ReferralId> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::merged_into_id.eq_any(&of_person)))
        .select(referrals::id)
        .load(conn)?;
    of_person.extend(merged);
    Ok(of_person.into_iter().collect())
}

/// The digests kept of these referrals.
///
/// # Errors
/// A database failure.
pub fn of_referrals(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<KeptDigest>> {
    referral_digests::table
        .filter(referral_digests::site_id.eq(scope.site()).and(referral_digests::referral_id.eq_any(ids)))
        .order((referral_digests::kind, referral_digests::referral_id))
        .select((referral_digests::kind, referral_digests::digest, referral_digests::key_id))
        .load(conn)
}

/// Digests whose referral ended before `$3`. One that was merged goes with the one that goes on: its details still recognise that person. And
/// what is sealed is found by them alone, when the person is erased. Ids are made in the order of time and no referral ends before it
/// is recorded, so that those after `$2` need not be looked at.
const OVER: &str = "
      FROM referral_digests AS kept
      JOIN referrals AS referral ON referral.site_id = kept.site_id AND referral.id = kept.referral_id
      LEFT JOIN referrals AS survivor ON survivor.site_id = referral.site_id AND survivor.id = referral.merged_into_id
     WHERE kept.site_id = $1 AND kept.referral_id < $2
       AND referral.status = 'closed' AND referral.closed_at < $3
       AND (survivor.id IS NULL OR survivor.status = 'closed' AND survivor.closed_at < $3)
       AND NOT EXISTS (SELECT FROM sealed_details AS sealed
                        WHERE sealed.site_id = referral.site_id AND sealed.referral_id = referral.id)";

/// Some of the referrals that ended before this and are recognised by digests, locked until the transaction ends, and whether there
/// may be more. One that somebody works on at this moment is passed over: it may be open again.
///
/// # Errors
/// A database failure.
pub fn lock_over(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ended_before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<(Vec<ReferralId>, bool)> {
    #[derive(QueryableByName)]
    struct Over {
        #[diesel(sql_type = Uuid)]
        id: ReferralId,
    }
    let over: Vec<Over> = diesel::sql_query(format!("SELECT DISTINCT kept.referral_id AS id {OVER} ORDER BY id LIMIT $4"))
        .bind::<Uuid, _>(scope.site())
        .bind::<Uuid, _>(ReferralId::at(ended_before))
        .bind::<Timestamptz, _>(ended_before)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    let more = i64::try_from(over.len()).is_ok_and(|found| found >= limit);
    let over: Vec<ReferralId> = over.into_iter().map(|over| over.id).collect();
    Ok((locks::ended(conn, scope, &over, ended_before)?, more))
}

/// How many referrals that ended before this are recognised by digests, without need.
///
/// # Errors
/// A database failure.
pub fn count_over(conn: &mut PgConnection, scope: &SiteScope, ended_before: DateTime<Utc>) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Count = diesel::sql_query(format!("SELECT count(DISTINCT kept.referral_id) AS count {OVER}"))
        .bind::<Uuid, _>(scope.site())
        .bind::<Uuid, _>(ReferralId::at(ended_before))
        .bind::<Timestamptz, _>(ended_before)
        .get_result(conn)?;
    Ok(counted.count)
}

/// Forgets the digests of these referrals; says of which there were any.
///
/// # Errors
/// A database failure.
pub fn forget(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<BTreeSet<ReferralId>> {
    let those = referral_digests::site_id.eq(scope.site()).and(referral_digests::referral_id.eq_any(ids));
    let forgotten: Vec<ReferralId> =
        diesel::delete(referral_digests::table.filter(those)).returning(referral_digests::referral_id).get_results(conn)?;
    Ok(forgotten.into_iter().collect())
}

/// Keeps withdrawn digests, each once and from its first withdrawal; says how many are new.
///
/// # Errors
/// A database failure.
pub fn withdraw(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    digests: Vec<KeptDigest>,
    received_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let rows: Vec<_> = digests
        .into_iter()
        .map(|kept| {
            (
                contact_withdrawals::site_id.eq(scope.site()),
                // Neither its id nor its times lead to the request that kept it, and so to the referrals that this closed.
                contact_withdrawals::id.eq(diesel::dsl::sql::<Uuid>("gen_random_uuid()")),
                contact_withdrawals::kind.eq(kept.kind),
                contact_withdrawals::digest.eq(kept.digest),
                contact_withdrawals::key_id.eq(kept.key_id),
                contact_withdrawals::is_test.eq(is_test),
                contact_withdrawals::received_at.eq(day_of(received_at)),
                contact_withdrawals::recorded_at.eq(day_of(now)),
            )
        })
        .collect();
    diesel::insert_into(contact_withdrawals::table).values(rows).on_conflict_do_nothing().execute(conn)
}

/// The beginning of the day of a time, UTC.
fn day_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

/// How many digests a site keeps under one key.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct KeyUse {
    /// The key's public name; `None`: from before keys had names.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub key_id: Option<Vec<u8>>,
    /// Whether these are of withdrawals; otherwise of referrals.
    #[diesel(sql_type = Bool)]
    pub of_withdrawals: bool,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub digests: i64,
}

/// How many digests the site keeps under each key.
///
/// # Errors
/// A database failure.
pub fn count_by_key(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<KeyUse>> {
    diesel::sql_query(
        "SELECT key_id, false AS of_withdrawals, count(*) AS digests FROM referral_digests WHERE site_id = $1 GROUP BY key_id
         UNION ALL
         SELECT key_id, true, count(*) FROM contact_withdrawals WHERE site_id = $1 GROUP BY key_id",
    )
    .bind::<Uuid, _>(scope.site())
    .load(conn)
}
