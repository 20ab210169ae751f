//! Changing a referral without moving it: owner, next action, blocker, the site's reference.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

use super::received::CLOCK_TOLERANCE;
use super::record::{Change, record};
use super::transition_referral::{blocked_since, check_waits_for_somebody, held_back, stand_of};
use super::{Context, Expected, referral_route};
use crate::db::Conn;
use crate::domain::escalation;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{AlertId, MemberId, ReferralId};
use crate::domain::next_action::{self, DueTerms};
use crate::domain::standstill;
use crate::domain::text::Reference;
use crate::domain::vocabulary::{AlertKind, Blocker, ContactPath, NextAction, PlanReason, ReferralStatus, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::referrals::{CodedReferral, ReferralRow, Revision};
use crate::store::sites::SiteRow;

/// Nothing is planned further ahead.
const FARTHEST: Duration = Duration::days(366);

/// What to change; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default)]
pub struct ReferralPatch {
    /// Responsible for the next action.
    pub owner_id: Option<MemberId>,
    /// What the owner does next, set by hand.
    pub next_action: Option<NextAction>,
    /// By when, set by hand.
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// Why owner, next action or due time are set by hand.
    pub reason: Option<PlanReason>,
    /// Why it waits.
    pub blocker: Option<Option<Blocker>>,
    /// The site's reference in its own system.
    pub external_ref: Option<Option<Reference>>,
}

/// Changes a referral; answers it as it is now, with its site. A patch that says what is there already changes nothing: no
/// version, no audit entry, no event.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when it has changed since it was read, 409 when it is closed and more than its
/// reference is to change or it waits for its study to open, 422 with every fault of the patch.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    expected: &Expected,
    patch: &ReferralPatch,
) -> Result<(CodedReferral, SiteRow), AppError> {
    let scope = &context.scope;
    let is_test = context.actor.is_test();
    // The member before the referral: whoever deactivates a member meets them in this order too.
    let may_own = match patch.owner_id {
        Some(owner) => !store::members::find_owners(conn, scope, &[owner])?.is_empty(),
        None => true,
    };
    if !store::referrals::lock(conn, scope, is_test, id)? {
        return Err(AppError::not_found());
    }
    let mut coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    expected.check(coded.referral.version)?;
    check(&coded.referral, patch, may_own, context.now)?;
    if leaves_the_pause(&coded.referral, patch) {
        let study = store::studies::find(conn, scope, coded.referral.study_id)?.ok_or_else(AppError::not_found)?;
        // Its pause, if one is under way beside this, waits for the referral and then holds it.
        if study.status == StudyStatus::Paused {
            return Err(held_back());
        }
    }

    let site = store::sites::current(conn, scope)?;
    let before = coded.referral.clone();
    let terms = referral_route::due_terms_of(conn, context, &before, &site)?;
    let revision = revise(&before, patch, &terms, context.now);
    apply(&mut coded.referral, &revision);
    let changes = revision != of(&before);
    if changes {
        if !store::referrals::revise(conn, scope, id, before.version, &revision, context.now)? {
            return Err(AppError::new(ErrorCode::StaleVersion));
        }
        if revision.external_ref.is_some() && revision.external_ref != before.external_ref {
            store::duplicates::matching::queue_again(conn, &before, context.now)?;
        }
        coded.referral.version = before.version + 1;
        coded.referral.times.updated_at = context.now;
        let change = Change::of_referral("update_referral", &before, &coded.referral);
        record(conn, context, [change.because(patch.reason.map(PlanReason::as_str))])?;
        store::alerts::insert(conn, assigned(context, &before, &coded.referral).as_slice())?;
    }
    Ok((coded, site))
}

/// What the new owner is told, unless it took the referral itself. Many at once (`create_bulk_action`, a member who leaves) are told
/// by the queue and by events: nobody wants a hundred letters.
fn assigned(context: &Context, before: &ReferralRow, after: &ReferralRow) -> Option<NewAlert> {
    let is_news = before.owner_id != after.owner_id && context.actor.member() != Some(after.owner_id);
    (is_news && !after.is_test).then(|| NewAlert {
        site_id: after.site_id,
        id: AlertId::at(context.now),
        member_id: after.owner_id,
        kind: AlertKind::ReferralAssigned,
        referral_id: Some(after.id),
        created_at: context.now,
    })
}

