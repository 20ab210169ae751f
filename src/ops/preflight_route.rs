//! Asking whether a route would take a referral now. Nothing is written, and nothing about a person is asked.

use chrono::{DateTime, Utc};

use super::{Context, admit, no_route};
use crate::db::Conn;
use crate::domain::admission::PreflightState;
use crate::domain::calendar;
use crate::domain::text::Code;
use crate::domain::vocabulary::Channel;
use crate::error::{AppError, ErrorCode};
use crate::store;

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The partner's code; from the site only.
    pub partner: Option<Code>,
    /// The study's code.
    pub study: Code,
    /// How a person would come.
    pub channel: Channel,
}

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Whether a referral would be taken, or what stands against it first.
    pub state: PreflightState,
    /// From when on there is room again, where that is all that is missing.
    pub again_at: Option<DateTime<Utc>>,
}

/// Answers as a referral would be, at this moment.
///
/// # Errors
/// 422 when no route is meant, 403 for a test key.
pub fn run(conn: &mut Conn, context: &Context, question: &Question) -> Result<Standing, AppError> {
    if context.actor.is_test() {
        return Err(AppError::new(ErrorCode::NoOpenTestRun));
    }
    let scope = &context.scope;
    let route = store::routes::find_by_codes(conn, scope, question.partner.as_ref(), &question.study)?;
    let mut faults = no_route::site_fields(context, &[("/partner", question.partner.is_some())]);
    let Some(route) = route else {
        faults.push(no_route::fault(conn, context, question.partner.as_ref())?);
        return Err(AppError::invalid(faults));
    };
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let site = store::sites::current(conn, scope)?;
    let state = PreflightState::of(admit::standing(conn, context, &site, &route, question.channel)?.first().copied());
    let again_at = (state == PreflightState::NoCapacity)
        .then(|| calendar::next_start(calendar::month_of(context.now, site.zone()), site.zone()));
    Ok(Standing { state, again_at })
}
