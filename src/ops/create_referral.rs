//! Taking a referral: the central request.
//!
//! The server derives route, owner, status, next action and attribution; contact details are digested here and dropped.

use chrono::{DateTime, Utc};

use super::record::{Change, record};
use super::{Context, admit, contact_details, facts, heir, no_route, received};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::contact_basis::{self, StatedBy};
use crate::domain::escalation;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::handoff_code;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::standstill;
use crate::domain::text::{Code, EmailAddress, PhoneNumber, Reference};
use crate::domain::vocabulary::{
    Attribution, Channel, ContactBasis, ContactPath, LateReason, QuarantineReason, ReferralStatus, RouteStatus,
};
use crate::error::{AppError, ErrorCode};
use crate::privacy::digests::DetailDigests;
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referrals::{CodedReferral, ReferralRow};
use crate::store::routes::{RouteContext, RouteRow};
use crate::store::sites::SiteRow;

/// A referral as it was sent.
#[derive(Debug)]
pub struct NewReferral {
    /// The partner's code; from the site only.
    pub partner: Option<Code>,
    /// The study's code.
    pub study: Code,
    /// How it came.
    pub channel: Channel,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// How the person is reached.
    pub contact_path: ContactPath,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// The site's reference; from the site only.
    pub external_ref: Option<Reference>,
    /// Why it is recorded after the fact; from the site only.
    pub late_reason: Option<LateReason>,
    /// When it happened; now if absent.
    pub received_at: Option<DateTime<Utc>>,
    /// How its source is recognised; the route's if absent.
    pub source_tag: Option<Reference>,
    /// For matching only.
    pub email: Option<EmailAddress>,
    /// For matching only.
    pub phone: Option<PhoneNumber>,
    /// Why a person has to decide before it enters the queue, when something found that out before. That permission to contact
    /// was withdrawn is found out here.
    pub quarantine: Option<QuarantineReason>,
}

/// Takes a referral; answers it with the site that it came to.
///
/// # Errors
/// 422 with every fault of the request, 409 when the route does not take it now or its reference was used, 403 for a test key.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    keyring: &Keyring,
    new: &NewReferral,
) -> Result<(CodedReferral, SiteRow), AppError> {
    if context.actor.is_test() {
        return Err(AppError::new(ErrorCode::NoOpenTestRun));
    }
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let route = store::routes::find_by_codes_and_hold(conn, scope, new.partner.as_ref(), &new.study)?;
    let found = match &route {
        Some(route) => Ok(route),
        None => Err(no_route::fault(conn, context, new.partner.as_ref())?),
    };
    let (digests, faults) = check(context, new, &site, found, keyring);
    let (Some(route), true) = (route, faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    admit::admit(conn, context, &site, &route, new.channel, new.late_reason)?;

    let owner = owner(conn, context, &route)?;
    let withdrawn = contact_details::have_been_withdrawn(conn, context, &digests)?;
    let quarantine = new.quarantine.or(withdrawn.then_some(QuarantineReason::ContactWithdrawn));
    let referral = build(context, new, quarantine, &site, &route, owner)?;
    if !store::referrals::insert(conn, &referral)? {
        return Err(collision(conn, context, &referral)?);
    }
    store::referrals::insert_digests(conn, &referral, &digests)?;
    // Whatever is known of the person: a job looks, after the commit.
    store::duplicates::matching::queue(conn, &referral)?;
    let change = Change::made("create_referral", SubjectKind::Referral, referral.id.0, facts::of_referral(&referral))
        .because(referral.late_reason.map(|reason| reason.as_str()))
        .tell_of_referral(EventType::ReferralReceived, &referral);
    record(conn, context, [change])?;
    let coded = CodedReferral {
        referral,
        partner_code: route.partner_code,
        study_code: route.study_code,
        route_intake_url: route.route.intake_url,
        route_channels: route.route.channels,
        route_instructions: route.route.instruction,
    };
    Ok((coded, site))
}

/// Every fault of the request that depends on who sends it and what is registered, and the digests of what it matches by.
fn check(
    context: &Context,
    new: &NewReferral,
    site: &SiteRow,
    route: Result<&RouteContext, Fault>,
    keyring: &Keyring,
) -> (Vec<DetailDigests>, Vec<Fault>) {
    let is_partner = context.actor.partner().is_some();
    let mut faults = no_route::site_fields(
        context,
        &[
            ("/partner", new.partner.is_some()),
            ("/external_ref", new.external_ref.is_some()),
            ("/late_reason", new.late_reason.is_some()),
        ],
    );
    match route {
        Err(missing) => faults.push(missing),
        Ok(route) => {
            let stated_by = if matches!(context.actor, Actor::Staff(_)) { StatedBy::Staff } else { StatedBy::Machine };
            let approved = route.route.approval_reference.is_some();
            if let Err(refused) = contact_basis::check(new.contact_basis, route.partner_type, stated_by, approved) {
                faults.push(Fault::new("/contact_basis", FaultCode::Inconsistent, refused.message()));
            }
        }
    }
    let mut fault = |pointer: &str, code: FaultCode, message: &'static str| faults.push(Fault::new(pointer, code, message));
    match new.contact_path {
        ContactPath::SiteRecord if is_partner => {
            fault(
                "/contact_path",
                FaultCode::Inconsistent,
                "Only the site has its own record of a person. Use `person_uses_intake`.",
            );
        }
        ContactPath::SiteRecord if new.external_ref.is_none() => {
            fault("/external_ref", FaultCode::MissingField, "`site_record` needs the site's own reference to the record.");
        }
        ContactPath::SealedDetails => fault(
            "/contact_path",
            FaultCode::Inconsistent,
            "`sealed_details` needs an approved process, and none is recorded for this route. Use `person_uses_intake`.",
        ),
        _ => {}
    }
    faults.extend(received::check(new.received_at, context.now));
    let (digests, unusable) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), site);
    faults.extend(unusable);
    (digests, faults)
}

