//! One action on many referrals: reassign them, or move them. Each row decides for itself, as it would alone; what may be done is
//! done in one transaction, with one statement for all rows.

use std::collections::{BTreeMap, BTreeSet};

use super::heir::Heirs;
use super::open_work::given_to;
use super::record::{Change, record};
use super::transition_referral::{self, state_of};
use super::{Context, referral_route};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{MemberId, ReferralId, RouteId, StudyId};
use crate::domain::referral_state::{self, Request, TransitionReason};
use crate::domain::standstill;
use crate::domain::vocabulary::{PlanReason, ReferralStatus, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;

/// What to do with each.
#[derive(Debug, Clone, Copy)]
pub enum BulkAction {
    /// Give it to this member.
    Reassign {
        /// To whom.
        owner: MemberId,
        /// Why.
        reason: PlanReason,
    },
    /// Move it.
    Transition(Request),
}

/// One referral of the request.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which.
    pub id: ReferralId,
    /// The version that the caller read; `None`: whatever is there now.
    pub version: Option<i32>,
}

/// What became of one.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub id: ReferralId,
    /// Its version now; `None`: there is none for this caller.
    pub version: Option<i32>,
    /// Why it was not done.
    pub refused: Option<AppError>,
}

/// Does it to every referral that allows it; answers what became of each, in the order of the request.
///
/// # Errors
/// 422 with every fault of the request itself, for which no referral is touched.
pub fn run(conn: &mut Conn, context: &Context, action: &BulkAction, wanted: &[Wanted]) -> Result<Vec<Outcome>, AppError> {
    let scope = &context.scope;
    // The member before the referrals: whoever deactivates a member meets them in this order too.
    let mut faults = faults(conn, context, action)?;
    faults.extend(repeated(wanted));
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let ids: Vec<ReferralId> = wanted.iter().map(|row| row.id).collect();
    let ground = match action {
        BulkAction::Reassign { .. } => None,
        BulkAction::Transition(request) => Some(Ground::load(conn, context, request, &ids)?),
    };
    let locked = store::referrals::lock_rows(conn, scope, context.actor.is_test(), &ids)?;
    let locked: BTreeMap<ReferralId, ReferralRow> = locked.into_iter().map(|row| (row.id, row)).collect();

    let (mut outcomes, mut written, mut recorded) = (Vec::with_capacity(wanted.len()), Vec::new(), Vec::new());
    for row in wanted {
        let Some(before) = locked.get(&row.id) else {
            outcomes.push(Outcome { id: row.id, version: None, refused: Some(AppError::not_found()) });
            continue;
        };
        match decide(context, action, ground.as_ref(), before, row.version) {
            Ok(after) => {
                outcomes.push(Outcome { id: row.id, version: Some(after.version), refused: None });
                if after.version != before.version {
                    let change = Change::of_referral("create_bulk_action", before, &after).because(reason(action));
                    recorded.push(change);
                    written.push(after);
                }
            }
            Err(error) => outcomes.push(Outcome { id: row.id, version: Some(before.version), refused: Some(error) }),
        }
    }
    if !written.is_empty() {
        store::referrals::write_all(conn, &written)?;
        record(conn, context, recorded)?;
    }
    Ok(outcomes)
}

const fn reason(action: &BulkAction) -> Option<&'static str> {
    match action {
        BulkAction::Reassign { reason, .. } => Some(reason.as_str()),
        BulkAction::Transition(Request { reason: Some(reason), .. }) => Some(reason.as_str()),
        BulkAction::Transition(_) => None,
    }
}

/// What is wrong with the action, whatever referrals it is for.
fn faults(conn: &mut Conn, context: &Context, action: &BulkAction) -> Result<Vec<Fault>, AppError> {
    Ok(match action {
        BulkAction::Reassign { owner, .. } => {
            let unknown = store::members::find_owners(conn, &context.scope, &[*owner])?.is_empty();
            let message = "No active admin or coordinator of the site has this id.";
            let fault = unknown.then(|| Fault::new("/reassign/owner_id", FaultCode::UnknownReference, message));
            fault.into_iter().collect()
        }
        BulkAction::Transition(request) if request.reason == Some(TransitionReason::PersonRequestedNoContact) => {
            let message = "This reason also withdraws permission to contact, of each person for itself. Close these referrals one by one, with `transition_referral`.";
            vec![Fault::new("/transition/reason", FaultCode::Inconsistent, message)]
        }
        BulkAction::Transition(request) => {
            let fault = referral_state::never(request).and_then(transition_referral::fault);
            fault.map(|(field, code, message)| Fault::new(format!("/transition/{field}"), code, message)).into_iter().collect()
        }
    })
}

