//! Taking in whoever arrives at the site: a self-referral with a handoff code, with a source tag, or with neither. The person is at
//! the door, and so is never dropped: what cannot be credited is taken without a partner, owned by the site lead, and corrected later.

use chrono::{DateTime, Utc};

use super::heir::Heirs;
use super::join_referral::{self, Joined, Known};
use super::new_referral::{self, Aim, Arrival};
use super::{Context, admit, contact_details, received};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::text::{Code, EmailAddress, HandoffCode, PhoneNumber, Reference, SourceTag};
use crate::domain::vocabulary::{Channel, ContactBasis, ContactPath, LateReason, QuarantineReason};
use crate::error::{AppError, ErrorCode};
use crate::privacy::digests::DetailDigests;
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;
use crate::store::studies::StudyRow;

pub(super) const OPERATION: &str = "create_intake";

/// An arrival as it was sent.
#[derive(Debug)]
pub struct NewIntake {
    /// What the person wants; found by the code or the tag if absent.
    pub study: Option<Code>,
    /// The code that the person brought, understood; `None`: none, or none that could be ours.
    pub handoff_code: Option<HandoffCode>,
    /// The tag that the person came with.
    pub source_tag: Option<SourceTag>,
    /// The site's record of the person.
    pub external_ref: Reference,
    /// When the person arrived; now if absent.
    pub received_at: Option<DateTime<Utc>>,
    /// Why it is recorded after the fact.
    pub late_reason: Option<LateReason>,
    /// For matching only.
    pub email: Option<EmailAddress>,
    /// For matching only.
    pub phone: Option<PhoneNumber>,
}

/// What came of an arrival.
#[derive(Debug)]
pub struct Intake {
    /// The referral of the person.
    pub coded: CodedReferral,
    /// The site.
    pub site: SiteRow,
    /// Whether the referral was there before.
    pub attached: bool,
}

/// Takes an arrival in: into the referral whose code was brought, or as a new one.
///
/// # Errors
/// 422 with every fault of the request, 409 when the referral of the code carries another record of the site's, 403 for a test key,
/// 503 when that referral's partner is being corrected at this very moment.
pub fn run(conn: &mut Conn, context: &Context, keyring: &Keyring, new: &NewIntake) -> Result<Intake, AppError> {
    if context.actor.is_test() {
        return Err(AppError::new(ErrorCode::NoOpenTestRun));
    }
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let (digests, mut faults) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), &site);
    faults.extend(received::check(new.received_at, context.now));
    let study = wanted(conn, context, new, &mut faults)?;
    let known = join_referral::find(conn, context, new, study.as_ref())?;
    let tagged = match &known {
        Some(_) => None,
        None => tagged(conn, context, new, study.as_ref())?,
    };
    if new.study.is_none() && known.is_none() && tagged.is_none() {
        let message = "Neither a handoff code nor a source tag says which study the person wants. Send the code of the study.";
        faults.push(Fault::new("/study", FaultCode::MissingField, message));
    }
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let withdrawn = contact_details::have_been_withdrawn(conn, context, &digests)?;
    // Members before everything that they may get: whoever deactivates one meets them in this order too.
    let heirs = Heirs::hold(conn, context, known.as_ref().map_or(&[][..], |known| &known.preferred))?;
    let door = Door { context, site: &site, new, digests: &digests, heirs: &heirs, withdrawn };
    let (coded, attached) = match known {
        Some(known) => known_arrival(conn, &door, &known)?,
        None => {
            let route = match tagged {
                Some(tag) => store::routes::find_by_tag_and_hold(conn, scope, tag)?,
                None => None,
            };
            let is_wanted = |route: &RouteContext| study.as_ref().is_none_or(|study| study.id == route.route.study_id);
            (new_arrival(conn, &door, route.filter(is_wanted), study, withdrawn)?, false)
        }
    };
    Ok(Intake { coded, site, attached })
}