/// How sure the source is, by the tag that was sent.
pub(super) fn attribution(tag: &Reference, route: &RouteRow) -> Attribution {
    if *tag == route.source_tag { Attribution::Verified } else { Attribution::Unverified }
}

/// The route's owner, or who stands in. A retired route takes what happened before, and may still name somebody who has left since.
fn owner(conn: &mut Conn, context: &Context, route: &RouteContext) -> Result<MemberId, AppError> {
    match route.route.status {
        RouteStatus::Retired => heir::find(conn, context, &[route.route.owner_id, route.route.backup_owner_id]),
        _ => heir::of_route(conn, context, &route.route),
    }
}

fn build(
    context: &Context,
    new: &NewReferral,
    quarantine: Option<QuarantineReason>,
    site: &SiteRow,
    route: &RouteContext,
    owner: MemberId,
) -> Result<ReferralRow, AppError> {
    let now = context.now;
    let status = if quarantine.is_some() { ReferralStatus::Quarantined } else { ReferralStatus::Received };
    let (blocker, action) = standstill::start(route.study_status, status);
    let terms = route.route.due_terms(site);
    let received_at = received::kept(new.received_at, now);
    let due_at = action.map(|action| terms.due(action, now));
    let source_tag = new.source_tag.as_ref().unwrap_or(&route.route.source_tag);
    let handoff_code = match new.contact_path {
        ContactPath::PersonUsesIntake => {
            let mut random = [0_u8; 8];
            getrandom::fill(&mut random).map_err(AppError::internal)?;
            Some(handoff_code::from_random(&random).map_err(AppError::internal)?)
        }
        _ => None,
    };
    Ok(ReferralRow {
        site_id: context.scope.site(),
        id: ReferralId::at(now),
        partner_id: route.route.partner_id,
        study_id: route.route.study_id,
        route_id: route.route.id,
        channel: new.channel,
        source_tag: source_tag.clone(),
        attribution: attribution(source_tag, &route.route),
        contact_basis: new.contact_basis,
        contact_path: new.contact_path,
        handoff_code,
        partner_reference: new.partner_reference.clone(),
        external_ref: new.external_ref.clone(),
        late_reason: new.late_reason,
        owner_id: owner,
        status,
        held_status: None,
        quarantine_reason: quarantine,
        blocker,
        close_reason: None,
        reopen_reason: None,
        next_action: action,
        next_action_due_at: due_at,
        handoff_issues: CodeList(Vec::new()),
        is_test: false,
        version: 1,
        received_at,
        recorded_at: now,
        clock_started_at: now,
        acknowledged_at: None,
        contacting_at: None,
        connected_at: None,
        handed_off_at: None,
        closed_at: None,
        updated_at: now,
        partner_withdrawn_at: None,
        held_blocker: None,
        blocked_since: blocker.map(|_| now),
        first_due_at: due_at,
        first_due_by_receipt_at: action.map(|action| terms.due(action, received_at)),
        escalation: None,
        escalate_at: escalation::starts(status, blocker, false, due_at),
        merged_into_id: None,
    })
}

/// What stood in the way of an insert: the partner's own reference, or (once in 10¹⁵) a handoff code that exists.
fn collision(conn: &mut Conn, context: &Context, referral: &ReferralRow) -> Result<AppError, AppError> {
    if let Some(reference) = &referral.partner_reference {
        let found =
            store::referrals::find_by_partner_reference(conn, &context.scope, referral.partner_id, reference, referral.is_test)?;
        if let Some(id) = found {
            return Ok(AppError::new(ErrorCode::PartnerReferenceUsed).with_referral(id));
        }
    }
    Ok(AppError::new(ErrorCode::Overloaded))
}
