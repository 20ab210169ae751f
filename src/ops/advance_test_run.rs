//! What the server finds out of a test run by itself, and how a run ends: whether the second copy was found, whether the owner's alert
//! arrived and was confirmed, and whom the escalation would reach. Everything is read where the real path left it.
//!
//! The run is locked, and its route is not: an edit of the route ends the run under the same lock (`void_proofs`).

use std::collections::BTreeSet;

use super::record::{Change, record};
use super::{Context, facts, reachability, transition_referral};
use crate::db::Conn;
use crate::domain::alerting::{self, AlertStatus, DeliveryStatus, Reachability};
use crate::domain::escalation::{Pace, People, Stall};
use crate::domain::ids::{AlertId, MemberId, ReferralId, TestRunId};
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::test_run::{self, Step, StepFailure, StepResult, TestPersona, TestRunStatus, TestStep};
use crate::domain::vocabulary::{AlertKind, CloseReason, NextAction, ReferralStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;
use crate::store::test_runs::TestRun;

const OPERATION: &str = "advance_test_run";
/// Runs of one pass.
const BATCH: i64 = 50;

/// Goes on with the open runs of the context's site; says how many changed. `email`: whether the server sends any.
///
/// # Errors
/// A database failure; the pass is undone as a whole, and the next one does it.
pub fn pass(conn: &mut Conn, context: &Context, email: bool) -> Result<usize, AppError> {
    let mut changed = 0;
    for id in store::test_runs::open(conn, &context.scope, BATCH)? {
        let Some(before) = lock_open(conn, context, id)? else { continue };
        changed += usize::from(advance(conn, context, before, email)?);
    }
    Ok(changed)
}

/// Writes down what came of a step that was looked at outside; nothing if the run has ended, or the step is known already.
///
/// # Errors
/// A database failure.
pub fn settle(conn: &mut Conn, context: &Context, id: TestRunId, step: Step) -> Result<(), AppError> {
    let Some(before) = lock_open(conn, context, id)? else { return Ok(()) };
    if before.step(step.step).result == StepResult::Waiting {
        learn(conn, context, OPERATION, before, &[step])?;
    }
    Ok(())
}

/// The run, locked, if it is open.
///
/// # Errors
/// A database failure.
fn lock_open(conn: &mut Conn, context: &Context, id: TestRunId) -> Result<Option<TestRun>, AppError> {
    let run = store::test_runs::lock(conn, &context.scope, id)?;
    Ok(run.filter(|run| run.run.status == TestRunStatus::Open))
}

/// Takes over what is known of a locked run, and ends it if that is its end.
///
/// # Errors
/// A database failure.
pub(super) fn learn(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    before: TestRun,
    known: &[Step],
) -> Result<TestRun, AppError> {
    let mut after = before.clone();
    after.learn(known);
    let status = test_run::status(&after.steps, after.run.expires_at, context.now);
    finish(conn, context, operation, &before, after, status, known)
}

/// Ends a locked run at this status, whatever its steps say.
///
/// # Errors
/// A database failure.
pub(super) fn end(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    before: &TestRun,
    status: TestRunStatus,
) -> Result<TestRun, AppError> {
    finish(conn, context, operation, before, before.clone(), status, &[])
}

fn finish(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    before: &TestRun,
    mut after: TestRun,
    status: TestRunStatus,
    known: &[Step],
) -> Result<TestRun, AppError> {
    let (scope, now) = (&context.scope, context.now);
    after.run.status = status;
    after.run.version += 1;
    let mut recorded = Vec::new();
    if status != TestRunStatus::Open {
        after.run.ended_at = Some(now);
        recorded.extend(close_referrals(conn, context, operation, &after)?);
        let alert: Vec<AlertId> = after.run.alert_id.into_iter().collect();
        store::alerts::deliveries::cancel(conn, scope, None, &alert, now)?;
    }
    store::test_runs::write(conn, scope, &after, known)?;
    let (was, is) = (facts::of_test_run(before), facts::of_test_run(&after));
    recorded.push(Change::new(operation, SubjectKind::TestRun, after.run.id.0, was, is));
    if status == TestRunStatus::Passed && after.run.persona.is_none() {
        let route = route_of(conn, context, &after)?;
        let (was, is) = (facts::of_route(&route.route), facts::of_route(&route.route));
        let tested = Change::new(operation, SubjectKind::Route, route.route.id.0, was, is);
        let (version, partner, study) = (route.route.version, route.route.partner_id, route.route.study_id);
        recorded.push(tested.tell_of_partner(EventType::RouteTested, version, partner, Some(study)));
    }
    record(conn, context, recorded)?;
    Ok(after)
}

/// What a run was about ends with it: test referrals never go on.
fn close_referrals(conn: &mut Conn, context: &Context, operation: &'static str, run: &TestRun) -> Result<Vec<Change>, AppError> {
    let ids: Vec<ReferralId> = [run.run.referral_id, run.run.copy_referral_id].into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let site = store::sites::current(conn, &context.scope)?;
    let open = store::duplicates::lock_people(conn, &context.scope, &ids)?;
    let open: Vec<ReferralRow> =
        open.into_iter().filter(|referral| ids.contains(&referral.id) && referral.status != ReferralStatus::Closed).collect();
    let closed: Vec<ReferralRow> = open
        .iter()
        .map(|referral| transition_referral::closed(referral, CloseReason::TestReferral, &site, context.now))
        .collect();
    store::referrals::write_all(conn, &closed)?;
    Ok(open.iter().zip(&closed).map(|(before, after)| Change::of_referral(operation, before, after)).collect())
}

fn route_of(conn: &mut Conn, context: &Context, run: &TestRun) -> Result<RouteContext, AppError> {
    store::routes::find(conn, &context.scope, run.run.route_id)?.ok_or_else(AppError::not_found)
}

/// Goes on with one locked open run; says whether something came of it.
fn advance(conn: &mut Conn, context: &Context, before: TestRun, email: bool) -> Result<bool, AppError> {
    let mut run = before.clone();
    let (scope, now) = (&context.scope, context.now);
    let mut known = Vec::new();
    if let Some(referral) = run.run.referral_id {
        let route = route_of(conn, context, &run)?;
        let site = store::sites::current(conn, scope)?;
        let owner = route.route.owner_id;
        let waits = |step| run.step(step).result == StepResult::Waiting;
        if waits(TestStep::DuplicateCheck) {
            known.extend(duplicate_check(conn, context, &run, referral)?);
        }
        if waits(TestStep::BackupReached) {
            known.push(backup_reached(conn, context, &run, &route, &site, email)?);
        }
        if waits(TestStep::OwnerAlertDelivered) || waits(TestStep::OwnerAlertConfirmed) {
            match run.run.alert_id {
                Some(alert) => known.extend(alert_steps(conn, context, &run, alert)?),
                None if run.run.persona == Some(TestPersona::AlertUndelivered) || !is_reachable(conn, context, owner, email)? => {
                    known.push(Step::failed(TestStep::OwnerAlertDelivered, StepFailure::AlertUndelivered, now));
                }
                None => run.run.alert_id = Some(tell_owner(conn, context, owner)?),
            }
        }
    }
    if known.is_empty() && run.run.expires_at > now {
        return Ok(run.run.alert_id != before.run.alert_id && store::test_runs::set_alert(conn, scope, &run.run)?);
    }
    learn(conn, context, OPERATION, run, &known)?;
    Ok(true)
}

/// Whether the second copy was found to be the same person, once both were matched.
fn duplicate_check(conn: &mut Conn, context: &Context, run: &TestRun, referral: ReferralId) -> Result<Option<Step>, AppError> {
    let now = context.now;
    if run.run.persona == Some(TestPersona::Duplicate) {
        return Ok(Some(Step::passed(TestStep::DuplicateCheck, now)));
    }
    let Some(copy) = run.run.copy_referral_id else { return Ok(None) };
    let pair = [referral, copy];
    let reviews = store::duplicates::of_referrals(conn, &context.scope, &pair, false)?;
    let is_pair = |one: ReferralId, other: ReferralId| pair.contains(&one) && pair.contains(&other);
    if reviews.iter().any(|review| is_pair(review.first_referral_id, review.second_referral_id)) {
        return Ok(Some(Step::passed(TestStep::DuplicateCheck, now)));
    }
    let waiting = store::duplicates::matching::still_waiting(conn, &context.scope, &pair)?;
    Ok(waiting.is_empty().then(|| Step::failed(TestStep::DuplicateCheck, StepFailure::DuplicateMissed, now)))
}

fn is_reachable(conn: &mut Conn, context: &Context, member: MemberId, email: bool) -> Result<bool, AppError> {
    let chosen = store::alerts::channels::chosen(conn, &context.scope, &[member])?;
    let chosen: Vec<_> = chosen.into_iter().map(|(member, channels)| (member, channels.0)).collect();
    let reached = reachability::of_members(conn, context, &chosen, email)?;
    Ok(reached.iter().any(|(reached, _)| *reached == Reachability::Reachable))
}

/// Writes the owner's alert; it goes its way like any other.
fn tell_owner(conn: &mut Conn, context: &Context, owner: MemberId) -> Result<AlertId, AppError> {
    let id = AlertId::at(context.now);
    let alert = NewAlert {
        site_id: context.scope.site(),
        id,
        member_id: owner,
        kind: AlertKind::TestRun,
        referral_id: None,
        created_at: context.now,
    };
    store::alerts::insert(conn, &[alert])?;
    Ok(id)
}

/// What came of the owner's alert. Whoever confirms it has it.
fn alert_steps(conn: &mut Conn, context: &Context, run: &TestRun, alert: AlertId) -> Result<Vec<Step>, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let Some(alert) = store::alerts::find(conn, scope, alert)? else { return Ok(Vec::new()) };
    let deliveries = store::alerts::deliveries::of_alerts(conn, scope, &[alert.id])?;
    let statuses: Vec<DeliveryStatus> = deliveries.iter().map(|delivery| delivery.status).collect();
    let stands = alerting::status(alert.confirmed_at.is_some(), alert.taken_up_at.is_some(), &statuses);
    // What failed three times in a row counts as failing, here as everywhere: nobody waits a week for the last attempt.
    let all_fail =
        alert.taken_up_at.is_some() && deliveries.iter().all(|delivery| alerting::is_failing(delivery.status, delivery.attempts));
    let mut steps = Vec::new();
    if run.step(TestStep::OwnerAlertDelivered).result == StepResult::Waiting {
        match stands {
            AlertStatus::Confirmed | AlertStatus::Delivered => steps.push(Step::passed(TestStep::OwnerAlertDelivered, now)),
            _ if all_fail => {
                steps.push(Step::failed(TestStep::OwnerAlertDelivered, StepFailure::AlertUndelivered, now));
            }
            _ => {}
        }
    }
    if let (Some(at), StepResult::Waiting) = (alert.confirmed_at, run.step(TestStep::OwnerAlertConfirmed).result) {
        steps.push(Step::passed(TestStep::OwnerAlertConfirmed, at));
    }
    Ok(steps)
}

