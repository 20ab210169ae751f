//! Erasing a person: what recognises them and what was sealed about them goes, what is open of them ends, and what was counted stays
//! counted. Only digests that are linked to nothing survive: they keep the person from being contacted, and let the erasure be done again
//! after a restore.

use chrono::{DateTime, Utc};

use super::record::{Change, record};
use super::{Context, contact_details, facts, purge_details, transition_referral};
use crate::db::Conn;
use crate::domain::ids::{ErasureId, ReferralId};
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::text::{EmailAddress, PhoneNumber};
use crate::domain::vocabulary::{CloseReason, ReferralStatus};
use crate::error::AppError;
use crate::privacy::keys::Keyring;
use crate::store::contact_digests::{self, KeptDigest};
use crate::store::locks::Turn;
use crate::store::referrals::ReferralRow;
use crate::store::sites::SiteRow;
use crate::store::{erasures, referrals, sites};

const OPERATION: &str = "create_erasure";
const AGAIN: &str = "repeat_erasure";

/// A person to be erased, as it was sent.
#[derive(Debug)]
pub struct NewErasure {
    /// By which the person is recognised, and dropped.
    pub email: Option<EmailAddress>,
    /// By which the person is recognised, and dropped.
    pub phone: Option<PhoneNumber>,
}

/// An erasure that was done.
#[derive(Debug)]
pub struct Erased {
    /// Its id in the audit trail.
    pub id: ErasureId,
    /// When.
    pub erased_at: DateTime<Utc>,
    /// The records of the person, by id: none of them leads to the person any more.
    pub referrals: Vec<ReferralId>,
}

/// Erases a person. Said again, it erases what has come in since.
///
/// # Errors
/// 422 for details that are none, 503 when the same person's referrals are being worked on.
pub fn run(conn: &mut Conn, context: &Context, keyring: &Keyring, new: &NewErasure) -> Result<Erased, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let site = sites::current(conn, scope)?;
    let (details, faults) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), &site);
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    // From here on a referral of this person either is kept already, and erased below, or finds the withdrawal.
    contact_digests::take_turn(conn, Turn::Alone, &details)?;
    contact_digests::move_to_current(conn, scope, &details)?;
    // Under every key that is accepted: a copy of the database may be older than the current one.
    let known: Vec<KeptDigest> = details.iter().flat_map(|detail| detail.all()).map(KeptDigest::from).collect();
    let current = details.iter().map(|detail| KeptDigest::from(&detail.current)).collect();
    let (erased, changes) = erase(conn, context, OPERATION, &site, &known, current)?;

    let id = ErasureId::at(now);
    let kinds = details.iter().map(|detail| detail.current.kind);
    let made = Change::made(OPERATION, SubjectKind::Erasure, id.0, facts::of_erasure(kinds));
    record(conn, context, std::iter::once(made).chain(changes))?;
    Ok(Erased { id, erased_at: now, referrals: erased })
}

/// Erases again whoever had one of these digests: a restore has brought back what was erased. Says how many records that was.
///
/// # Errors
/// 503 when the same person's referrals are being worked on.
pub fn again(conn: &mut Conn, context: &Context, known: &[KeptDigest]) -> Result<usize, AppError> {
    let site = sites::current(conn, &context.scope)?;
    contact_digests::take_turn_of_kept(conn, known)?;
    let (erased, changes) = erase(conn, context, AGAIN, &site, known, known.to_vec())?;
    record(conn, context, changes)?;
    Ok(erased.len())
}

/// Erases whoever has one of the `known` digests; `kept` says of which, beside those of its records, that nobody is to contact them.
fn erase(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    site: &SiteRow,
    known: &[KeptDigest],
    kept: Vec<KeptDigest>,
) -> Result<(Vec<ReferralId>, Vec<Change>), AppError> {
    let (scope, now) = (&context.scope, context.now);
    let of_person = contact_digests::everything_of(conn, scope, known)?;
    let others = contact_digests::of_referrals(conn, scope, &of_person)?;
    contact_digests::take_turn_of_kept(conn, &others)?;
    let mut before = referrals::lock_rows(conn, scope, false, &of_person)?;
    before.extend(referrals::lock_rows(conn, scope, true, &of_person)?);
    let forgotten = contact_digests::forget(conn, scope, &of_person)?;
    erasures::keep(conn, scope, &[known, &others].concat(), now)?;
    contact_digests::withdraw(conn, scope, false, kept.into_iter().chain(others).collect(), now, now)?;

    let reason = CloseReason::PersonRequestedNoContact;
    let ends = |referral: &&ReferralRow| referral.status != ReferralStatus::Closed && !referral.is_test;
    let ended: Vec<ReferralRow> =
        before.iter().filter(ends).map(|referral| transition_referral::closed(referral, reason, site, now)).collect();
    referrals::write_all(conn, &ended)?;

    let mut after = ended.iter().peekable();
    let told = before.iter().filter_map(|was| {
        let is = after.next_if(|ended| ended.id == was.id).unwrap_or(was);
        let change = Change::of_referral(operation, was, is).touching("contact_digests", forgotten.contains(&was.id));
        let erased = is.version != was.version || forgotten.contains(&was.id);
        erased.then(|| change.because(reason.as_str()).tell_of_referral(EventType::ReferralErased, is))
    });
    let mut changes: Vec<Change> = told.collect();
    changes.extend(purge_details::of_persons(conn, context, operation, &of_person)?);
    Ok((of_person, changes))
}
