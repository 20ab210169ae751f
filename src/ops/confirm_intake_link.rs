//! A person says that the intake link of a test run leads to the right place.

use super::{Context, Expected, advance_test_run, cancel_test_run};
use crate::db::Conn;
use crate::domain::ids::TestRunId;
use crate::domain::test_run::{Step, TestRunStatus, TestStep};
use crate::error::AppError;
use crate::store;
use crate::store::test_runs::TestRun;

/// Passes the step of an open run.
///
/// # Errors
/// 404 for an unknown run, 412 when it has changed since it was read, 409 when it has ended.
pub fn run(conn: &mut Conn, context: &Context, id: TestRunId, expected: &Expected) -> Result<TestRun, AppError> {
    let before = store::test_runs::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.run.version)?;
    if before.run.status != TestRunStatus::Open {
        return Err(cancel_test_run::ended());
    }
    let passed = Step::passed(TestStep::IntakeLink, context.now);
    advance_test_run::learn(conn, context, "confirm_test_run", before, &[passed])
}
