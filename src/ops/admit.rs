//! Whether a route takes a referral now: asked before (preflight), and decided when one comes. Both ask `domain::admission`.

use super::Context;
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::admission::{Gate, Obstacle, obstacles};
use crate::domain::calendar;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::LanguageVersionId;
use crate::domain::language_standing::Standing;
use crate::domain::vocabulary::{Channel, LateReason};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

/// What the decision is about.
fn gate(route: &RouteContext, language: Standing, has_room: bool) -> Gate<'_> {
    Gate {
        route: route.route.status,
        study: route.study_status,
        partner: route.partner_status,
        channels: &route.route.channels.0,
        language_stands: language.lets_in(),
        has_room,
    }
}

/// Where the route's partner stands with the study's language today.
pub(super) fn language(conn: &mut Conn, context: &Context, site: &SiteRow, route: &RouteContext) -> Result<Standing, AppError> {
    let (partner, study) = (route.route.partner_id, route.route.study_id);
    Ok(store::language_versions::standing(conn, &context.scope, partner, study, site.day_of(context.now))?)
}

/// Rule 2: nothing live on a route that is not open for it. Answers the language version by which the partner refers.
///
/// # Errors
/// 409 or 422 with the obstacle that [`decide`] finds.
pub(super) fn admit(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    route: &RouteContext,
    channel: Channel,
    late_reason: Option<LateReason>,
) -> Result<Option<LanguageVersionId>, AppError> {
    decide(conn, context, site, route, channel, late_reason)?.map_err(refusal)
}

/// What stands against a live referral on this route first, or the language version by which the partner refers; staff may still
/// record what happened, with its reason. Where nothing stands against it and the route has a monthly capacity, this counts the
/// referral, and whoever comes next waits for the end of the transaction: the count is rolled back with a referral that is not kept.
/// The caller holds route, partner and study, so that nothing of it changes meanwhile.
///
/// # Errors
/// A database failure.
pub(super) fn decide(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    route: &RouteContext,
    channel: Channel,
    late_reason: Option<LateReason>,
) -> Result<Result<Option<LanguageVersionId>, Obstacle>, AppError> {
    let language = language(conn, context, site, route)?;
    if let Some(obstacle) = in_the_way(context, route, language, channel, late_reason) {
        return Ok(Err(obstacle));
    }
    if let Some(capacity) = route.route.monthly_capacity {
        let month = calendar::month_of(context.now, site.zone());
        let limit = if is_late(context, late_reason) { i32::MAX } else { capacity };
        if !store::route_counts::count_one(conn, &route.route, month, limit)? {
            return Ok(Err(Obstacle::NoCapacity));
        }
    }
    Ok(Ok(language.version()))
}

/// Whether staff records what happened, which nothing stands against.
pub(super) const fn is_late(context: &Context, late_reason: Option<LateReason>) -> bool {
    matches!(context.actor, Actor::Staff(_)) && late_reason.is_some()
}

/// What stands against a referral first, its route's capacity aside.
pub(super) fn in_the_way(
    context: &Context,
    route: &RouteContext,
    language: Standing,
    channel: Channel,
    late_reason: Option<LateReason>,
) -> Option<Obstacle> {
    if is_late(context, late_reason) { None } else { obstacles(&gate(route, language, true), channel).first().copied() }
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
    let language = language(conn, context, site, route)?;
    let has_room = match route.route.monthly_capacity {
        None => true,
        Some(capacity) => {
            let month = calendar::month_of(context.now, site.zone());
            store::route_counts::counted(conn, &context.scope, &route.route, month)? < capacity
        }
    };
    Ok(obstacles(&gate(route, language, has_room), channel))
}

/// The fault of a channel that the route does not list.
pub(super) fn channel_not_listed() -> Fault {
    let message = "This handoff route does not list the channel. Use one of the route's channels.";
    Fault::new("/channel", FaultCode::Inconsistent, message)
}

fn refusal(obstacle: Obstacle) -> AppError {
    match obstacle {
        Obstacle::RouteNotLaunched | Obstacle::RoutePaused | Obstacle::RetestNeeded => AppError::new(ErrorCode::RouteNotLaunched),
        Obstacle::StudyNotOpen => AppError::new(ErrorCode::StudyNotOpen),
        Obstacle::PartnerNotActive => AppError::new(ErrorCode::PartnerNotActive),
        Obstacle::ChannelNotListed => AppError::invalid(vec![channel_not_listed()]),
        Obstacle::LanguageLapsed => AppError::new(ErrorCode::LanguageLapsed),
        Obstacle::NoCapacity => AppError::new(ErrorCode::RouteAtCapacity),
    }
}
