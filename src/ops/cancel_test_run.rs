//! Ending a test run before its last step.

use super::{Context, Expected, advance_test_run};
use crate::db::Conn;
use crate::domain::ids::TestRunId;
use crate::domain::test_run::TestRunStatus;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::test_runs::TestRun;

/// Cancels an open run.
///
/// # Errors
/// 404 for an unknown run, 412 when it has changed since it was read, 409 when it has ended.
pub fn run(conn: &mut Conn, context: &Context, id: TestRunId, expected: &Expected) -> Result<TestRun, AppError> {
    let before = store::test_runs::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.run.version)?;
    if before.run.status != TestRunStatus::Open {
        return Err(ended());
    }
    advance_test_run::end(conn, context, "cancel_test_run", &before, TestRunStatus::Cancelled)
}

/// 409 for a run that has come to its end.
pub(super) fn ended() -> AppError {
    AppError::new(ErrorCode::StateConflict).with_detail("This test run has ended. Open another one for the route.")
}
