//! Revoking an approved process: what it opened is closed at once.

use super::record::{Change, record};
use super::{Context, Expected, facts, language_draft};
use crate::db::Conn;
use crate::domain::approved_process::ProcessRevocationReason;
use crate::domain::ids::ApprovedProcessId;
use crate::domain::journal::SubjectKind;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::approved_processes::{ApprovedProcessRow, ProcessContext};

/// Revokes a process, also one whose days are to come or over.
///
/// # Errors
/// 404 for an unknown process, 412 when it has changed since it was read, 409 when it is revoked already.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ApprovedProcessId,
    expected: &Expected,
    reason: ProcessRevocationReason,
) -> Result<ProcessContext, AppError> {
    let scope = &context.scope;
    let member = language_draft::member(context)?;
    let before = store::approved_processes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.version)?;
    if before.revoked_at.is_some() {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This process is revoked already. Record another one."));
    }
    let after = ApprovedProcessRow {
        revoked_at: Some(context.now),
        revoked_by: Some(member),
        revocation_reason: Some(reason),
        version: before.version + 1,
        updated_at: context.now,
        ..before.clone()
    };
    store::approved_processes::revoke(conn, scope, &after)?;
    let (was, is) = (facts::of_approved_process(&before), facts::of_approved_process(&after));
    let change = Change::new("revoke_approved_process", SubjectKind::ApprovedProcess, id.0, was, is);
    record(conn, context, [change.because(reason.as_str())])?;
    store::approved_processes::find(conn, scope, id)?.ok_or_else(AppError::not_found)
}
