//! Recording that a person does not want to be contacted: the digests are kept, linked to no referral, and every open referral
//! of the person is closed.

use chrono::{DateTime, Utc};

use super::record::{Change, record};
use super::{Context, contact_details, facts, purge_details, received, transition_referral};
use crate::db::Conn;
use crate::domain::ids::{ContactWithdrawalId, ReferralId};
use crate::domain::journal::SubjectKind;
use crate::domain::text::{EmailAddress, PhoneNumber};
use crate::domain::vocabulary::CloseReason;
use crate::error::AppError;
use crate::privacy::keys::Keyring;
use crate::store::contact_digests::{KeptDigest, lock_open_referrals, move_to_current, referrals_of, take_turn, withdraw};
use crate::store::locks::Turn;
use crate::store::{referrals, sites};

const OPERATION: &str = "create_contact_withdrawal";

/// A withdrawal as it was sent.
#[derive(Debug)]
pub struct NewContactWithdrawal {
    /// By which the person is recognised, and dropped.
    pub email: Option<EmailAddress>,
    /// By which the person is recognised, and dropped.
    pub phone: Option<PhoneNumber>,
    /// When the person said so; now if absent.
    pub received_at: Option<DateTime<Utc>>,
}

/// A withdrawal that was recorded.
#[derive(Debug)]
pub struct Withdrawn {
    /// Its id in the audit trail.
    pub id: ContactWithdrawalId,
    /// When the person said so.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// What it closed, by id.
    pub closed: Vec<ReferralId>,
}

/// Records a withdrawal and closes every open referral of the person, also those in quarantine. Said again, it keeps nothing
/// twice and closes what is open by now. A test caller's withdrawal is about test referrals alone.
///
/// # Errors
/// 422 for details that are none and for a time out of bounds, 503 when the same person's referrals are being worked on.
pub fn run(conn: &mut Conn, context: &Context, keyring: &Keyring, new: &NewContactWithdrawal) -> Result<Withdrawn, AppError> {
    let (scope, now, is_test) = (&context.scope, context.now, context.actor.is_test());
    let site = sites::current(conn, scope)?;
    let (details, mut faults) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), &site);
    faults.extend(received::check(new.received_at, now));
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let received_at = received::kept(new.received_at, now);
    // From here on a referral of this person either is kept already, and closed below, or finds the withdrawal.
    take_turn(conn, Turn::Alone, &details)?;
    move_to_current(conn, scope, &details)?;
    let before = lock_open_referrals(conn, scope, is_test, &details)?;
    let kept = details.iter().map(|detail| KeptDigest::from(&detail.current)).collect();
    withdraw(conn, scope, is_test, kept, received_at, now)?;
    let closed: Vec<ReferralId> = before.iter().map(|referral| referral.id).collect();
    let reason = CloseReason::PersonRequestedNoContact;
    let after: Vec<_> = before.iter().map(|referral| transition_referral::closed(referral, reason, &site, now)).collect();
    referrals::write_all(conn, &after)?;

    let id = ContactWithdrawalId::at(now);
    let kinds = details.iter().map(|detail| detail.current.kind);
    let made = facts::of_contact_withdrawal(kinds, received_at, is_test);
    let mut recorded = vec![Change::made(OPERATION, SubjectKind::ContactWithdrawal, id.0, made)];
    let changes = before.iter().zip(&after).map(|(before, after)| Change::of_referral(OPERATION, before, after));
    recorded.extend(changes.map(|change| change.because(reason.as_str())));
    // What was sent about the person goes at once, also what is kept of referrals that had ended before.
    let of_person = referrals_of(conn, scope, is_test, &details)?;
    recorded.extend(purge_details::of_persons(conn, context, OPERATION, &of_person)?);
    record(conn, context, recorded)?;
    Ok(Withdrawn { id, received_at, recorded_at: now, closed })
}

/// Records what closing one referral with `person_requested_no_contact` says about its person: later referrals with its digests are
/// held, and so are those with a digest of a record that was merged into it. Others that are open stay as they are; a withdrawal with the
/// contact details closes them. What was sent about the person, with it or with what was merged into it, is purged.
pub(super) fn of_closed_referral(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    referral: &referrals::ReferralRow,
) -> Result<Vec<Change>, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let mut changes = purge_details::of_persons(conn, context, operation, &[referral.id])?;
    let digests = crate::store::contact_digests::of_referral(conn, scope, referral.id)?;
    let kinds: std::collections::BTreeSet<_> = digests.iter().map(|kept| kept.kind).collect();
    if digests.is_empty() || withdraw(conn, scope, referral.is_test, digests, now, now)? == 0 {
        return Ok(changes);
    }
    let made = facts::of_contact_withdrawal(kinds, now, referral.is_test);
    changes.push(Change::made(operation, SubjectKind::ContactWithdrawal, ContactWithdrawalId::at(now).0, made));
    Ok(changes)
}
