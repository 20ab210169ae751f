//! Claimed idempotency keys and the answers kept under them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Integer, Nullable, Text, Timestamptz, Uuid};

use super::locks::{self, Turn};
use super::prepared::prepared;
use crate::auth::SiteScope;
use crate::domain::ids::PrincipalId;
use crate::schema::idempotency_keys as keys;

/// How long an answer is kept.
pub const KEPT_FOR: chrono::Duration = chrono::Duration::hours(24);

/// Which key: the caller's, for one operation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who acts.
    pub principal: PrincipalId,
    /// The operation and the resource it acts on.
    pub operation: String,
    /// HMAC of the key.
    pub key_digest: [u8; 32],
    /// HMAC of the body.
    pub fingerprint: [u8; 32],
    /// The same under each key of the server that is accepted beside the current one.
    pub also: Vec<([u8; 32], [u8; 32])>,
}

/// The answer that was given.
#[derive(Debug, Clone, Queryable)]
pub struct KeptAnswer {
    /// HMAC of the body it answered.
    pub fingerprint: Vec<u8>,
    /// HTTP status; `None` only inside the transaction that claims.
    pub status: Option<i32>,
    /// `Location`.
    pub location: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// The JSON body.
    pub body: Option<String>,
}

/// Claims the key for this transaction: `true` when it is ours, `false` when an answer within its time exists. Blocks, up to
/// `lock_timeout`, while another transaction holds the claim. A claim older than `expired_before` is taken over.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn claim(
    conn: &mut PgConnection,
    scope: &SiteScope,
    claim: &Claim,
    now: DateTime<Utc>,
    expired_before: DateTime<Utc>,
) -> QueryResult<bool> {
    prepared(
        "INSERT INTO idempotency_keys (site_id, principal_id, operation, key_digest, fingerprint, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, principal_id, operation, key_digest) DO UPDATE
            SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
                status = NULL, location = NULL, etag = NULL, body = NULL
          WHERE idempotency_keys.created_at < $7",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Uuid, _>(claim.principal)
    .bind::<Text, _>(&claim.operation)
    .bind::<Bytea, _>(claim.key_digest.as_slice())
    .bind::<Bytea, _>(claim.fingerprint.as_slice())
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(expired_before)
    .execute(conn)
    .map(|claimed| claimed == 1)
}

/// Claims these keys of one caller and one operation, as [`claim`] claims one; answers the digests of those that are ours.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn claim_all(
    conn: &mut PgConnection,
    scope: &SiteScope,
    claims: &[&Claim],
    now: DateTime<Utc>,
    expired_before: DateTime<Utc>,
) -> QueryResult<BTreeSet<Vec<u8>>> {
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(sql_type = Bytea)]
        key_digest: Vec<u8>,
    }
    let Some(first) = claims.first() else { return Ok(BTreeSet::new()) };
    // In one order, so that two who claim the same keys do not wait for each other.
    let claimed: Vec<Claimed> = prepared(
        "INSERT INTO idempotency_keys (site_id, principal_id, operation, key_digest, fingerprint, created_at)
         SELECT $1, $2, $3, claims.key_digest, claims.fingerprint, $6
           FROM unnest($4::bytea[], $5::bytea[]) AS claims (key_digest, fingerprint) ORDER BY claims.key_digest
         ON CONFLICT (site_id, principal_id, operation, key_digest) DO UPDATE
            SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
                status = NULL, location = NULL, etag = NULL, body = NULL
          WHERE idempotency_keys.created_at < $7
         RETURNING key_digest",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Uuid, _>(first.principal)
    .bind::<Text, _>(&first.operation)
    .bind::<Array<Bytea>, _>(claims.iter().map(|claim| claim.key_digest.as_slice()).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(claims.iter().map(|claim| claim.fingerprint.as_slice()).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(expired_before)
    .load(conn)?;
    Ok(claimed.into_iter().map(|claimed| claimed.key_digest).collect())
}

/// An answer under the claim of this transaction.
#[derive(Debug)]
pub struct NewAnswer<'a> {
    /// Of which claim.
    pub claim: &'a Claim,
    /// `Location`.
    pub location: Option<&'a str>,
    /// `ETag`.
    pub etag: Option<&'a str>,
    /// The JSON body.
    pub body: &'a str,
}

/// Keeps these answers, all with one status, as [`keep`] keeps one, and gives up the other claims of this transaction.
///
/// # Errors
/// A database failure.
pub fn keep_all(
    conn: &mut PgConnection,
    scope: &SiteScope,
    status: u16,
    answers: &[NewAnswer<'_>],
    given_up: &[&Claim],
) -> QueryResult<()> {
    let Some(claim) = answers.iter().map(|answer| answer.claim).chain(given_up.iter().copied()).next() else { return Ok(()) };
    if !answers.is_empty() {
        prepared(
            "UPDATE idempotency_keys k SET status = $4, location = kept.location, etag = kept.etag, body = kept.body
               FROM unnest($5::bytea[], $6::text[], $7::text[], $8::text[]) AS kept (key_digest, location, etag, body)
              WHERE k.site_id = $1 AND k.principal_id = $2 AND k.operation = $3
                AND k.key_digest = ANY($5) AND k.key_digest = kept.key_digest",
        )
        .bind::<Uuid, _>(scope.site())
        .bind::<Uuid, _>(claim.principal)
        .bind::<Text, _>(&claim.operation)
        .bind::<Integer, _>(i32::from(status))
        .bind::<Array<Bytea>, _>(answers.iter().map(|answer| answer.claim.key_digest.as_slice()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(answers.iter().map(|answer| answer.location).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(answers.iter().map(|answer| answer.etag).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(answers.iter().map(|answer| answer.body).collect::<Vec<_>>())
        .execute(conn)?;
    }
    if !given_up.is_empty() {
        diesel::delete(
            keys::table
                .filter(keys::site_id.eq(scope.site()).and(keys::principal_id.eq(claim.principal)))
                .filter(keys::operation.eq(&claim.operation).and(keys::status.is_null()))
                .filter(keys::key_digest.eq_any(given_up.iter().map(|claim| claim.key_digest.as_slice()))),
        )
        .execute(conn)?;
    }
    Ok(())
}

/// The answer kept under a claimed key.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, claim: &Claim) -> QueryResult<Option<KeptAnswer>> {
    keys::table
        .find((scope.site(), claim.principal, &claim.operation, claim.key_digest.as_slice()))
        .select((keys::fingerprint, keys::status, keys::location, keys::etag, keys::body))
        .first(conn)
        .optional()
}

/// What is kept of this claim under another key of the server, within its time: its digest, and the answer. While there are
/// several keys, every server that accepts them takes the turn of all digests first: two of them may make new claims under
/// different keys, and neither would see the other's.
///
/// # Errors
/// A database failure, a lock timeout among them.
pub fn find_under_other_key(
    conn: &mut PgConnection,
    scope: &SiteScope,
    claim: &Claim,
    expired_before: DateTime<Utc>,
) -> QueryResult<Option<(Vec<u8>, KeptAnswer)>> {
    if claim.also.is_empty() {
        return Ok(None);
    }
    let others = claim.also.iter().map(|(digest, _)| digest);
    locks::take(conn, Turn::Alone, std::iter::once(&claim.key_digest).chain(others.clone()))?;
    keys::table
        .filter(keys::site_id.eq(scope.site()).and(keys::principal_id.eq(claim.principal)))
        .filter(keys::operation.eq(&claim.operation).and(keys::created_at.ge(expired_before)))
        .filter(keys::key_digest.eq_any(others.map(<[u8; 32]>::as_slice)))
        .select((keys::key_digest, (keys::fingerprint, keys::status, keys::location, keys::etag, keys::body)))
        .first(conn)
        .optional()
}

/// Keeps the answer under the claim of this transaction.
///
/// # Errors
/// A database failure.
pub fn keep(
    conn: &mut PgConnection,
    scope: &SiteScope,
    claim: &Claim,
    status: u16,
    location: Option<&str>,
    etag: Option<&str>,
    body: &str,
) -> QueryResult<()> {
    prepared(
        "UPDATE idempotency_keys SET status = $5, location = $6, etag = $7, body = $8
          WHERE site_id = $1 AND principal_id = $2 AND operation = $3 AND key_digest = $4",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Uuid, _>(claim.principal)
    .bind::<Text, _>(&claim.operation)
    .bind::<Bytea, _>(claim.key_digest.as_slice())
    .bind::<Integer, _>(i32::from(status))
    .bind::<Nullable<Text>, _>(location)
    .bind::<Nullable<Text>, _>(etag)
    .bind::<Text, _>(body)
    .execute(conn)
    .map(drop)
}

/// Forgets the claims older than this; says how many.
///
/// # Errors
/// A database failure.
pub fn forget(conn: &mut PgConnection, scope: &SiteScope, expired_before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(keys::table.filter(keys::site_id.eq(scope.site()).and(keys::created_at.lt(expired_before)))).execute(conn)
}

/// How many claims are older than this.
///
/// # Errors
/// A database failure.
pub fn count_expired(conn: &mut PgConnection, scope: &SiteScope, expired_before: DateTime<Utc>) -> QueryResult<i64> {
    keys::table.filter(keys::site_id.eq(scope.site()).and(keys::created_at.lt(expired_before))).count().get_result(conn)
}
