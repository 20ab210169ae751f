//! Correcting whom a referral is credited to. What the site says counts from then on: a partner that loses it sees it no more, and one
//! that gets it sees it like any of its own.

use super::record::{Change, record};
use super::transition_referral::stand_of;
use super::{Context, Expected};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::contact_basis::{self, StatedBy};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ReferralId;
use crate::domain::intake::AttributionReason;
use crate::domain::text::Code;
use crate::domain::vocabulary::Attribution;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::referrals::{CodedReferral, ReferralRow, Source, Times};
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

/// Credits a referral, also one that is closed, to this partner, over its route for the study, or to nobody. The tag stays as it was
/// sent, and so do owner, next action and due time. The partner's own reference goes with the partner. What is there already changes
/// nothing. Answers the referral as it is now, with its site.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when it has changed since it was read, 409 when it waits for its partner, 422 for a
/// partner that the site does not have, that has no route for the study, or that cannot state its contact basis.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    expected: &Expected,
    partner: Option<&Code>,
    reason: AttributionReason,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let (scope, is_test) = (&context.scope, context.actor.is_test());
    let site = store::sites::current(conn, scope)?;
    let seen = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    // The route before the referral, as everywhere. The study of a referral never changes.
    let route = match partner {
        Some(_) => store::routes::find_by_codes_and_hold(conn, scope, partner, &seen.study_code)?,
        None => None,
    };
    store::referrals::lock(conn, scope, is_test, id)?;
    let coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    expected.check(coded.referral.version)?;
    let before = coded.referral.clone();
    if let Some(fault) = fault(conn, context, partner, route.as_ref(), &before)? {
        return Err(AppError::invalid(vec![fault]));
    }
    let route_id = route.as_ref().map(|route| route.route.id);
    if before.attribution == Attribution::Corrected && before.route_id == route_id {
        return Ok((coded, site));
    }
    let partner_id = route.as_ref().map(|route| route.route.partner_id);
    let moves = partner_id != before.partner_id;
    if moves && stand_of(&before).waits_for_partner() {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail(
            "The referral waits for its partner to complete it. Set another blocker, or none, and then correct it.",
        ));
    }
    let after = ReferralRow {
        partner_id,
        route_id,
        attribution: Attribution::Corrected,
        // Opaque to everybody but the partner that gave it.
        partner_reference: before.partner_reference.clone().filter(|_| !moves),
        version: before.version + 1,
        times: Times { updated_at: context.now, ..before.times },
        ..before.clone()
    };
    let source = Source {
        partner_id,
        route_id,
        attribution: after.attribution,
        partner_reference: after.partner_reference.clone(),
        version: after.version,
        updated_at: after.times.updated_at,
    };
    store::referrals::set_source(conn, scope, id, &source)?;
    let change = Change::of_referral("correct_attribution", &before, &after).because(reason.as_str());
    // Another route of the same partner changes what is asked of it, and nothing else that the feed tells of.
    record(conn, context, [change])?;
    let coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    Ok((coded, site))
}

/// Why the referral cannot be this partner's.
fn fault(
    conn: &mut Conn,
    context: &Context,
    partner: Option<&Code>,
    route: Option<&RouteContext>,
    referral: &ReferralRow,
) -> Result<Option<Fault>, AppError> {
    let Some(code) = partner else { return Ok(None) };
    let Some(route) = route else {
        let message = match store::partners::find_by_code(conn, &context.scope, code)? {
            None => "No partner of the site has this code.",
            Some(_) => "This partner has no handoff route for the referral's study, so that it cannot have referred to it.",
        };
        return Ok(Some(Fault::new("/partner", FaultCode::UnknownReference, message)));
    };
    let stated_by = if matches!(context.actor, Actor::Staff(_)) { StatedBy::Staff } else { StatedBy::Machine };
    let approved = route.route.approval_reference.is_some();
    let stated = contact_basis::check(referral.contact_basis, route.partner_type, stated_by, approved);
    let message = "A partner of this type, on this route, cannot state the contact basis that the referral has.";
    Ok(stated.err().map(|_| Fault::new("/partner", FaultCode::Inconsistent, message)))
}
