//! Taking the values out of an audit entry, for cause. The entry stays with its place, and so does the chain: values enter it as a digest
//! under a salt that goes with them, so that nothing is left by which they could be guessed.

use super::record::{Change, record};
use super::{Context, drop_journal_month};
use crate::db::Conn;
use crate::domain::ids::AuditId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::RedactionReason;
use crate::error::AppError;
use crate::store;

/// Takes them out and records who did so and why; `false` when the site has no such entry, its values are gone already, or it says that months
/// were dropped, which the chain has to go on saying. The connection is the owner's: the server's role changes nothing of the trail.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, entry: AuditId, reason: RedactionReason) -> Result<bool, AppError> {
    if !store::journal::redact(conn, &context.scope, entry, drop_journal_month::OPERATION)? {
        return Ok(false);
    }
    let change = Change::made("redact_audit_entry", SubjectKind::AuditEntry, entry.0, Facts::new());
    record(conn, context, [change.because(Some(reason.as_str()))])?;
    Ok(true)
}
