//! What a member is responsible for: open referrals, and routes that are not retired.
//!
//! The caller has locked the member, so that nobody gives it more (`store::members::find_owners`). Routes are locked before
//! referrals: whoever creates a referral holds its route, and has either finished or waits and then finds the new owner.

use chrono::{DateTime, Utc};

use super::record::Change;
use super::route_configurations::Changed;
use super::{Context, facts, void_proofs};
use crate::db::Conn;
use crate::domain::escalation;
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::journal::SubjectKind;
use crate::error::{AppError, ErrorCode, OpenWork};
use crate::store;
use crate::store::referrals::{ReferralRow, Times};
use crate::store::routes::RouteRow;

/// Refuses when the member has open work.
///
/// # Errors
/// 409 with the list of it.
pub(super) fn refuse(conn: &mut Conn, context: &Context, member: MemberId) -> Result<(), AppError> {
    let scope = &context.scope;
    let routes = store::routes::lock_of_owner(conn, scope, member)?;
    let first = i64::try_from(OpenWork::LISTED).unwrap_or(i64::MAX);
    let (referrals_total, referrals) = store::referrals::open_of_owner(conn, scope, member, first)?;
    if routes.is_empty() && referrals_total == 0 {
        return Ok(());
    }
    let work = OpenWork { referrals, referrals_total, ..of_routes(routes.iter().map(|route| route.id)) };
    Err(AppError::new(ErrorCode::OpenWork).with_open_work(work))
}

/// Gives all of it to another member who may own work; answers what is to be recorded.
///
/// # Errors
/// 409 with the routes that the other member stands on already: owner and backup owner must differ.
pub(super) fn hand_over(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    from: MemberId,
    to: MemberId,
) -> Result<Vec<Change>, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let site = store::sites::hold(conn, scope)?;
    let routes = store::routes::lock_of_owner(conn, scope, from)?;
    let both = routes.iter().filter(|route| [route.owner_id, route.backup_owner_id].contains(&to));
    let both = of_routes(both.map(|route| route.id));
    if both.routes_total > 0 {
        return Err(AppError::new(ErrorCode::OpenWork).with_open_work(both).with_detail(
            "Owner and backup owner of a route must differ, and the member in `reassign_to` is the other of the two on these routes. Nothing was changed. Change those routes first, or name somebody else.",
        ));
    }
    if !routes.is_empty() {
        let ids: Vec<RouteId> = routes.iter().map(|route| route.id).collect();
        store::routes::replace_owner(conn, scope, &ids, from, to, now)?;
    }
    let referrals = store::referrals::lock_open_of_owner(conn, scope, from)?;
    let given: Vec<ReferralRow> = referrals.iter().map(|before| given_to(before, to, now)).collect();
    store::referrals::write_all(conn, &given)?;
    // The rows are locked, so that what was written is known without another reading.
    let instead = |member: MemberId| if member == from { to } else { member };
    let after = routes.iter().map(|before| {
        let (owner_id, backup_owner_id) = (instead(before.owner_id), instead(before.backup_owner_id));
        RouteRow { owner_id, backup_owner_id, version: before.version + 1, updated_at: now, ..before.clone() }
    });
    let after: Vec<RouteRow> = after.collect();
    let both = || routes.iter().zip(&after);
    let changed: Vec<_> =
        both().map(|(before, route)| Changed { before: Some(before.configuration(&site).hash()), route }).collect();
    let voided = void_proofs::run(conn, context, operation, &site, &changed)?;
    let routes = both().map(|(before, after)| {
        let (was, is) = (facts::of_route(before), facts::of_route(after));
        Change::new(operation, SubjectKind::Route, before.id.0, was, is)
    });
    let referrals = referrals.iter().zip(&given).map(|(before, after)| Change::of_referral(operation, before, after));
    Ok(routes.chain(voided).chain(referrals).collect())
}

/// An open referral as it is once it was given to an owner: the escalation begins anew with it.
pub(super) fn given_to(referral: &ReferralRow, owner: MemberId, now: DateTime<Utc>) -> ReferralRow {
    ReferralRow {
        owner_id: owner,
        escalation: None,
        version: referral.version + 1,
        times: Times {
            escalate_at: escalation::starts(
                referral.status,
                referral.blocker,
                referral.is_test,
                referral.times.next_action_due_at,
            ),
            updated_at: now,
            ..referral.times
        },
        ..referral.clone()
    }
}

/// Routes alone, as far as a problem lists them.
fn of_routes(ids: impl Iterator<Item = RouteId>) -> OpenWork {
    let mut routes: Vec<RouteId> = ids.collect();
    let routes_total = i64::try_from(routes.len()).unwrap_or(i64::MAX);
    routes.truncate(OpenWork::LISTED);
    OpenWork { referrals: Vec::new(), referrals_total: 0, routes, routes_total }
}