/// The places at which a referral is named again.
fn repeated(wanted: &[Wanted]) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let again = wanted.iter().enumerate().filter(|(_, row)| !seen.insert(row.id));
    let fault = |index| Fault::new(format!("/referrals/{index}/id"), FaultCode::DuplicateItem, "Name each referral once.");
    again.map(|(index, _)| fault(index)).collect()
}

/// What moves depend on beside the referral: looked up once for all.
struct Ground {
    site: SiteRow,
    routes: BTreeMap<RouteId, RouteRow>,
    /// The states of the studies that the move may bring something into flight for, held; a pause comes before or after.
    studies: BTreeMap<StudyId, StudyStatus>,
    /// Who may take what opens again; `None` when the move opens nothing.
    heirs: Option<Heirs>,
}

impl Ground {
    /// Before the referrals' own locks, since members come first. An owner who is another by then is not among the heirs, and
    /// the next one takes it.
    fn load(conn: &mut Conn, context: &Context, request: &Request, ids: &[ReferralId]) -> Result<Self, AppError> {
        let scope = &context.scope;
        let site = store::sites::current(conn, scope)?;
        let referrals = store::referrals::load_rows(conn, scope, ids)?;
        let routes: BTreeSet<RouteId> = referrals.iter().filter_map(|referral| referral.route_id).collect();
        let routes = store::routes::load_rows(conn, scope, &routes.into_iter().collect::<Vec<_>>())?;
        let reopens = request.to == ReferralStatus::Received && request.reason.is_some();
        let heirs = if reopens {
            let owners = referrals.iter().map(|referral| referral.owner_id);
            let of_routes = routes.iter().flat_map(|route| [route.owner_id, route.backup_owner_id]);
            let candidates: BTreeSet<MemberId> = owners.chain(of_routes).collect();
            Some(Heirs::hold(conn, context, &candidates.into_iter().collect::<Vec<_>>())?)
        } else {
            None
        };
        let studies = if standstill::in_flight(request.to) {
            let of_referrals: BTreeSet<StudyId> = referrals.iter().map(|referral| referral.study_id).collect();
            store::studies::hold(conn, scope, &of_referrals.into_iter().collect::<Vec<_>>())?
        } else {
            Vec::new()
        };
        let routes = routes.into_iter().map(|route| (route.id, route)).collect();
        Ok(Self { site, routes, studies: studies.into_iter().collect(), heirs })
    }
}

/// A locked referral as it is afterwards; unchanged, with its version, where there is nothing to do.
fn decide(
    context: &Context,
    action: &BulkAction,
    ground: Option<&Ground>,
    before: &ReferralRow,
    read: Option<i32>,
) -> Result<ReferralRow, AppError> {
    if read.is_some_and(|read| read != before.version) {
        return Err(AppError::new(ErrorCode::StaleVersion));
    }
    match (action, ground) {
        (BulkAction::Reassign { .. }, _) if before.status == ReferralStatus::Closed => {
            Err(AppError::new(ErrorCode::StateConflict)
                .with_detail("A closed referral waits for nobody, so that it is not reassigned. Reopen it to work on it."))
        }
        (BulkAction::Reassign { owner, .. }, _) if before.owner_id == *owner => Ok(before.clone()),
        (BulkAction::Reassign { owner, .. }, _) => Ok(given_to(before, *owner, context.now)),
        (BulkAction::Transition(request), Some(ground)) => moved(context, request, ground, before),
        (BulkAction::Transition(_), None) => Err(AppError::internal("a move without its ground")),
    }
}

fn moved(context: &Context, request: &Request, ground: &Ground, before: &ReferralRow) -> Result<ReferralRow, AppError> {
    let state = state_of(before);
    let decided = referral_state::decide(&state, request).map_err(|refusal| transition_referral::refuse(&state, refusal))?;
    transition_referral::check_waits_for_somebody(before, decided.blocker).map_err(|fault| AppError::invalid(vec![fault]))?;
    let study = ground.studies.get(&before.study_id).copied().unwrap_or(StudyStatus::Open);
    if transition_referral::is_held_back(before, study, request.to) {
        return Err(transition_referral::held_back());
    }
    let route = before.route_id.and_then(|route| ground.routes.get(&route));
    let terms = referral_route::due_terms(route, &ground.site);
    let change = transition_referral::arriving(before, &decided, study, &terms, context.now);
    let mut after = before.clone();
    transition_referral::apply(&mut after, change);
    if let (Some(_), Some(heirs)) = (decided.reopen_reason, &ground.heirs) {
        after.owner_id = heirs.choose(&referral_route::preferred_owners(before, route));
    }
    Ok(after)
}
