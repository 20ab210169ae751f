//! The launch of a handoff route: what it needs, and the launch itself.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId};
use super::idempotency::{Write, write};
use super::read::read;
use super::reply::{Reply, tag_for};
use super::routes::{RouteView, reply};
use crate::auth::Caller;
use crate::auth::permission::{ManageConfiguration, ReadRouteHistory};
use crate::domain::ids::{RouteId, TestRunId};
use crate::domain::launch::{Checked, LaunchCheck};
use crate::domain::text::ConfigurationHash;
use crate::domain::vocabulary::RouteStatus;
use crate::error::AppError;
use crate::ops;
use crate::ops::launch_readiness::LaunchStanding;
use crate::state::AppState;

/// A check of a launch with its state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"check": "test_passed", "passed": false,
    "what_to_do": "Open a test run and complete it: no passed test belongs to the configuration as it is now."}))]
pub struct LaunchCheckItem {
    /// Which.
    pub check: LaunchCheck,
    /// Whether it holds now.
    pub passed: bool,
    /// What to do, for a person; `null` when it holds. Do not parse it.
    #[schema(max_length = 300)]
    pub what_to_do: Option<&'static str>,
}

impl From<&Checked> for LaunchCheckItem {
    fn from(checked: &Checked) -> Self {
        let Checked { check, passed } = *checked;
        Self { check, passed, what_to_do: (!passed).then(|| check.what_to_do()) }
    }
}

/// The test run that proves a configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"test_run_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "passed_at": "2026-06-01T09:00:00Z"}))]
pub struct LaunchProof {
    /// The run.
    pub test_run_id: TestRunId,
    /// When it passed.
    pub passed_at: DateTime<Utc>,
}

/// What a route needs to be launched, and what of it there is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "route_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "status": "testing", "ready": false,
    "configuration_hash": "9d60413d49651f5d294b489ca4e4fae538847ae4fee3d2e1fa96e8e4f61023a4", "proof": null,
    "checks": [{"check": "study_open", "passed": true, "what_to_do": null}, {"check": "test_passed", "passed": false,
        "what_to_do": "Open a test run and complete it: no passed test belongs to the configuration as it is now."}]
}))]
pub struct LaunchCheckView {
    /// Id of the route.
    pub route_id: RouteId,
    /// Where it stands.
    pub status: RouteStatus,
    /// Whether every check holds.
    pub ready: bool,
    /// The configuration as it is now: a proof has to be of exactly this.
    pub configuration_hash: ConfigurationHash,
    /// The test run that proves it; `null`: none does.
    pub proof: Option<LaunchProof>,
    /// Every check, in the order in which a site would clear them.
    #[schema(max_items = 10)]
    pub checks: Vec<LaunchCheckItem>,
}

impl From<&LaunchStanding> for LaunchCheckView {
    fn from(standing: &LaunchStanding) -> Self {
        let proof = standing.proof.as_ref();
        Self {
            route_id: standing.route.route.id,
            status: standing.route.route.status,
            ready: standing.checks.iter().all(|checked| checked.passed),
            configuration_hash: standing.configuration_hash.clone(),
            proof: proof.and_then(|run| Some(LaunchProof { test_run_id: run.id, passed_at: run.ended_at? })),
            checks: standing.checks.iter().map(LaunchCheckItem::from).collect(),
        }
    }
}

/// Read what a route needs to be launched
///
/// Every check with its state, as the launch itself would find it now, and the proof if there is one. A route that is launched keeps
/// its checks: they say whether it could be launched again.
#[utoipa::path(
    operation_id = "get_launch_check", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route.")),
    responses((status = 200, description = "Every check with its state.", body = LaunchCheckView)),
)]
#[get("/v1/routes/{id}/launch-check")]
pub async fn get_launch_check(
    caller: Caller<ReadRouteHistory>,
    id: PathId<RouteId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let email = app.outbound.mailer.is_some();
    let reply = read(&app, &caller, move |conn, context| {
        let standing = ops::launch_readiness::run(conn, context, id.0, email)?;
        let view = LaunchCheckView::from(&standing);
        let etag = tag_for(&context.actor, standing.route.route.version, &view)?;
        Reply::ok(&view, etag)
    })
    .await?;
    Ok(reply.into_response())
}

/// Launch a handoff route
///
/// From now on it takes live referrals, as long as study, partner and language do. Every check of `get_launch_check` has to hold: current
/// approved language that the partner acknowledged, an owner and another backup owner whom alerts reach, a source tag, and a test
/// referral that passed for exactly this configuration. An edit of the configuration voids that proof, and stops the route at once
/// (`retest_required`). A new test of an unchanged route stops nothing.
#[utoipa::path(
    operation_id = "launch_route", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "The route as it is now.", body = RouteView),
        (status = 409, description = "Checks do not hold (`launch_blocked`, with `launch_blockers`), the state does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/routes/{id}/launch")]
pub async fn launch_route(
    caller: Caller<ManageConfiguration>,
    id: PathId<RouteId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (operation, email) = (format!("launch_route:{}", id.0), app.outbound.mailer.is_some());
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        let route = ops::launch_route::run(conn, context, id.0, &if_match.0, email)?;
        reply(conn, route, context)
    })
    .await
}
