//! The digests of contact details beside referrals.

use diesel::prelude::*;

use super::ReferralRow;
use crate::domain::ids::{PartnerId, ReferralId, SiteId};
use crate::domain::vocabulary::DigestKind;
use crate::privacy::digests::{ContactDigest, DetailDigests};
use crate::schema::referral_digests;
use crate::store::at_once::AtOnce;

/// Keeps the digests of a referral's contact details: one of each kind, and the first of a kind stays. Says how many were new.
///
/// # Errors
/// A database failure.
pub fn insert_digests(conn: &mut PgConnection, referral: &ReferralRow, digests: &[DetailDigests]) -> QueryResult<usize> {
    if digests.is_empty() {
        return Ok(0);
    }
    let rows: Vec<_> = digests.iter().map(|detail| digest_row(referral, &detail.current)).collect();
    // No conflict target: naming one would need to read the table, which a partner's request may not.
    diesel::insert_into(referral_digests::table).values(rows).on_conflict_do_nothing().execute(conn)
}

/// Adds the digests of new referrals' contact details: of a kind the first stays.
pub fn add_digests<'a>(at_once: &mut AtOnce<'_>, of: impl IntoIterator<Item = (&'a ReferralRow, &'a [DetailDigests])>) {
    let rows = rows(of);
    // Those of one referral by themselves: that statement is prepared.
    if rows.len() <= 2 {
        rows.into_iter()
            .for_each(|row| at_once.add(diesel::insert_into(referral_digests::table).values(row).on_conflict_do_nothing()));
    } else {
        at_once.add(diesel::insert_into(referral_digests::table).values(rows).on_conflict_do_nothing());
    }
}

#[derive(Insertable)]
#[diesel(table_name = referral_digests, treat_none_as_default_value = false)]
struct DigestRow {
    site_id: SiteId,
    referral_id: ReferralId,
    partner_id: Option<PartnerId>,
    kind: DigestKind,
    digest: Vec<u8>,
    key_id: Vec<u8>,
}

fn digest_row(referral: &ReferralRow, digest: &ContactDigest) -> DigestRow {
    DigestRow {
        site_id: referral.site_id,
        referral_id: referral.id,
        partner_id: referral.partner_id,
        kind: digest.kind,
        digest: digest.digest.to_vec(),
        key_id: digest.key_id.0.to_vec(),
    }
}

/// Keeps the digests of many referrals, as [`insert_digests`] those of one.
///
/// # Errors
/// A database failure.
pub fn insert_all_digests<'a>(
    conn: &mut PgConnection,
    of: impl IntoIterator<Item = (&'a ReferralRow, &'a [DetailDigests])>,
) -> QueryResult<()> {
    diesel::insert_into(referral_digests::table).values(rows(of)).on_conflict_do_nothing().execute(conn).map(drop)
}

fn rows<'a>(of: impl IntoIterator<Item = (&'a ReferralRow, &'a [DetailDigests])>) -> Vec<DigestRow> {
    of.into_iter()
        .flat_map(|(referral, digests)| digests.iter().map(move |detail| digest_row(referral, &detail.current)))
        .collect()
}
