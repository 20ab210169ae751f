//! A partner completes its own referral: it brings what the site waits for (blocker `awaiting_partner_completion`).

use super::new_referral::attribution;
use super::own_referral::{self, Seen};
use super::record::{Change, record};
use super::transition_referral::{apply, arriving, state_of};
use super::{Context, contact_details, referral_route};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ReferralId;
use crate::domain::referral_state::{self, Move};
use crate::domain::text::{EmailAddress, PhoneNumber, Reference, SourceTag};
use crate::domain::vocabulary::{Attribution, PartnerReferralStatus, QuarantineReason, ReferralStatus};
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referrals::{CodedReferral, Completion, ReferralRow};
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;

/// What the partner brings; all of it may be absent, when the site asked for something outside.
#[derive(Debug)]
pub struct Brought {
    /// The partner's own reference, where the referral has none.
    pub partner_reference: Option<Reference>,
    /// How its source is recognised.
    pub source_tag: Option<SourceTag>,
    /// For matching only.
    pub email: Option<EmailAddress>,
    /// For matching only.
    pub phone: Option<PhoneNumber>,
}

/// Completes a referral: it waits no more, and the owner has a next action with a new due time. Answers it as it is now, with its
/// site. While the study is
/// paused it waits for the study alone. Digests are added where the referral has none of their kind: what was matched by once stays. When the person of these
/// details withdrew permission to contact, it is held for a person to decide, as a new one would be; the partner sees no difference.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when the partner's view has changed since it was read, 409 when it is not the
/// partner's turn or its reference was used, 422 with every fault of what it brings.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    seen: &Seen<'_>,
    keyring: &Keyring,
    brought: &Brought,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let site = store::sites::current(conn, &context.scope)?;
    let (digests, mut faults) = contact_details::digest(keyring, brought.email.as_ref(), brought.phone.as_ref(), &site);
    // Before the referral's own lock, as a withdrawal takes the two: nobody waits in a circle.
    let withdrawn = contact_details::have_been_withdrawn(conn, context, &digests)?;
    // The study before the referral, as its pause takes the two.
    let study = store::referrals::hold_study(conn, &context.scope, context.actor.is_test(), id)?;
    let study = study.ok_or_else(AppError::not_found)?;
    let (mut coded, site, class) = own_referral::lock(conn, context, id, seen)?;
    if class != PartnerReferralStatus::NeedsPartnerAction {
        return Err(AppError::new(ErrorCode::StateConflict)
            .with_detail("The site waits for nothing from you on this referral. Read it again."));
    }
    let has_another = |own: &Reference| brought.partner_reference.as_ref().is_some_and(|sent| sent != own);
    if coded.referral.partner_reference.as_ref().is_some_and(has_another) {
        let message = "This referral has a reference of yours already. Leave this field out.";
        faults.insert(0, Fault::new("/partner_reference", FaultCode::Inconsistent, message));
    }
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let scope = &context.scope;
    let before = coded.referral.clone();
    // A partner's own referral came over a route.
    let route = referral_route::find(conn, context, &before)?.ok_or_else(AppError::not_found)?;
    let resumed = referral_state::resume(&state_of(&before));
    let held = Move { status: ReferralStatus::Quarantined, held_status: None, ..resumed };
    let decided = if withdrawn { held } else { resumed };
    let mut change = arriving(&before, &decided, study, &route.due_terms(&site), context.now);
    if withdrawn {
        change.quarantine_reason = Some(QuarantineReason::ContactWithdrawn);
    }
    let completion = complete(&before, brought, &route);
    if !store::referrals::complete(conn, scope, id, before.version, &change, &completion)? {
        return Err(used(conn, context, &before, brought)?);
    }
    let added = store::referrals::insert_digests(conn, &before, &digests)?;
    if added > 0 {
        contact_details::match_again(conn, context, &before)?;
    }
    apply(&mut coded.referral, change);
    coded.referral.partner_reference = completion.partner_reference;
    coded.referral.source_tag = completion.source_tag;
    coded.referral.attribution = completion.attribution;
    let change = Change::of_referral("complete_referral", &before, &coded.referral).touching("match", added > 0);
    record(conn, context, [change])?;
    Ok((coded, site))
}

/// What the referral holds with what was brought. A source that the site has corrected stays as the site has it.
fn complete(referral: &ReferralRow, brought: &Brought, route: &RouteRow) -> Completion {
    let (source_tag, attribution) = match &brought.source_tag {
        Some(tag) if referral.attribution != Attribution::Corrected => (Some(tag), attribution(tag, route)),
        _ => (referral.source_tag.as_ref(), referral.attribution),
    };
    let partner_reference = referral.partner_reference.as_ref().or(brought.partner_reference.as_ref()).cloned();
    Completion { partner_reference, source_tag: source_tag.cloned(), attribution }
}

/// 409 with the partner's own referral that carries the reference.
fn used(conn: &mut Conn, context: &Context, referral: &ReferralRow, brought: &Brought) -> Result<AppError, AppError> {
    let found = match (referral.partner_id, &brought.partner_reference) {
        (Some(partner), Some(reference)) => {
            store::referrals::find_by_partner_reference(conn, &context.scope, partner, reference, referral.is_test)?
        }
        _ => None,
    };
    let used = AppError::new(ErrorCode::PartnerReferenceUsed);
    Ok(match found {
        Some(id) => used.with_referral(id),
        None => used,
    })
}
