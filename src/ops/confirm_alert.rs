//! Confirming an alert: its member has it. Nothing of it is sent any more.

use super::Context;
use super::record::{Change, record};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::ids::AlertId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::AlertRow;

/// The alert, for a caller who may see it: its member, or an admin.
///
/// # Errors
/// 404 for an unknown alert, and for another member's unless by an admin.
pub fn visible(context: &Context, alert: Option<AlertRow>) -> Result<AlertRow, AppError> {
    let sees = |alert: &AlertRow| match &context.actor {
        Actor::Staff(staff) => staff.role == Role::Admin || staff.member == alert.member_id,
        _ => false,
    };
    alert.filter(sees).ok_or_else(AppError::not_found)
}

/// Confirms it; once more changes nothing.
///
/// # Errors
/// 404 for an alert that the caller does not see, 403 for an admin who is not its member.
pub fn run(conn: &mut Conn, context: &Context, id: AlertId) -> Result<AlertRow, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let alert = visible(context, store::alerts::lock(conn, scope, id)?)?;
    if context.actor.member() != Some(alert.member_id) {
        return Err(AppError::new(ErrorCode::Forbidden).with_detail(
            "An alert is confirmed by the member that it was sent to, with its own token: nobody else can say that it arrived.",
        ));
    }
    if alert.confirmed_at.is_some() {
        return Ok(alert);
    }
    store::alerts::confirm(conn, scope, id, now)?;
    store::alerts::deliveries::cancel(conn, scope, None, &[id], now)?;
    let confirmed = AlertRow { confirmed_at: Some(now), ..alert };
    let after = Facts::new().time("confirmed_at", confirmed.confirmed_at);
    record(conn, context, [Change::new("confirm_alert", SubjectKind::Alert, id.0, Facts::new(), after)])?;
    Ok(confirmed)
}
