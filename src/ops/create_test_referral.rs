//! Taking a test referral: the real path with a test key, while a run of its route is open. It is marked test for ever.

use super::create_referral::{NewReferral, check, no_run};
use super::new_referral::{self, Aim, Arrival};
use super::record::{Change, record};
use super::{Context, admit, contact_details, facts, seal_details};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ReferralId;
use crate::domain::journal::SubjectKind;
use crate::domain::test_run::{self, Step, TestStep};
use crate::domain::vocabulary::Attribution;
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referrals::{CodedReferral, ReferralRow};
use crate::store::sites::SiteRow;
use crate::store::test_runs::TestRun;

const OPERATION: &str = "create_referral";

/// Takes the test referral of the route's open run, or the second copy of it; answers it with the site.
///
/// # Errors
/// 403 when no run is open for this partner and study, 422 with every fault, 409 when both copies have arrived or the reference was used.
pub(super) fn run(
    conn: &mut Conn,
    context: &Context,
    keyring: &Keyring,
    new: &NewReferral,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let scope = &context.scope;
    if scope.partner().is_none() {
        return Err(no_run());
    }
    let site = store::sites::current(conn, scope)?;
    let route = store::routes::find_by_codes_and_hold(conn, scope, None, &new.study)?;
    let run = match &route {
        Some(route) => store::test_runs::lock_open_of_routes(conn, scope, &[route.route.id])?.pop(),
        None => None,
    };
    let (Some(route), Some(run)) = (route, run.filter(|run| run.run.expires_at > context.now)) else { return Err(no_run()) };
    let (digests, unusable) = contact_details::digest(keyring, new.email.as_ref(), new.phone.as_ref(), &site);
    let mut faults = check(context, new, Ok(&route));
    faults.extend(unusable);
    faults.extend(seal_details::check_test(new));
    if !route.route.channels.0.contains(&new.channel) {
        faults.push(admit::channel_not_listed());
    }
    if new.email.is_none() && new.phone.is_none() {
        let message = "Send an address or a telephone number of your own with a test referral, and the same with its second copy: the duplicate check is tested by it.";
        faults.push(Fault::new("/match", FaultCode::MissingField, message));
    }
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    if run.run.copy_referral_id.is_some() {
        let detail = "The test referral and its second copy have arrived. Wait for the site, or ask it to open another run.";
        return Err(AppError::new(ErrorCode::StateConflict).with_detail(detail));
    }
    let owner = new_referral::owner(conn, context, &route)?;
    let arrival = Arrival {
        operation: OPERATION,
        study: Aim::of_route(&route),
        route: Some(route),
        owner,
        channel: new.channel,
        source_tag: new.source_tag.clone(),
        contact_basis: new.contact_basis,
        contact_path: new.contact_path,
        partner_reference: new.partner_reference.clone(),
        external_ref: None,
        late_reason: None,
        language: None,
        received_at: new.received_at,
        quarantine: None,
        digests: &digests,
        details: None,
        is_test: true,
    };
    let coded = new_referral::keep(conn, context, &site, arrival)?;
    let arrived = arrive(conn, context, new, &run, &coded.referral)?;
    record(conn, context, [arrived])?;
    Ok((coded, site))
}

/// Writes into the run what arrived.
fn arrive(
    conn: &mut Conn,
    context: &Context,
    new: &NewReferral,
    before: &TestRun,
    referral: &ReferralRow,
) -> Result<Change, AppError> {
    let now = context.now;
    let mut after = before.clone();
    after.run.version += 1;
    let place: &mut Option<ReferralId> =
        if before.run.referral_id.is_none() { &mut after.run.referral_id } else { &mut after.run.copy_referral_id };
    *place = Some(referral.id);
    let mut known = Vec::new();
    if before.run.referral_id.is_none() {
        let is_the_routes = referral.attribution == Attribution::Verified;
        known.push(Step::passed(TestStep::ReferralReceived, now));
        known.push(test_run::attribution(new.source_tag.as_ref().map(|_| is_the_routes), before.run.persona, now));
    }
    after.learn(&known);
    store::test_runs::write(conn, &context.scope, &after, &known)?;
    Ok(Change::new(OPERATION, SubjectKind::TestRun, after.run.id.0, facts::of_test_run(before), facts::of_test_run(&after)))
}
