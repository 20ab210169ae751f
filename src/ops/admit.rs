//! Whether a route takes a referral now: asked before (preflight), and decided when one comes. Both ask `domain::admission`.

use super::Context;
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::admission::{Gate, Obstacle, obstacles};
use crate::domain::capacity;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::vocabulary::{Channel, LateReason};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

/// What the decision is about.
fn gate(route: &RouteContext, has_room: bool) -> Gate<'_> {
    Gate {
        route: route.route.status,
        study: route.study_status,
        partner: route.partner_status,
        channels: &route.route.channels.0,
        // Nothing lets language lapse yet.
        language_stands: true,
        has_room,
    }
}

/// Rule 2: nothing live on a route that is not open for it; staff may still record what happened, with its reason. On a route with a
/// monthly capacity this counts the referral, whoever records it, and whoever comes next waits for the end of the transaction: the
/// count is rolled back with a referral that is not kept.
///
/// # Errors
/// 409 or 422 with the first obstacle.
pub(super) fn admit(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    route: &RouteContext,
    channel: Channel,
    late_reason: Option<LateReason>,
) -> Result<(), AppError> {
    let has_room = match route.route.monthly_capacity {
        None => true,
        Some(capacity) => {
            let month = capacity::month_of(context.now, site.zone());
            store::route_counts::count_one(conn, &route.route, month)? <= capacity
        }
    };
    if matches!(context.actor, Actor::Staff(_)) && late_reason.is_some() {
        return Ok(());
    }
    obstacles(&gate(route, has_room), channel).first().map_or(Ok(()), |obstacle| Err(refusal(*obstacle)))
}

/// What stands against a referral over this channel now, without counting one.
///
/// # Errors
/// A database failure.
pub(super) fn standing(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    route: &RouteContext,
    channel: Channel,
) -> Result<Vec<Obstacle>, AppError> {
    let has_room = match route.route.monthly_capacity {
        None => true,
        Some(capacity) => {
            let month = capacity::month_of(context.now, site.zone());
            store::route_counts::counted(conn, &context.scope, &route.route, month)? < capacity
        }
    };
    Ok(obstacles(&gate(route, has_room), channel))
}

fn refusal(obstacle: Obstacle) -> AppError {
    match obstacle {
        Obstacle::RouteNotLaunched | Obstacle::RoutePaused | Obstacle::RetestNeeded => AppError::new(ErrorCode::RouteNotLaunched),
        Obstacle::StudyNotOpen => AppError::new(ErrorCode::StudyNotOpen),
        Obstacle::PartnerNotActive => AppError::new(ErrorCode::PartnerNotActive),
        Obstacle::ChannelNotListed => AppError::invalid(vec![Fault::new(
            "/channel",
            FaultCode::Inconsistent,
            "This handoff route does not list the channel. Use one of the route's channels.",
        )]),
        Obstacle::LanguageLapsed => AppError::new(ErrorCode::LanguageLapsed),
        Obstacle::NoCapacity => AppError::new(ErrorCode::RouteAtCapacity),
    }
}
