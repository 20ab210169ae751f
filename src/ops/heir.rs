//! Who owns a referral that begins: a new one, one that is opened again, or one recorded late on a retired route. Whoever stands
//! first may have been deactivated since, or be away; then the next takes it, and last the site lead.

use super::Context;
use crate::db::{Answered, Conn, beyond_partner};
use crate::domain::coverage::{self, Candidate};
use crate::domain::ids::MemberId;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::members::OwnerRow;
use crate::store::routes::RouteRow;

/// The members who may take something over, looked up and held once, for one referral or for many.
pub(super) struct Heirs {
    able: Vec<OwnerRow>,
    lead: MemberId,
}

impl Heirs {
    /// Looks up these members and the site lead. Whoever of them is able keeps that until the transaction ends.
    ///
    /// # Errors
    /// A database failure; 503 when the lead changes hands at this very moment: the same request again finds the new one.
    pub(super) fn hold(conn: &mut Conn, context: &Context, members: &[MemberId]) -> Result<Self, AppError> {
        let able = store::members::find_owners_and_lead(conn, &context.scope, members, context.now)?;
        let lead = able.iter().find(|owner| owner.is_site_lead).map(|owner| owner.id);
        let lead = lead.ok_or_else(|| AppError::new(ErrorCode::Overloaded))?;
        Ok(Self { able, lead })
    }

    /// The first of these who is able and there, or else the site lead.
    pub(super) fn choose(&self, preferred: &[MemberId]) -> MemberId {
        coverage::choose(&candidates(preferred, &self.able), self.lead)
    }
}

/// The first of these who is able and there, or else the site lead. Whoever it is keeps that until the transaction ends.
///
/// # Errors
/// As [`Heirs::hold`].
pub(super) fn find(conn: &mut Conn, context: &Context, preferred: &[MemberId]) -> Result<MemberId, AppError> {
    Ok(Heirs::hold(conn, context, preferred)?.choose(preferred))
}

/// Who owns what comes in on a route that the caller holds and that is not retired. Owner and backup owner keep their places with
/// the route: whoever deactivates one of them waits for it, and then finds the referral. The lead is kept by its own row, and
/// nobody is waited for, since members come before routes: while somebody changes the roster the route's owner takes it, though
/// away, and its escalation brings it on. A partner's request asks the same, in the same steps whatever the answer is, and sees none of it.
///
/// # Errors
/// A database failure.
pub(super) fn of_route(conn: &mut Conn, context: &Context, route: &RouteRow) -> Result<MemberId, AppError> {
    Ok(beyond_partner(conn, &context.scope, |conn| seen_of_route(conn, context, route))?)
}

/// The same for whoever is beyond the partner already.
pub(super) fn seen_of_route(conn: &mut Conn, context: &Context, route: &RouteRow) -> Answered<MemberId> {
    let scope = &context.scope;
    let preferred = [route.owner_id, route.backup_owner_id];
    let found = store::members::read_owners_and_lead(conn, scope, &preferred, context.now)?;
    let lead = found.iter().find(|owner| owner.is_site_lead).map_or(route.owner_id, |owner| owner.id);
    let chosen = coverage::choose(&candidates(&preferred, &found), lead);
    let held = store::members::hold_lead_if(conn, scope, chosen)?;
    Ok(if preferred.contains(&chosen) { chosen } else { held.unwrap_or(route.owner_id) })
}

/// What is known of each; who was not found may not own work.
fn candidates(preferred: &[MemberId], found: &[OwnerRow]) -> Vec<Candidate> {
    let of = |member: &MemberId| {
        let owner = found.iter().find(|owner| owner.id == *member);
        Candidate { member: *member, able: owner.is_some(), away: owner.is_some_and(|owner| owner.is_away) }
    };
    preferred.iter().map(of).collect()
}
