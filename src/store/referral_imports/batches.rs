//! Rows that wait: codes and digests, two hundred in each batch, gone once they are done.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid};
use serde::{Deserialize, Serialize};

use crate::auth::SiteScope;
use crate::domain::ids::ReferralImportId;
use crate::domain::imports::RowDigest;
use crate::domain::text::{Code, Reference, SourceTag};
use crate::domain::vocabulary::{Channel, ContactBasis, ContactPath, DigestKind, LateReason};
use crate::privacy::digests::{ContactDigest, DetailDigests};
use crate::privacy::keys::KeyId;
use crate::schema::referral_import_batches as batches;

/// A row of the file as it waits: inside the contract, or the codes of why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Staged {
    /// To be decided.
    Referral(Box<StagedReferral>),
    /// Refused: faults as `RowFault::to_text` writes them.
    Refused(String),
}

/// A referral of the file. Its contact details are digests already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedReferral {
    /// Which row it is, whatever file it stands in.
    pub row_key: RowDigest,
    /// What it says.
    pub content: RowDigest,
    /// Code of the partner.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// How it came.
    pub channel: Channel,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// How the person is reached.
    pub contact_path: ContactPath,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// The site's reference.
    pub external_ref: Option<Reference>,
    /// Why it is recorded after the fact.
    pub late_reason: Option<LateReason>,
    /// When it happened.
    pub received_at: Option<DateTime<Utc>>,
    /// How its source is recognised.
    pub source_tag: Option<SourceTag>,
    /// Digests of its contact details: of each detail those under every accepted key, the current one first.
    pub digests: Vec<Vec<StagedDigest>>,
}

/// One digest of a contact detail: of what, the digest, and under which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedDigest(DigestKind, [u8; 32], [u8; 8]);

impl From<&ContactDigest> for StagedDigest {
    fn from(digest: &ContactDigest) -> Self {
        Self(digest.kind, digest.digest, digest.key_id.0)
    }
}

impl From<&StagedDigest> for ContactDigest {
    fn from(staged: &StagedDigest) -> Self {
        Self { kind: staged.0, digest: staged.1, key_id: KeyId(staged.2) }
    }
}

impl StagedReferral {
    /// The digests as they wait.
    #[must_use]
    pub fn stage(digests: &[DetailDigests]) -> Vec<Vec<StagedDigest>> {
        digests.iter().map(|detail| detail.all().map(StagedDigest::from).collect()).collect()
    }

    /// The digests of its contact details.
    #[must_use]
    pub fn details(&self) -> Vec<DetailDigests> {
        let one = |detail: &Vec<StagedDigest>| {
            let mut all = detail.iter().map(ContactDigest::from);
            all.next().map(|current| DetailDigests { current, also: all.collect() })
        };
        self.digests.iter().filter_map(one).collect()
    }
}

/// Keeps a batch: its rows, each with its number in the file.
///
/// # Errors
/// A database failure.
pub fn insert_batch(
    conn: &mut PgConnection,
    scope: &SiteScope,
    import: ReferralImportId,
    rows: &[(i32, Staged)],
) -> QueryResult<()> {
    let Some((first, _)) = rows.first() else { return Ok(()) };
    let staged = serde_json::to_string(rows).map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    diesel::insert_into(batches::table)
        .values((
            batches::site_id.eq(scope.site()),
            batches::import_id.eq(import),
            batches::first_row.eq(first),
            batches::staged.eq(staged),
        ))
        .execute(conn)
        .map(drop)
}

/// A batch that waits.
#[derive(Debug)]
pub struct BatchRow {
    /// Its first row, by which it is known.
    pub first_row: i32,
    /// Its rows, each with its number in the file.
    pub rows: Vec<(i32, Staged)>,
}

/// The batch that is next.
///
/// # Errors
/// A database failure, or a batch that cannot be read.
pub fn first_batch(conn: &mut PgConnection, scope: &SiteScope, import: ReferralImportId) -> QueryResult<Option<BatchRow>> {
    let found: Option<(i32, String)> = batches::table
        .filter(batches::site_id.eq(scope.site()).and(batches::import_id.eq(import)))
        .order(batches::first_row)
        .select((batches::first_row, batches::staged))
        .first(conn)
        .optional()?;
    let unreadable = |error: serde_json::Error| diesel::result::Error::DeserializationError(Box::new(error));
    let read =
        |(first_row, staged): (i32, String)| Ok(BatchRow { first_row, rows: serde_json::from_str(&staged).map_err(unreadable)? });
    found.map(read).transpose()
}

/// Forgets a batch that is done.
///
/// # Errors
/// A database failure.
pub fn delete_batch(conn: &mut PgConnection, scope: &SiteScope, import: ReferralImportId, first_row: i32) -> QueryResult<()> {
    diesel::delete(
        batches::table
            .filter(batches::site_id.eq(scope.site()).and(batches::import_id.eq(import)).and(batches::first_row.eq(first_row))),
    )
    .execute(conn)
    .map(drop)
}

/// Batches that are forgotten at once.
const FORGOTTEN: i64 = 200;

/// Forgets batches of imports that have ended, some at a time; says how many.
///
/// # Errors
/// A database failure.
pub fn forget_batches(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM referral_import_batches WHERE ctid = ANY (ARRAY(
             SELECT b.ctid FROM referral_imports i JOIN referral_import_batches b ON b.site_id = i.site_id AND b.import_id = i.id
              WHERE i.site_id = $1 AND b.site_id = $1 AND i.ended_at IS NOT NULL LIMIT $2))",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<BigInt, _>(FORGOTTEN)
    .execute(conn)
}
