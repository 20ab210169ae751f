//! Contact details on their way through: digested at once, looked up, dropped.

use std::collections::BTreeSet;

use super::Context;
use crate::db::{Answered, Conn, beyond_partner};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::text::{EmailAddress, PhoneNumber};
use crate::error::AppError;
use crate::privacy::digests::{self, DetailDigests};
use crate::privacy::keys::Keyring;
use crate::store::contact_digests::{is_withdrawn, move_to_current, take_turn, withdrawn};
use crate::store::duplicates::matching;
use crate::store::locks::Turn;
use crate::store::referrals::ReferralRow;
use crate::store::sites::SiteRow;

/// The digests of the details that were sent, and what is wrong with those that are none.
pub(super) fn digest(
    keyring: &Keyring,
    email: Option<&EmailAddress>,
    phone: Option<&PhoneNumber>,
    site: &SiteRow,
) -> (Vec<DetailDigests>, Vec<Fault>) {
    let mut faults = Vec::new();
    let email = email.map(|email| DetailDigests::under(keyring, |key| digests::of_email(key, email.as_str())));
    if matches!(email, Some(None)) {
        let message = "Send one complete e-mail address, or leave it out.";
        faults.push(Fault::new("/match/email", FaultCode::BadFormat, message));
    }
    let region = site.default_phone_region.as_str();
    let phone = phone.map(|phone| DetailDigests::under(keyring, |key| digests::of_phone(key, phone.as_str(), region)));
    if matches!(phone, Some(None)) {
        let message = "Send one complete telephone number, best with its country code (`+1 …`), or leave it out.";
        faults.push(Fault::new("/match/phone", FaultCode::BadFormat, message));
    }
    (email.flatten().into_iter().chain(phone.flatten()).collect(), faults)
}

/// Whether the person of these details withdrew permission to contact. Asked whoever sends them, and in the same steps whatever
/// the answer is; a withdrawal that is under way is waited for, and one that comes later finds what this transaction keeps.
pub(super) fn have_been_withdrawn(conn: &mut Conn, context: &Context, details: &[DetailDigests]) -> Result<bool, AppError> {
    if details.is_empty() {
        return Ok(false);
    }
    Ok(beyond_partner(conn, &context.scope, |conn| seen_withdrawn(conn, context, details))?)
}

/// The same for whoever is beyond the partner already.
pub(super) fn seen_withdrawn(conn: &mut Conn, context: &Context, details: &[DetailDigests]) -> Answered<bool> {
    if details.is_empty() {
        return Ok(false);
    }
    let scope = &context.scope;
    take_turn(conn, Turn::Shared, details)?;
    move_to_current(conn, scope, details)?;
    is_withdrawn(conn, scope, context.actor.is_test(), details)
}

/// Which of these details' persons withdrew permission to contact, by the current digest: as [`have_been_withdrawn`], for many people at
/// once.
pub(super) fn withdrawn_among(
    conn: &mut Conn,
    context: &Context,
    details: &[DetailDigests],
) -> Result<BTreeSet<[u8; 32]>, AppError> {
    Ok(beyond_partner(conn, &context.scope, |conn| seen_withdrawn_among(conn, context, details))?)
}

/// The same for whoever is beyond the partner already.
pub(super) fn seen_withdrawn_among(
    conn: &mut Conn,
    context: &Context,
    details: &[DetailDigests],
) -> Answered<BTreeSet<[u8; 32]>> {
    if details.is_empty() {
        return Ok(BTreeSet::new());
    }
    let scope = &context.scope;
    take_turn(conn, Turn::Shared, details)?;
    move_to_current(conn, scope, details)?;
    let found = withdrawn(conn, scope, context.actor.is_test(), details)?;
    let is_found = |detail: &&DetailDigests| detail.all().any(|digest| found.contains(digest.digest.as_slice()));
    Ok(details.iter().filter(is_found).map(|detail| detail.current.digest).collect())
}

/// Queues a referral that has new digests to be matched once more. Beyond its partner, which may not read the queue, and so may
/// not write over what is there.
pub(super) fn match_again(conn: &mut Conn, context: &Context, referral: &ReferralRow) -> Result<(), AppError> {
    let queue = |conn: &mut Conn| matching::queue_again(conn, referral, context.now);
    Ok(beyond_partner(conn, &context.scope, queue)?)
}
