//! What a change of a study or partner makes of its open referrals, written at once. The table is in `domain::standstill`; a route's
//! changes touch nobody, and so has nothing here.
//!
//! The caller has locked what changes, and then the referrals: studies, partners and routes before referrals, everywhere.

use std::collections::BTreeMap;

use super::Context;
use super::record::Change;
use super::transition_referral::{settled, stand_of};
use crate::db::Conn;
use crate::domain::ids::{RouteId, StudyId};
use crate::domain::next_action::DueTerms;
use crate::domain::standstill::{self, outcome};
use crate::domain::vocabulary::StudyStatus;
use crate::error::AppError;
use crate::store;
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteRow;

/// Writes what becomes of these locked referrals, by the state of their study after the change; answers what is to be recorded.
///
/// # Errors
/// A database failure.
pub(super) fn settle(
    conn: &mut Conn,
    context: &Context,
    (operation, change): (&'static str, standstill::Change),
    locked: &[ReferralRow],
    routes: &[RouteRow],
    study: impl Fn(StudyId) -> StudyStatus,
) -> Result<Vec<Change>, AppError> {
    let touched: Vec<_> = locked
        .iter()
        .filter_map(|before| outcome(change, &stand_of(before), study(before.study_id)).map(|outcome| (before, outcome)))
        .collect();
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let site = store::sites::current(conn, &context.scope)?;
    // A calendar is read once for each route, and not for each referral.
    let terms: BTreeMap<RouteId, DueTerms> = routes.iter().map(|route| (route.id, route.due_terms(&site))).collect();
    let of_site = site.due_terms();
    let mut written = Vec::with_capacity(touched.len());
    for (before, outcome) in &touched {
        let terms = match before.route_id {
            Some(route) => terms.get(&route).ok_or_else(AppError::not_found)?,
            None => &of_site,
        };
        written.push(settled(before, outcome, terms, context.now));
    }
    store::referrals::write_all(conn, &written)?;
    let pairs = touched.iter().zip(&written);
    Ok(pairs.map(|((before, _), after)| Change::of_referral(operation, before, after)).collect())
}
