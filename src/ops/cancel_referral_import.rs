//! Ending an import before its time: rows that are not done are forgotten by the job that would have done them, and referrals that were
//! made stay.

use super::record::{Change, record};
use super::{Context, Expected, facts, illegal_move};
use crate::db::Conn;
use crate::domain::ids::ReferralImportId;
use crate::domain::imports::ImportStatus;
use crate::domain::journal::SubjectKind;
use crate::error::AppError;
use crate::store;
use crate::store::referral_imports::ImportRow;

/// Cancels it; between two of its batches, so that no row is done in half.
///
/// # Errors
/// 404, 412, or 409 when it has ended.
pub fn run(conn: &mut Conn, context: &Context, id: ReferralImportId, expected: &Expected) -> Result<ImportRow, AppError> {
    let import = store::referral_imports::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(import.version)?;
    if import.status.has_ended() {
        return Err(illegal_move([]));
    }
    let after = ImportRow {
        status: ImportStatus::Cancelled,
        version: import.version + 1,
        updated_at: context.now,
        ended_at: Some(context.now),
        ..import.clone()
    };
    store::referral_imports::write(conn, &after)?;
    let (was, is) = (facts::of_referral_import(&import), facts::of_referral_import(&after));
    record(conn, context, [Change::new("cancel_referral_import", SubjectKind::ReferralImport, id.0, was, is)])?;
    Ok(after)
}
