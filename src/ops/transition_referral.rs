//! Moving a referral: the state machine's one writer.

use super::heir::Heirs;
use super::record::{Change, record};
use super::{Context, Expected, create_contact_withdrawal, illegal_move, referral_route};
use crate::db::Conn;
use crate::domain::escalation;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ReferralId;
use crate::domain::next_action::{self, DueTerms};
use crate::domain::referral_state::{self, AllowedMove, Move, Refusal, Request, State, TransitionReason};
use crate::domain::standstill::{self, Next, Outcome, Stand};
use crate::domain::vocabulary::{Blocker, CloseReason, NextAction, ReferralStatus, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::referrals::{CodedReferral, ReferralRow, StateChange, Times};
use crate::store::sites::SiteRow;

const OPERATION: &str = "transition_referral";

/// The state of a kept referral, as far as its moves depend on it.
#[must_use]
pub const fn state_of(referral: &ReferralRow) -> State {
    State {
        status: referral.status,
        held_status: referral.held_status,
        close_reason: referral.close_reason,
        is_test: referral.is_test,
        is_merged: referral.merged_into_id.is_some(),
    }
}

/// Where a kept referral stands, as far as a standstill of its study, partner or route depends on it.
#[must_use]
pub const fn stand_of(referral: &ReferralRow) -> Stand {
    Stand {
        status: referral.status,
        held_status: referral.held_status,
        blocker: referral.blocker,
        held_blocker: referral.held_blocker,
    }
}

/// What may be done with a referral while its study is in this state.
#[must_use]
pub fn allowed(referral: &ReferralRow, study: StudyStatus) -> Vec<AllowedMove> {
    let mut moves = referral_state::allowed(&state_of(referral));
    moves.retain(|allowed| !is_held_back(referral, study, allowed.to));
    moves
}

/// Whether it would get into flight by this move, waits for its study to open, and the study is paused.
pub(super) fn is_held_back(referral: &ReferralRow, study: StudyStatus, to: ReferralStatus) -> bool {
    study == StudyStatus::Paused && standstill::in_flight(to) && stand_of(referral).awaits_opening()
}

/// Moves a referral; answers it as it is now, with its site. One that is opened again gets another owner when its own can no
/// longer be one: every open referral has an active owner. Closing with `person_requested_no_contact` also withdraws permission
/// to contact for its digests; a reopen does not give that back. While the study is paused nothing gets into flight: what would, is
/// held for the pause, and goes on from where it was going.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when it has changed since it was read, 409 for a move that its state does not
/// allow or that waits for its study to open, 422 when a reason or blocker is missing or does not belong to the move.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    expected: &Expected,
    request: &Request,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let scope = &context.scope;
    let is_test = context.actor.is_test();
    let withdraws = request.reason == Some(TransitionReason::PersonRequestedNoContact);
    if withdraws {
        // Before the referral's own lock, as a withdrawal with the contact details takes the two: nobody waits in a circle.
        let digests = store::contact_digests::of_referral(conn, scope, id)?;
        store::contact_digests::take_turn_of_kept(conn, &digests)?;
    }
    // Members, then studies, then referrals, as everywhere: nobody waits in a circle.
    let reopens = request.to == ReferralStatus::Received && request.reason.is_some();
    let heirs = if reopens { Some(heirs(conn, context, id)?) } else { None };
    // The study before the referral, as its pause takes the two: whatever comes into flight is there before the pause, or after it.
    let study = match standstill::in_flight(request.to) {
        true => store::referrals::hold_study(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?,
        false => StudyStatus::Open,
    };
    if !store::referrals::lock(conn, scope, is_test, id)? {
        return Err(AppError::not_found());
    }
    let mut coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    expected.check(coded.referral.version)?;
    let state = state_of(&coded.referral);
    let decided = referral_state::decide(&state, request).map_err(|refusal| refuse(&state, refusal))?;
    check_waits_for_somebody(&coded.referral, decided.blocker).map_err(|fault| AppError::invalid(vec![fault]))?;
    if is_held_back(&coded.referral, study, request.to) {
        return Err(held_back());
    }

    let site = store::sites::current(conn, scope)?;
    let route = referral_route::find(conn, context, &coded.referral)?;
    let terms = referral_route::due_terms(route.as_ref(), &site);
    let change = arriving(&coded.referral, &decided, study, &terms, context.now);
    let before = coded.referral.clone();
    if let (Some(_), Some(heirs)) = (decided.reopen_reason, heirs) {
        coded.referral.owner_id = heirs.choose(&referral_route::preferred_owners(&before, route.as_ref()));
        if coded.referral.owner_id != before.owner_id {
            store::referrals::set_owner(conn, scope, id, coded.referral.owner_id)?;
        }
    }
    if !store::referrals::update_state(conn, scope, id, coded.referral.version, &change)? {
        return Err(AppError::new(ErrorCode::StaleVersion));
    }
    apply(&mut coded.referral, change);
    let change = Change::of_referral(OPERATION, &before, &coded.referral);
    let change = change.because(request.reason.map(|reason| reason.as_str()));
    let withdrawn = if withdraws {
        coded.has_sealed_details = false;
        create_contact_withdrawal::of_closed_referral(conn, context, OPERATION, &coded.referral)?
    } else {
        Vec::new()
    };
    record(conn, context, std::iter::once(change).chain(withdrawn))?;
    Ok((coded, site))
}

/// Refuses to wait for a partner where nobody referred.
pub(super) fn check_waits_for_somebody(referral: &ReferralRow, blocker: Option<Blocker>) -> Result<(), Fault> {
    if referral.partner_id.is_some() || blocker != Some(Blocker::AwaitingPartnerCompletion) {
        return Ok(());
    }
    let message =
        "No partner is known to have referred this person, so that none can be waited for. Correct the attribution first.";
    Err(Fault::new("/blocker", FaultCode::Inconsistent, message))
}

/// Who may take a referral that opens again. Its owner is another only while it is open, so that it need not be locked for this.
fn heirs(conn: &mut Conn, context: &Context, id: ReferralId) -> Result<Heirs, AppError> {
    let (scope, is_test) = (&context.scope, context.actor.is_test());
    let referral = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?.referral;
    let route = referral_route::find(conn, context, &referral)?;
    Heirs::hold(conn, context, &referral_route::preferred_owners(&referral, route.as_ref()))
}

/// 409 for what would get into flight while its study is paused.
pub(super) fn held_back() -> AppError {
    AppError::new(ErrorCode::StudyNotOpen).with_detail(
        "The study is paused, and this referral waits for it: it goes on by itself when the study opens. Open the study, or close the referral with a reason.",
    )
}

/// Why a referral in this state does not move as it was asked.
pub(super) fn refuse(state: &State, refusal: Refusal) -> AppError {
    match fault(refusal) {
        Some((field, code, message)) => AppError::invalid(vec![Fault::new(format!("/{field}"), code, message)]),
        None => illegal_move(referral_state::allowed(state).into_iter().map(|allowed| allowed.to.as_str())),
    }
}

/// Which field of the request is at fault, its code, and what to do; `None` when the state stands against it.
pub(super) const fn fault(refusal: Refusal) -> Option<(&'static str, FaultCode, &'static str)> {
    Some(match refusal {
        Refusal::IllegalMove => return None,
        Refusal::ReasonMissing => {
            ("reason", FaultCode::MissingField, "This move needs a reason; `actions` lists those it takes.")
        }
        Refusal::ReasonNotAllowed => {
            ("reason", FaultCode::Inconsistent, "This move does not take that reason; `actions` lists those it takes.")
        }
        Refusal::BlockerMissing => ("blocker", FaultCode::MissingField, "Putting a referral on hold needs a blocker."),
        Refusal::BlockerNotAllowed => ("blocker", FaultCode::Inconsistent, "Only `on_hold` takes a blocker. Leave it out."),
    })
}

/// The row's new state. Steps that are skipped take the time of the move; a reopened referral starts a new clock, and nobody has
/// withdrawn it.
pub(super) fn change(
    referral: &ReferralRow,
    decided: &Move,
    terms: &DueTerms,
    now: chrono::DateTime<chrono::Utc>,
) -> StateChange {
    use ReferralStatus::{Acknowledged, Connected, Contacting, HandedOff, OnHold};
    let reopened = decided.reopen_reason.is_some();
    let earlier = |at| if reopened { None } else { at };
    // A hold passes no step, and neither does the return from one: the milestones it returns to are there already.
    let step = match decided.status {
        _ if referral.status == OnHold => 0,
        Acknowledged => 1,
        Contacting => 2,
        Connected => 3,
        HandedOff => 4,
        _ => 0,
    };
    let milestone = |at: Option<_>, number| earlier(at).or((step >= number).then_some(now));
    let fell_through = referral.status == HandedOff && decided.status == Connected;
    let action = next_action::follow(decided.status, decided.blocker);
    let due_at = action.map(|action| terms.due(action, now));
    let first = |at: Option<_>| if reopened { due_at } else { at };
    StateChange {
        status: decided.status,
        held_status: decided.held_status,
        quarantine_reason: referral.quarantine_reason.filter(|_| decided.status == ReferralStatus::Quarantined),
        blocker: decided.blocker,
        close_reason: decided.close_reason,
        reopen_reason: decided.reopen_reason.or(referral.reopen_reason),
        next_action: action,
        version: referral.version + 1,
        held_blocker: None,
        escalation: None,
        times: Times {
            next_action_due_at: due_at,
            clock_started_at: if reopened { now } else { referral.times.clock_started_at },
            acknowledged_at: milestone(referral.times.acknowledged_at, 1),
            contacting_at: milestone(referral.times.contacting_at, 2),
            connected_at: milestone(referral.times.connected_at, 3),
            handed_off_at: if fell_through { None } else { milestone(referral.times.handed_off_at, 4) },
            closed_at: (decided.status == ReferralStatus::Closed).then(|| referral.times.closed_at.unwrap_or(now)),
            updated_at: now,
            partner_withdrawn_at: earlier(referral.times.partner_withdrawn_at),
            blocked_since: blocked_since(referral, decided.blocker, now),
            first_due_at: first(referral.times.first_due_at),
            first_due_by_receipt_at: first(referral.times.first_due_by_receipt_at),
            escalate_at: escalation::starts(decided.status, decided.blocker, referral.is_test, due_at),
        },
    }
}

/// The row's new state after a move that may bring it into flight, with its study in this state.
pub(super) fn arriving(
    referral: &ReferralRow,
    decided: &Move,
    study: StudyStatus,
    terms: &DueTerms,
    now: chrono::DateTime<chrono::Utc>,
) -> StateChange {
    let Move { status, held_status, blocker, .. } = *decided;
    let outcome = standstill::arrive(study, Stand { status, held_status, blocker, held_blocker: None });
    let Stand { status, held_status, blocker, .. } = outcome.stand;
    let mut change = change(referral, &Move { status, held_status, blocker, ..*decided }, terms, now);
    plan(&mut change, referral, &outcome, terms, now);
    change
}

/// An open referral as it is once its study, partner or route has changed.
pub(super) fn settled(
    referral: &ReferralRow,
    outcome: &Outcome,
    terms: &DueTerms,
    now: chrono::DateTime<chrono::Utc>,
) -> ReferralRow {
    let Stand { status, held_status, blocker, .. } = outcome.stand;
    let decided = Move { status, held_status, blocker, close_reason: None, reopen_reason: None };
    let mut change = change(referral, &decided, terms, now);
    plan(&mut change, referral, outcome, terms, now);
    let mut settled = referral.clone();
    apply(&mut settled, change);
    settled
}

/// Writes into the change what the study's state adds to it.
fn plan(
    change: &mut StateChange,
    referral: &ReferralRow,
    outcome: &Outcome,
    terms: &DueTerms,
    now: chrono::DateTime<chrono::Utc>,
) {
    let Outcome { stand, next } = outcome;
    change.held_blocker = stand.held_blocker;
    change.times.blocked_since = blocked_since(referral, stand.waits_for(), now);
    match next {
        Next::Follows => {}
        Next::Stays => {
            change.next_action = referral.next_action;
            change.times.next_action_due_at = referral.times.next_action_due_at;
            change.escalation = referral.escalation;
            change.times.escalate_at = referral.times.escalate_at;
        }
        Next::ConfirmClose => {
            let due_at = Some(terms.due(NextAction::ConfirmClose, now));
            change.next_action = Some(NextAction::ConfirmClose);
            change.times.next_action_due_at = due_at;
            change.times.escalate_at = escalation::starts(change.status, change.blocker, referral.is_test, due_at);
        }
    }
}

/// An open referral as it is once it is closed for this reason.
pub(super) fn closed(
    referral: &ReferralRow,
    reason: CloseReason,
    site: &SiteRow,
    now: chrono::DateTime<chrono::Utc>,
) -> ReferralRow {
    let decided = Move {
        status: ReferralStatus::Closed,
        held_status: None,
        blocker: None,
        close_reason: Some(reason),
        reopen_reason: None,
    };
    // Nothing is due on a closed referral, so that the route's hours do not matter.
    let mut closed = referral.clone();
    apply(&mut closed, change(referral, &decided, &site.due_terms(), now));
    closed
}

/// Since when a referral waits that waits for this from now on: for another thing it waits anew. What a pause of the study covers
/// is what it waits for still.
pub(super) fn blocked_since(
    referral: &ReferralRow,
    blocker: Option<Blocker>,
    now: chrono::DateTime<chrono::Utc>,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let waited_for = stand_of(referral).waits_for();
    blocker.map(|_| referral.times.blocked_since.filter(|_| blocker == waited_for).unwrap_or(now))
}

pub(super) fn apply(referral: &mut ReferralRow, change: StateChange) {
    referral.status = change.status;
    referral.held_status = change.held_status;
    referral.quarantine_reason = change.quarantine_reason;
    referral.blocker = change.blocker;
    referral.close_reason = change.close_reason;
    referral.reopen_reason = change.reopen_reason;
    referral.next_action = change.next_action;
    referral.version = change.version;
    referral.held_blocker = change.held_blocker;
    referral.escalation = change.escalation;
    referral.times = change.times;
}
