//! Opening a test run of a route: from now on the partner's test key may send the test referral.

use super::record::{Change, record};
use super::{Context, advance_test_run, facts};
use crate::db::Conn;
use crate::domain::ids::{RouteId, TestRunId};
use crate::domain::journal::SubjectKind;
use crate::domain::launch;
use crate::domain::test_run::{self, Step, TestPersona, TestRunStatus, TestStep};
use crate::domain::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::routes::{RouteChanges, RouteRow};
use crate::store::test_runs::{TestRun, TestRunRow};

const OPERATION: &str = "create_test_referral";

/// Opens a run; one that was open on the route is cancelled. A draft is `testing` from now on; a launched route keeps its traffic.
///
/// # Errors
/// 404 for an unknown route, 409 when it is retired, its study is closed, or its partner has not acknowledged language yet or has ended.
pub fn run(conn: &mut Conn, context: &Context, id: RouteId, persona: Option<TestPersona>) -> Result<TestRun, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let locked = store::routes::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let route = store::routes::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let against = match (locked.status, route.partner_status, route.study_status) {
        (RouteStatus::Retired, _, _) => Some("A retired route is not tested. Configure a new one."),
        (_, PartnerStatus::Draft | PartnerStatus::LanguagePending, _) => Some(
            "The partner acknowledges the study's approved language first. Then move it to `test_pending`, and test the route.",
        ),
        (_, PartnerStatus::Ended, _) => Some("The partner has ended. Nothing of it is tested any more."),
        (_, _, StudyStatus::Closed) => Some("The study is closed. Nothing is tested for it any more."),
        _ => None,
    };
    if let Some(against) = against {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail(against));
    }
    let mut recorded = Vec::new();
    for before in store::test_runs::lock_open_of_routes(conn, scope, &[id])? {
        advance_test_run::end(conn, context, OPERATION, &before, TestRunStatus::Cancelled)?;
    }
    recorded.extend(begin_testing(conn, context, &locked)?);
    let opened_by = context.actor.member().ok_or_else(|| AppError::internal("a test run without a member"))?;
    let site = store::sites::current(conn, scope)?;
    let run = TestRun {
        run: TestRunRow {
            site_id: scope.site(),
            id: TestRunId::at(now),
            route_id: id,
            partner_id: locked.partner_id,
            persona,
            configuration_hash: locked.configuration(&site).hash(),
            status: TestRunStatus::Open,
            opened_by,
            opened_at: now,
            expires_at: now + test_run::OPEN_FOR,
            ended_at: None,
            referral_id: None,
            copy_referral_id: None,
            alert_id: None,
            looked_at: None,
            version: 1,
        },
        steps: TestStep::ALL.iter().copied().map(Step::waiting).collect(),
    };
    if !store::test_runs::insert(conn, &run)? {
        return Err(AppError::internal("another open run of a locked route"));
    }
    recorded.push(Change::made(OPERATION, SubjectKind::TestRun, run.run.id.0, facts::of_test_run(&run)));
    record(conn, context, recorded)?;
    Ok(run)
}

/// A draft is in its test from its first run on.
fn begin_testing(conn: &mut Conn, context: &Context, route: &RouteRow) -> Result<Option<Change>, AppError> {
    let Some(status) = launch::tested(route.status) else { return Ok(None) };
    let changes =
        RouteChanges { status: Some(status), version: route.version + 1, updated_at: context.now, ..RouteChanges::default() };
    store::routes::update(conn, &context.scope, route.id, &changes)?;
    let after = RouteRow { status, version: route.version + 1, ..route.clone() };
    let (was, is) = (facts::of_route(route), facts::of_route(&after));
    Ok(Some(Change::new(OPERATION, SubjectKind::Route, route.id.0, was, is)))
}
