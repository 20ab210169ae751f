//! A person arrives with the handoff code of a referral: the two are joined. Its state moves only where it waited for the person, had
//! ended, or has to be held; otherwise its owner goes on with it, who is told.

use super::create_intake::{Door, NewIntake, OPERATION};
use super::record::{Change, record};
use super::transition_referral::{apply, arriving, stand_of, state_of};
use super::{Context, referral_route};
use crate::db::Conn;
use crate::domain::ids::{AlertId, MemberId, ReferralId, RouteId, StudyId};
use crate::domain::intake::{self, Meeting, RETURNED};
use crate::domain::referral_state::{self, Move};
use crate::domain::vocabulary::{AlertKind, Blocker, QuarantineReason, ReferralStatus, ReopenReason, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::duplicates::matching;
use crate::store::referrals::{CodedReferral, ReferralRow};
use crate::store::routes::RouteContext;
use crate::store::studies::StudyRow;

/// The referral of a code, as it was read without a lock.
#[derive(Debug)]
pub(super) struct Known {
    /// The record that stands for the person.
    pub id: ReferralId,
    pub route_id: Option<RouteId>,
    pub study_id: StudyId,
    /// Who may own it, in order.
    pub preferred: Vec<MemberId>,
}

/// What came of it.
pub(super) enum Joined {
    /// The referral as it is now.
    Here(Box<CodedReferral>),
    /// The arrival is a referral of its own, and `held` for a person to decide.
    Anew {
        /// Whether it is.
        held: bool,
    },
}

/// The referral whose code was sent, for the study that was named, or for any if none was. A code that is nobody's, or belongs to a
/// test referral, is as good as none.
pub(super) fn find(
    conn: &mut Conn,
    context: &Context,
    new: &NewIntake,
    study: Option<&StudyRow>,
) -> Result<Option<Known>, AppError> {
    let Some(code) = &new.handoff_code else { return Ok(None) };
    let found = store::referrals::find_by_handoff_code(conn, &context.scope, false, code)?;
    let Some(found) = found.filter(|found| study.is_none_or(|study| study.id == found.study_id)) else { return Ok(None) };
    let standing = match found.merged_into_id {
        Some(root) => store::referrals::load_rows(conn, &context.scope, &[root])?.into_iter().next().unwrap_or(found),
        None => found,
    };
    let route = referral_route::find(conn, context, &standing)?;
    let preferred = referral_route::preferred_owners(&standing, route.as_ref());
    Ok(Some(Known { id: standing.id, route_id: standing.route_id, study_id: standing.study_id, preferred }))
}

/// Joins the arrival with the referral, whose route the caller holds.
///
/// # Errors
/// 409 when it carries another record of the site's, 503 when it was merged or corrected since it was read.
pub(super) fn run(conn: &mut Conn, door: &Door<'_>, known: &Known, route: Option<&RouteContext>) -> Result<Joined, AppError> {
    let Door { context, new, .. } = door;
    let scope = &context.scope;
    let study = store::referrals::hold_study(conn, scope, false, known.id)?.ok_or_else(AppError::not_found)?;
    store::referrals::lock(conn, scope, false, known.id)?;
    let mut coded = store::referrals::find(conn, scope, false, known.id)?.ok_or_else(AppError::not_found)?;
    let before = coded.referral.clone();
    if before.merged_into_id.is_some() || before.route_id != known.route_id {
        return Err(AppError::new(ErrorCode::Overloaded));
    }
    let same_record = before.external_ref.as_ref().is_none_or(|reference| *reference == new.external_ref);
    let meeting = intake::meet(&state_of(&before), door.withdrawn, same_record);
    match meeting {
        Meeting::Anew => return Ok(Joined::Anew { held: false }),
        Meeting::AnewHeld => return Ok(Joined::Anew { held: true }),
        Meeting::Joins if !same_record => {
            return Err(AppError::new(ErrorCode::ExternalRefDiffers).with_referral(before.id));
        }
        Meeting::Joins | Meeting::Reopens => {}
    }
    let mut after = joined(door, &before, meeting, study, route)?;
    let is_known_now = before.external_ref.is_none();
    after.external_ref = Some(new.external_ref.clone());
    let moved = meeting == Meeting::Reopens || after.version != before.version;
    if moved || is_known_now {
        after.version = before.version + 1;
        after.times.updated_at = context.now;
        store::referrals::write_all(conn, std::slice::from_ref(&after))?;
        store::referrals::set_external_ref(conn, scope, before.id, &new.external_ref)?;
        store::alerts::insert(conn, &[arrived(context, &after)])?;
    }
    let added = store::referrals::insert_digests(conn, &before, door.digests)?;
    if added > 0 || is_known_now {
        matching::queue_again(conn, &before, context.now)?;
    }
    let reopened = (meeting == Meeting::Reopens).then_some(ReopenReason::PersonReturned.as_str());
    let reason = reopened.or(new.late_reason.map(|reason| reason.as_str()));
    // Recorded also when it changes nothing: that the person was here is what happened.
    let change = Change::of_referral(OPERATION, &before, &after).because(reason).touching("match", added > 0);
    record(conn, context, [change])?;
    coded.referral = after;
    Ok(Joined::Here(Box::new(coded)))
}

/// The referral once its person is there.
fn joined(
    door: &Door<'_>,
    before: &ReferralRow,
    meeting: Meeting,
    study: StudyStatus,
    route: Option<&RouteContext>,
) -> Result<ReferralRow, AppError> {
    let terms = referral_route::due_terms(route.map(|route| &route.route), door.site);
    let state = state_of(before);
    let resumed = referral_state::resume(&state);
    let waited = stand_of(before).waits_for() == Some(Blocker::AwaitingPersonReply);
    let held = door.withdrawn && before.status != ReferralStatus::Quarantined;
    let decided = match meeting {
        Meeting::Reopens => referral_state::decide(&state, &RETURNED).map_err(|_| AppError::new(ErrorCode::Overloaded))?,
        _ if held => Move { status: ReferralStatus::Quarantined, ..resumed },
        _ if waited && before.status != ReferralStatus::Quarantined => resumed,
        _ => return Ok(before.clone()),
    };
    let mut change = arriving(before, &decided, study, &terms, door.context.now);
    if held && meeting == Meeting::Joins {
        change.quarantine_reason = Some(QuarantineReason::ContactWithdrawn);
    }
    let mut after = before.clone();
    apply(&mut after, change);
    if meeting == Meeting::Reopens {
        let preferred = referral_route::preferred_owners(before, route.map(|route| &route.route));
        after.owner_id = door.heirs.choose(&preferred);
    }
    Ok(after)
}

/// What its owner is told: the person is there, or back.
fn arrived(context: &Context, referral: &ReferralRow) -> NewAlert {
    NewAlert {
        site_id: referral.site_id,
        id: AlertId::at(context.now),
        member_id: referral.owner_id,
        kind: AlertKind::ReferralReceived,
        referral_id: Some(referral.id),
        created_at: context.now,
    }
}
