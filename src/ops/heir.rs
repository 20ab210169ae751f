//! Who owns a referral that opens on its own time: one that is opened again, or recorded late on a retired route. Its owner of
//! then may have been deactivated since.

use super::Context;
use crate::db::Conn;
use crate::domain::ids::MemberId;
use crate::error::{AppError, ErrorCode};
use crate::store;

/// The first of these who may own work, or else the site lead. Whoever it is keeps that until the transaction ends.
///
/// # Errors
/// A database failure; 503 when the lead changes hands at this very moment: the same request again finds the new one.
pub(super) fn find(conn: &mut Conn, context: &Context, preferred: &[MemberId]) -> Result<MemberId, AppError> {
    let able = store::members::find_owners_and_lead(conn, &context.scope, preferred)?;
    let first = preferred.iter().copied().find(|wanted| able.iter().any(|(id, _)| id == wanted));
    let lead = able.iter().find(|(_, is_site_lead)| *is_site_lead).map(|(id, _)| *id);
    first.or(lead).ok_or_else(|| AppError::new(ErrorCode::Overloaded))
}