/// Everything that an arrival is decided by.
pub(super) struct Door<'a> {
    pub context: &'a Context,
    pub site: &'a SiteRow,
    pub new: &'a NewIntake,
    pub digests: &'a [DetailDigests],
    pub heirs: &'a Heirs,
    /// Whether the person of the details withdrew permission to contact.
    pub withdrawn: bool,
}

/// The study that was named.
fn wanted(conn: &mut Conn, context: &Context, new: &NewIntake, faults: &mut Vec<Fault>) -> Result<Option<StudyRow>, AppError> {
    let Some(code) = &new.study else { return Ok(None) };
    let found = store::studies::find_by_code(conn, &context.scope, code)?;
    if found.is_none() {
        faults.push(Fault::new("/study", FaultCode::UnknownReference, "No study of the site has this code."));
    }
    Ok(found)
}

/// The tag that was sent, when it is one of a route for the study that was named, or for any if none was.
fn tagged<'a>(
    conn: &mut Conn,
    context: &Context,
    new: &'a NewIntake,
    study: Option<&StudyRow>,
) -> Result<Option<&'a SourceTag>, AppError> {
    let Some(tag) = &new.source_tag else { return Ok(None) };
    let aim = store::routes::study_of_tag(conn, &context.scope, tag)?;
    Ok(aim.filter(|aim| study.is_none_or(|study| study.id == *aim)).map(|_| tag))
}

/// An arrival with the code of a referral.
fn known_arrival(conn: &mut Conn, door: &Door<'_>, known: &Known) -> Result<(CodedReferral, bool), AppError> {
    // Routes and studies before referrals, as everywhere.
    let route = match known.route_id {
        Some(route) => store::routes::find_and_hold(conn, &door.context.scope, route)?,
        None => None,
    };
    match join_referral::run(conn, door, known, route.as_ref())? {
        Joined::Here(coded) => Ok((*coded, true)),
        Joined::Anew { held } => {
            let study = store::studies::find(conn, &door.context.scope, known.study_id)?;
            Ok((new_arrival(conn, door, route, study, held)?, false))
        }
    }
}

/// A new referral: on the route if that may take it now, and else of nobody.
fn new_arrival(
    conn: &mut Conn,
    door: &Door<'_>,
    route: Option<RouteContext>,
    study: Option<StudyRow>,
    held: bool,
) -> Result<CodedReferral, AppError> {
    let Door { context, new, .. } = door;
    let channel = Channel::SelfReferral;
    let of_route = route.as_ref().map(Aim::of_route);
    let (route, language) = match route {
        None => (None, None),
        Some(route) => match admit::decide(conn, context, door.site, &route, channel, new.late_reason)? {
            Ok(language) => (Some(route), language),
            Err(_) => (None, None),
        },
    };
    let study = match (of_route, study) {
        (Some(study), _) => study,
        (None, Some(study)) => {
            let held = store::studies::hold(conn, &context.scope, &[study.id])?;
            let status = held.first().map_or(study.status, |(_, status)| *status);
            Aim { study_id: study.id, code: study.code, status }
        }
        // The tag was another's a moment ago.
        (None, None) => return Err(AppError::new(ErrorCode::Overloaded)),
    };
    let owner = match &route {
        Some(route) => new_referral::owner(conn, context, route)?,
        None => door.heirs.choose(&[]),
    };
    // The code of a referral names its route as surely as a tag does: the route's own stands then, whatever else was sent.
    let is_of_route = |tag: &SourceTag| route.as_ref().is_none_or(|route| *tag == route.route.source_tag);
    let source_tag = new.source_tag.clone().filter(is_of_route);
    let arrival = Arrival {
        operation: OPERATION,
        route,
        study,
        owner,
        channel,
        source_tag,
        contact_basis: ContactBasis::SelfReferral,
        contact_path: ContactPath::SiteRecord,
        partner_reference: None,
        external_ref: Some(new.external_ref.clone()),
        late_reason: new.late_reason,
        language,
        received_at: new.received_at,
        quarantine: held.then_some(QuarantineReason::ContactWithdrawn),
        digests: door.digests,
        details: None,
        is_test: false,
    };
    new_referral::keep(conn, context, door.site, arrival)
}
