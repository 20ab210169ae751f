//! The route that a referral came over, and what follows from it. One that nobody referred came over none: then the site's own
//! settings count.

use super::Context;
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::domain::next_action::DueTerms;
use crate::error::AppError;
use crate::store;
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;

/// The route of a referral; `None`: nobody referred.
///
/// # Errors
/// A database failure, or a route that is not there.
pub(super) fn find(conn: &mut Conn, context: &Context, referral: &ReferralRow) -> Result<Option<RouteRow>, AppError> {
    let Some(id) = referral.route_id else { return Ok(None) };
    let found = store::routes::find(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    Ok(Some(found.route))
}

/// What decides when an action on a referral of this route, or of none, is due.
pub(super) fn due_terms(route: Option<&RouteRow>, site: &SiteRow) -> DueTerms {
    route.map_or_else(|| site.due_terms(), |route| route.due_terms(site))
}

/// As [`due_terms`], for one referral whose route matters for nothing else.
///
/// # Errors
/// As [`find`].
pub(super) fn due_terms_of(
    conn: &mut Conn,
    context: &Context,
    referral: &ReferralRow,
    site: &SiteRow,
) -> Result<DueTerms, AppError> {
    Ok(due_terms(find(conn, context, referral)?.as_ref(), site))
}

/// Who may own a referral, in order: whoever owns it, and whom its route names.
pub(super) fn preferred_owners(referral: &ReferralRow, route: Option<&RouteRow>) -> Vec<MemberId> {
    let of_route = route.into_iter().flat_map(|route| [route.owner_id, route.backup_owner_id]);
    std::iter::once(referral.owner_id).chain(of_route).collect()
}
