//! Taking referrals that come at the same time over one route: the plain ones. Whatever is not plain is left to [`super::create_referral`],
//! which says what is wrong with it; so no rule stands here that does not stand there.

use super::create_referral::{NewReferral, check};
use super::new_referral::{self, Aim, Arrival};
use super::{Context, admit, contact_details, heir};
use crate::auth::Actor;
use crate::db::{Conn, beyond_partner};
use crate::domain::vocabulary::{ContactPath, QuarantineReason, RouteStatus};
use crate::error::AppError;
use crate::privacy::digests::DetailDigests;
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::sites::SiteRow;

/// Whether it may be taken together with others: it comes by a key, is no test, has nothing to seal and nothing that is recorded after the fact.
#[must_use]
pub fn is_plain(actor: &Actor, new: &NewReferral) -> bool {
    matches!(actor, Actor::Partner(_) | Actor::Site(_))
        && !actor.is_test()
        && new.details.is_none()
        && new.contact_path != ContactPath::SealedDetails
        && new.late_reason.is_none()
        && new.quarantine.is_none()
}

/// Takes plain referrals of one caller that name the same partner and the same study; `None` for each that has to be taken by itself.
///
/// # Errors
/// A database failure: none is taken.
pub fn run(
    conn: &mut Conn,
    keyring: &Keyring,
    asked: &[(&Context, &NewReferral)],
) -> Result<(SiteRow, Vec<Option<CodedReferral>>), AppError> {
    let mut taken: Vec<Option<CodedReferral>> = asked.iter().map(|_| None).collect();
    // Each came a moment before the last.
    let Some((context, named)) = asked.last() else { return Err(AppError::internal("nothing to take")) };
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let route = store::routes::find_by_codes_and_hold(conn, scope, named.partner.as_ref(), &named.study)?;
    // Whoever counts against a capacity waits for whoever counted before.
    let Some(route) = route.filter(|found| found.route.status != RouteStatus::Retired && found.route.monthly_capacity.is_none())
    else {
        return Ok((site, taken));
    };
    let language = admit::language(conn, context, &site, &route)?;
    let plain: Vec<(usize, Vec<DetailDigests>)> = (0..)
        .zip(asked)
        .filter_map(|(index, (context, new))| {
            let (digests, unusable) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), &site);
            let is_sound = unusable.is_empty() && check(context, new, Ok(&route)).is_empty();
            let is_admitted = admit::in_the_way(context, &route, language, new.channel, None).is_none();
            (is_sound && is_admitted).then_some((index, digests))
        })
        .collect();
    if plain.is_empty() {
        return Ok((site, taken));
    }
    let details: Vec<DetailDigests> = plain.iter().flat_map(|(_, digests)| digests.iter().cloned()).collect();
    let (owner, withdrawn) = beyond_partner(conn, scope, |conn| {
        let owner = heir::seen_of_route(conn, context, &route.route)?;
        Ok((owner, contact_details::seen_withdrawn_among(conn, context, &details)?))
    })?;
    let arrivals = plain.iter().filter_map(|(index, digests)| {
        let (context, new) = asked.get(*index)?;
        let is_withdrawn = digests.iter().any(|detail| withdrawn.contains(&detail.current.digest));
        let arrival = Arrival {
            operation: "create_referral",
            study: Aim::of_route(&route),
            route: Some(route.clone()),
            owner,
            channel: new.channel,
            source_tag: new.source_tag.clone(),
            contact_basis: new.contact_basis,
            contact_path: new.contact_path,
            partner_reference: new.partner_reference.clone(),
            external_ref: new.external_ref.clone(),
            late_reason: None,
            language: language.version(),
            received_at: new.received_at,
            quarantine: is_withdrawn.then_some(QuarantineReason::ContactWithdrawn),
            digests,
            details: None,
            is_test: false,
        };
        Some((*context, arrival))
    });
    let kept = new_referral::keep_together(conn, &site, arrivals.collect())?;
    for ((index, _), kept) in plain.iter().zip(kept) {
        if let Some(place) = taken.get_mut(*index) {
            *place = kept;
        }
    }
    Ok((site, taken))
}
