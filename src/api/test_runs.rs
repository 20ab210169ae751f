//! Test runs: a test referral's way over a route before volume comes, step by step. Staff open them; the partner's test key sends.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for};
use crate::auth::Caller;
use crate::auth::permission::{ReadTestRuns, TestRoutes};
use crate::domain::ids::{RouteId, TestRunId};
use crate::error::AppError;
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::test_runs::{Filter, TestRun};

mod body;

pub use body::{CreateTestReferral, ListTestRuns, PartnerTestRunView, TestRunBody, TestRunPage, TestRunView};

fn reply(run: TestRun, context: &Context) -> Result<Reply, AppError> {
    let version = run.run.version;
    let view = TestRunBody::new(run, &context.actor);
    let etag = tag_for(&context.actor, version, &view)?;
    Reply::ok(&view, etag)
}

/// Open a test run of a route
///
/// The partner then sends the test referral with its test key, by `create_referral`: with the route's `source_tag` and a `match` of its
/// own, and the same once more under another `Idempotency-Key`. It goes the real way: the intake link is looked at, the source
/// recognised, the second copy found, the owner's alert delivered and confirmed, and the backup owner reached by the escalation's own
/// decision. Steps that wait for somebody stay `waiting` for seven days. A run that passes without a `persona` is the proof that a launch
/// needs, for the configuration as it is now. An open run of the route is cancelled.
#[utoipa::path(
    operation_id = "create_test_referral", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route."), OptionalIdempotencyKeyHeader),
    request_body(content = CreateTestReferral, description = "A real run, or a rehearsed outcome."),
    responses(
        (status = 201, description = "Open.", body = TestRunView),
        (status = 409, description = "The route is retired, its study closed, or its partner has ended or not acknowledged language yet (`state_conflict`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/routes/{id}/test-referrals")]
pub async fn create_test_referral(
    caller: Caller<TestRoutes>,
    id: PathId<RouteId>,
    key: OptionalIdempotencyKey,
    body: Body<CreateTestReferral>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (operation, persona) = (format!("create_test_referral:{}", id.0), body.value.persona);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let run = ops::open_test_run::run(conn, context, id.0, persona)?;
        let location = format!("/v1/test-runs/{}", run.run.id);
        let Reply { etag, .. } = reply(run.clone(), context)?;
        Reply::created(&TestRunBody::new(run, &context.actor), etag.unwrap_or_default(), location)
    })
    .await
}

/// List test runs
///
/// Newest first. A partner's test key sees its own that are open.
#[utoipa::path(
    operation_id = "list_test_runs", tag = "routes",
    params(ListTestRuns),
    responses((status = 200, description = "A page of test runs.", body = TestRunPage)),
)]
#[get("/v1/test-runs")]
pub async fn list_test_runs(
    caller: Caller<ReadTestRuns>,
    query: Query<ListTestRuns>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_test_runs", query.cursor.as_deref(), query.limit, &(query.route, query.status))?;
    let filter = Filter { route: query.route, status: query.status };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            Ok(store::test_runs::page(conn, &context.scope, filter, before.map(TestRunId), limit)?)
        },
        |run: &TestRun| run.run.id.0,
        |runs, next_cursor, context| {
            Ok(TestRunPage { data: runs.into_iter().map(|run| TestRunBody::new(run, &context.actor)).collect(), next_cursor })
        },
    )
    .await
}

/// Read a test run
///
/// Each step with its time and result. A partner's test key reads its own while it is open.
#[utoipa::path(
    operation_id = "get_test_run", tag = "routes",
    params(("id" = TestRunId, Path, description = "Id of the test run.")),
    responses((status = 200, description = "The run as it is now.", body = TestRunBody)),
)]
#[get("/v1/test-runs/{id}")]
pub async fn get_test_run(
    caller: Caller<ReadTestRuns>,
    id: PathId<TestRunId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        reply(store::test_runs::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?, context)
    })
    .await?;
    Ok(reply.into_response())
}

/// Makes the handler of one step that a person takes in a run; they differ by their word alone.
macro_rules! run_step {
    ($(#[doc = $doc:literal])+ $name:ident, $path:literal, $run:path) => {
        $(#[doc = $doc])+
        #[utoipa::path(
            tag = "routes",
            params(("id" = TestRunId, Path, description = "Id of the test run."), IfMatchHeader, OptionalIdempotencyKeyHeader),
            responses(
                (status = 200, description = "The run as it is now.", body = TestRunView),
                (status = 409, description = "The run has ended (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
            ),
        )]
        #[post($path)]
        pub async fn $name(
            caller: Caller<TestRoutes>,
            id: PathId<TestRunId>,
            if_match: IfMatch,
            key: OptionalIdempotencyKey,
            _: NoBody,
            app: Data<AppState>,
        ) -> Result<HttpResponse, AppError> {
            let operation = format!("{}:{}", stringify!($name), id.0);
            write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
                reply($run(conn, context, id.0, &if_match.0)?, context)
            })
            .await
        }
    };
}

run_step! {
    /// Confirm the intake link of a test run
    ///
    /// A person has opened the link and says that it leads to the right place: for an intake that the server cannot look at by itself.
    confirm_test_run, "/v1/test-runs/{id}/confirm", ops::confirm_intake_link::run
}
run_step! {
    /// Cancel a test run
    ///
    /// It ends before its last step, and proves nothing.
    cancel_test_run, "/v1/test-runs/{id}/cancel", ops::cancel_test_run::run
}
