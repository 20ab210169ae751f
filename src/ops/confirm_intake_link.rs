//! A person says that the intake link of a test run leads to the right place.

use super::record::{Change, record};
use super::{Context, Expected, advance_test_run, cancel_test_run, facts};
use crate::db::Conn;
use crate::domain::ids::TestRunId;
use crate::domain::journal::SubjectKind;
use crate::domain::test_run::{Step, TestRunStatus, TestStep};
use crate::error::AppError;
use crate::store;
use crate::store::test_runs::TestRun;

/// Passes the step of an open run, and goes on with it.
///
/// # Errors
/// 404 for an unknown run, 412 when it has changed since it was read, 409 when it has ended.
pub fn run(conn: &mut Conn, context: &Context, id: TestRunId, expected: &Expected) -> Result<TestRun, AppError> {
    let before = store::test_runs::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.run.version)?;
    if before.run.status != TestRunStatus::Open {
        return Err(cancel_test_run::ended());
    }
    let passed = [Step::passed(TestStep::IntakeLink, context.now)];
    let mut after = before.clone();
    after.run.version += 1;
    after.learn(&passed);
    store::test_runs::write(conn, &context.scope, &after, &passed)?;
    let (was, is) = (facts::of_test_run(&before), facts::of_test_run(&after));
    record(conn, context, [Change::new("confirm_test_run", SubjectKind::TestRun, id.0, was, is)])?;
    Ok(advance_test_run::run(conn, context, id)?.unwrap_or(after))
}
