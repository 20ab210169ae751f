//! Taking a referral: the central request.
//!
//! The server derives route, owner, status, next action and attribution; contact details are digested here and dropped.

use chrono::{DateTime, Utc};

use super::new_referral::{self, Aim, Arrival};
use super::{Context, admit, contact_details, create_test_referral, no_route, received, seal_details};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::contact_basis::{self, StatedBy};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::SiteId;
use crate::domain::sealed_details::Details;
use crate::domain::text::{Code, EmailAddress, PhoneNumber, Reference, SourceTag};
use crate::domain::vocabulary::{Channel, ContactBasis, ContactPath, LateReason, QuarantineReason};
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::{Keyring, MasterKey, Purpose, SiteKey};
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::routes::RouteContext;
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
    pub source_tag: Option<SourceTag>,
    /// For matching only.
    pub email: Option<EmailAddress>,
    /// For matching only.
    pub phone: Option<PhoneNumber>,
    /// What an approved process opens; sealed and dropped.
    pub details: Option<Details>,
    /// Why a person has to decide before it enters the queue, when something found that out before. That permission to contact
    /// was withdrawn is found out here.
    pub quarantine: Option<QuarantineReason>,
}

/// The keys that a referral is taken with.
#[derive(Debug)]
pub struct Keys {
    /// Contact details are digested under these.
    pub digests: Keyring,
    /// Details of the person are sealed under this.
    pub sealing: SiteKey,
}

impl Keys {
    /// Those of a site.
    #[must_use]
    pub fn of(master: &MasterKey, site: SiteId) -> Self {
        Self { digests: master.keyring(Purpose::ContactDigest, site), sealing: master.derive(Purpose::SealedDetails, site) }
    }
}

/// Takes a referral; answers it with the site that it came to.
///
/// # Errors
/// 422 with every fault of the request, 409 when the route does not take it now or its reference was used, 403 for a test key that no open run awaits.
pub fn run(conn: &mut Conn, context: &Context, keys: &Keys, new: &NewReferral) -> Result<(CodedReferral, SiteRow), AppError> {
    if context.actor.is_test() {
        return create_test_referral::run(conn, context, &keys.digests, new);
    }
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let route = store::routes::find_by_codes_and_hold(conn, scope, new.partner.as_ref(), &new.study)?;
    let found = match &route {
        Some(route) => Ok(route),
        None => Err(no_route::fault(conn, context, new.partner.as_ref())?),
    };
    let (digests, unusable) = contact_details::digest(&keys.digests, new.email.as_ref(), new.phone.as_ref(), &site);
    let mut faults = check(context, new, found);
    faults.extend(unusable);
    let open = match &route {
        Some(route) => Some(seal_details::open_fields(conn, context, new, route, &site)?),
        None => None,
    };
    faults.extend(seal_details::check(new, open.as_deref()));
    let (Some(route), true) = (route, faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    let language = admit::admit(conn, context, &site, &route, new.channel, new.late_reason)?;

    let (owner, withdrawn) = new_referral::owner_and_withdrawal(conn, context, &route, &digests)?;
    let arrival = Arrival {
        operation: "create_referral",
        study: Aim::of_route(&route),
        route: Some(route),
        owner,
        channel: new.channel,
        source_tag: new.source_tag.clone(),
        contact_basis: new.contact_basis,
        contact_path: new.contact_path,
        partner_reference: new.partner_reference.clone(),
        external_ref: new.external_ref.clone(),
        late_reason: new.late_reason,
        language,
        received_at: new.received_at,
        quarantine: new.quarantine.or(withdrawn.then_some(QuarantineReason::ContactWithdrawn)),
        digests: &digests,
        details: new.details.as_ref().map(|details| (details, &keys.sealing)),
        is_test: false,
    };
    Ok((new_referral::keep(conn, context, &site, arrival)?, site))
}

/// 403 for a test key that no open run of its partner awaits.
pub(super) fn no_run() -> AppError {
    AppError::new(ErrorCode::NoOpenTestRun)
}

/// Every fault of the request that depends on who sends it and what is registered.
pub(super) fn check(context: &Context, new: &NewReferral, route: Result<&RouteContext, Fault>) -> Vec<Fault> {
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
        _ => {}
    }
    faults.extend(received::check(new.received_at, context.now));
    faults
}