/// Whether the patch may be made: the state first, then every fault.
fn check(referral: &ReferralRow, patch: &ReferralPatch, may_own: bool, now: DateTime<Utc>) -> Result<(), AppError> {
    let ReferralPatch { owner_id, next_action, next_action_due_at, reason, blocker, external_ref } = patch;
    let by_hand = owner_id.is_some() || next_action.is_some() || next_action_due_at.is_some();
    if referral.status == ReferralStatus::Closed && (by_hand || blocker.is_some()) {
        return Err(AppError::new(ErrorCode::StateConflict)
            .with_detail("Of a closed referral only `external_ref` changes. Reopen it to work on it."));
    }
    let held = referral.status == ReferralStatus::OnHold;
    let far = next_action_due_at.is_some_and(|due| due < now - CLOCK_TOLERANCE || due > now + FARTHEST);
    let known_by_record = referral.contact_path == ContactPath::SiteRecord;
    let mut faults: Vec<Fault> = [
        (!may_own, "/owner_id", FaultCode::UnknownReference, "No active admin or coordinator of the site has this id."),
        (far, "/next_action_due_at", FaultCode::OutOfRange, "Send a time from now on and within 366 days, in UTC."),
        (
            by_hand && reason.is_none(),
            "/reason",
            FaultCode::MissingField,
            "Say why the owner, the next action or its due time is set by hand.",
        ),
        (
            !by_hand && reason.is_some(),
            "/reason",
            FaultCode::Inconsistent,
            "A reason belongs to `owner_id`, `next_action` or `next_action_due_at`. Send one of these, or leave it out.",
        ),
        (
            held && *blocker == Some(None),
            "/blocker",
            FaultCode::Inconsistent,
            "A referral on hold needs a blocker. Move it on with a transition, or send another blocker.",
        ),
        (
            known_by_record && *external_ref == Some(None),
            "/external_ref",
            FaultCode::Inconsistent,
            "The person of this referral is known by the site's own record alone. Send another reference, or leave this one.",
        ),
    ]
    .into_iter()
    .filter(|(is_fault, ..)| *is_fault)
    .map(|(_, pointer, code, message)| Fault::new(pointer, code, message))
    .collect();
    faults.extend(check_waits_for_somebody(referral, blocker.flatten()).err());
    if faults.is_empty() { Ok(()) } else { Err(AppError::invalid(faults)) }
}

/// Whether it would get into flight by the patch: what was recorded late for a paused study has no hold, only the blocker.
fn leaves_the_pause(referral: &ReferralRow, patch: &ReferralPatch) -> bool {
    let another = patch.blocker.is_some_and(|blocker| blocker != Some(Blocker::StudyPaused));
    another && standstill::in_flight(referral.status) && stand_of(referral).awaits_opening()
}

/// What the patch makes of the referral. On hold another blocker is another next action, as it would be by a transition, unless
/// the patch names one. Another next action is due anew, unless the patch says when.
fn revise(referral: &ReferralRow, patch: &ReferralPatch, terms: &DueTerms, now: DateTime<Utc>) -> Revision {
    let blocker = patch.blocker.unwrap_or(referral.blocker);
    // Another blocker takes the place of the pause, and of what that covers.
    let held_blocker = referral.held_blocker.filter(|_| blocker == Some(Blocker::StudyPaused));
    let held_otherwise = referral.status == ReferralStatus::OnHold && blocker != referral.blocker;
    let follows = if held_otherwise { next_action::follow(referral.status, blocker) } else { None };
    let next_action = patch.next_action.or(follows).or(referral.next_action);
    let anew = match patch.next_action {
        Some(_) => next_action != referral.next_action,
        None => follows.is_some(),
    };
    let due = next_action.filter(|_| anew).map(|action| terms.due(action, now));
    let mut revision = Revision {
        owner_id: patch.owner_id.unwrap_or(referral.owner_id),
        blocker,
        next_action,
        // Whole microseconds are what the database keeps.
        next_action_due_at: patch.next_action_due_at.map(|at| at.trunc_subsecs(6)).or(due).or(referral.times.next_action_due_at),
        external_ref: patch.external_ref.clone().unwrap_or_else(|| referral.external_ref.clone()),
        held_blocker,
        blocked_since: blocked_since(referral, held_blocker.or(blocker), now),
        ..of(referral)
    };
    // Whoever plans anew has seen it: its escalation begins anew too. The site's own reference plans nothing.
    let planned = |plan: &Revision| (plan.owner_id, plan.blocker, plan.next_action, plan.next_action_due_at);
    if planned(&revision) != planned(&of(referral)) {
        revision.escalation = None;
        revision.escalate_at = escalation::starts(referral.status, blocker, referral.is_test, revision.next_action_due_at);
    }
    revision
}

fn of(referral: &ReferralRow) -> Revision {
    Revision {
        owner_id: referral.owner_id,
        blocker: referral.blocker,
        next_action: referral.next_action,
        next_action_due_at: referral.times.next_action_due_at,
        external_ref: referral.external_ref.clone(),
        held_blocker: referral.held_blocker,
        blocked_since: referral.times.blocked_since,
        escalation: referral.escalation,
        escalate_at: referral.times.escalate_at,
    }
}

fn apply(referral: &mut ReferralRow, revision: &Revision) {
    referral.owner_id = revision.owner_id;
    referral.blocker = revision.blocker;
    referral.next_action = revision.next_action;
    referral.times.next_action_due_at = revision.next_action_due_at;
    referral.external_ref.clone_from(&revision.external_ref);
    referral.held_blocker = revision.held_blocker;
    referral.times.blocked_since = revision.blocked_since;
    referral.escalation = revision.escalation;
    referral.times.escalate_at = revision.escalate_at;
}
