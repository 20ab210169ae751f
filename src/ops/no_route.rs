//! What is wrong with a request that names a partner and a study: the same for a referral and for the question before it.

use super::Context;
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::text::Code;
use crate::error::AppError;
use crate::store;

/// Why there is no route: no partner was named, none has the code, or it has no route for the study. A partner learns the
/// last alone, and the same for a study that does not exist.
///
/// # Errors
/// A database failure.
pub(super) fn fault(conn: &mut Conn, context: &Context, partner: Option<&Code>) -> Result<Fault, AppError> {
    let no_route = "There is no handoff route for this study. Check the code, or ask the site.";
    Ok(match (context.actor.partner(), partner) {
        (None, None) => Fault::new("/partner", FaultCode::MissingField, "Send the code of the partner that refers."),
        (None, Some(code)) if store::partners::find_by_code(conn, &context.scope, code)?.is_none() => {
            Fault::new("/partner", FaultCode::UnknownReference, "No partner of the site has this code.")
        }
        _ => Fault::new("/study", FaultCode::UnknownReference, no_route),
    })
}

/// The faults of fields that a partner sent and the site alone may send.
pub(super) fn site_fields(context: &Context, sent: &[(&'static str, bool)]) -> Vec<Fault> {
    let is_partner = context.actor.partner().is_some();
    let message = "Only the site sends this field. Leave it out.";
    let sent = sent.iter().filter(|(_, sent)| is_partner && *sent);
    sent.map(|(pointer, _)| Fault::new(*pointer, FaultCode::Inconsistent, message)).collect()
}