/// Whom the test referral would reach if its owner did nothing.
fn backup_reached(
    conn: &mut Conn,
    context: &Context,
    run: &TestRun,
    route: &RouteContext,
    site: &SiteRow,
    email: bool,
) -> Result<Step, AppError> {
    let (scope, now, row) = (&context.scope, context.now, &route.route);
    let both = [row.owner_id, row.backup_owner_id];
    let found = store::members::read_owners_and_lead(conn, scope, &both, now)?;
    let site_lead = found.iter().find(|owner| owner.is_site_lead).map(|owner| owner.id);
    let people = People {
        site_lead: site_lead.ok_or_else(|| AppError::new(ErrorCode::Overloaded))?,
        able: found.iter().map(|owner| owner.id).collect(),
        away: found.iter().filter(|owner| owner.is_away).map(|owner| owner.id).collect::<BTreeSet<_>>(),
    };
    let pace = Pace { hours: site.escalation_hours, working_time: site.working_time() };
    let due = row.due_terms(site).due(NextAction::Acknowledge, now);
    let begun = Stall { owner: row.owner_id, backup_owner: Some(row.backup_owner_id), taken: None, escalate_at: Some(due) };
    let reachable = is_reachable(conn, context, row.backup_owner_id, email)?;
    Ok(test_run::backup_reached(&begun, &people, &pace, reachable, run.run.persona, now))
}
