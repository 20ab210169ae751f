//! Launching a route of the sample site. Everything there is invented, and so is the test that passed: nobody answers its alerts. At
//! any other site a route is launched by `launch_route` alone.

use super::record::{Change, record};
use super::{Context, Expected, facts, move_route};
use crate::db::Conn;
use crate::domain::ids::{RouteId, TestRunId};
use crate::domain::journal::SubjectKind;
use crate::domain::lifecycle::RouteMove;
use crate::domain::test_run::{self, Step, TestRunStatus, TestStep};
use crate::error::AppError;
use crate::store;
use crate::store::test_runs::{TestRun, TestRunRow};

const OPERATION: &str = "launch_sample_route";

/// Notes a test that passed, and launches the route.
///
/// # Errors
/// A site that is no sample, or a route that cannot be launched.
pub fn run(conn: &mut Conn, context: &Context, id: RouteId) -> Result<(), AppError> {
    let (scope, now) = (&context.scope, context.now);
    let site = store::sites::current(conn, scope)?;
    if !site.is_sample {
        return Err(AppError::internal("a sample route of a site that is no sample"));
    }
    let locked = move_route::lock(conn, context, id, &Expected::Any, RouteMove::Launch)?;
    let opened_by = context.actor.member().ok_or_else(|| AppError::internal("a test run without a member"))?;
    let run = TestRun {
        run: TestRunRow {
            site_id: scope.site(),
            id: TestRunId::at(now),
            route_id: id,
            partner_id: locked.partner_id,
            persona: None,
            configuration_hash: locked.configuration(&site).hash(),
            status: TestRunStatus::Passed,
            opened_by,
            opened_at: now,
            expires_at: now + test_run::OPEN_FOR,
            ended_at: Some(now),
            referral_id: None,
            copy_referral_id: None,
            alert_id: None,
            looked_at: None,
            version: 1,
        },
        steps: TestStep::ALL.iter().map(|step| Step::passed(*step, now)).collect(),
    };
    store::test_runs::insert(conn, &run)?;
    record(conn, context, [Change::made(OPERATION, SubjectKind::TestRun, run.run.id.0, facts::of_test_run(&run))])?;
    move_route::make(conn, context, &locked, RouteMove::Launch).map(drop)
}
