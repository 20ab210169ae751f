//! What goes in and out of test runs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::api::views::{PartnerTag, SiteTag};
use crate::auth::Actor;
use crate::domain::ids::{MemberId, PartnerId, ReferralId, RouteId, TestRunId};
use crate::domain::test_run::{PartnerTestStep, Step, StepFailure, StepResult, TestPersona, TestRunStatus, TestStep};
use crate::domain::text::ConfigurationHash;
use crate::store::test_runs::TestRun;

/// A run to open.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"persona": "tag_missing"}))]
pub struct CreateTestReferral {
    /// An outcome to rehearse, the same on every deployment; such a run proves nothing. Absent: a real run.
    #[schema(nullable = false)]
    pub persona: Option<TestPersona>,
}
contract!(CreateTestReferral);

/// A step of a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"step": "attribution", "result": "failed", "failure": "missing_source_tag", "happened_at": "2026-06-01T09:00:00Z",
    "what_to_do": "Send the route's source tag with every referral."}))]
pub struct TestStepView {
    /// Which.
    pub step: TestStep,
    /// What came of it.
    pub result: StepResult,
    /// Why it failed; `null` when it did not.
    pub failure: Option<StepFailure>,
    /// When that was known; `null` while it is waiting.
    pub happened_at: Option<DateTime<Utc>>,
    /// What it waits for, or what to mend; `null` when it passed.
    #[schema(max_length = 300)]
    pub what_to_do: Option<&'static str>,
}

impl From<Step> for TestStepView {
    fn from(step: Step) -> Self {
        Self { step: step.step, result: step.result, failure: step.failure, happened_at: step.at, what_to_do: step.what_to_do() }
    }
}

/// A test run as the site sees it: the receipt of every step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "site", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "route_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "partner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50", "status": "open", "persona": null,
    "configuration_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "opened_by": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "opened_at": "2026-06-01T09:00:00Z", "expires_at": "2026-06-08T09:00:00Z",
    "ended_at": null, "referral_id": null, "copy_referral_id": null,
    "steps": [{"step": "referral_received", "result": "waiting", "failure": null, "happened_at": null,
        "what_to_do": "The partner sends the test referral with its test key."}]
}))]
pub struct TestRunView {
    /// Always `site`.
    pub view: SiteTag,
    /// Id of the run.
    pub id: TestRunId,
    /// The route that is tested.
    pub route_id: RouteId,
    /// Whose route it is.
    pub partner_id: PartnerId,
    /// Where it stands.
    pub status: TestRunStatus,
    /// The rehearsed outcome; `null` for a real run.
    pub persona: Option<TestPersona>,
    /// The configuration that is tested: the proof is for it and no other.
    pub configuration_hash: ConfigurationHash,
    /// The member who opened it.
    pub opened_by: MemberId,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// Until when steps are waited for.
    pub expires_at: DateTime<Utc>,
    /// When it ended; `null` while it is open.
    pub ended_at: Option<DateTime<Utc>>,
    /// The test referral; `null` until it arrives.
    pub referral_id: Option<ReferralId>,
    /// Its second copy; `null` until it arrives.
    pub copy_referral_id: Option<ReferralId>,
    /// Every step, in the order of the way.
    #[schema(max_items = 7)]
    pub steps: Vec<TestStepView>,
}

/// A test run as its partner sees it: what there is to send.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "partner", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "route_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49", "status": "open",
    "next": "send_referral", "expires_at": "2026-06-08T09:00:00Z"
}))]
pub struct PartnerTestRunView {
    /// Always `partner`.
    pub view: PartnerTag,
    /// Id of the run.
    pub id: TestRunId,
    /// Your route.
    pub route_id: RouteId,
    /// Where it stands.
    pub status: TestRunStatus,
    /// What you do next.
    pub next: PartnerTestStep,
    /// Until when it waits for you.
    pub expires_at: DateTime<Utc>,
}

/// A test run, as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "view", mapping(("site" = "#/components/schemas/TestRunView"), ("partner" = "#/components/schemas/PartnerTestRunView"))))]
pub enum TestRunBody {
    /// What the site sees.
    Site(TestRunView),
    /// What its partner sees.
    Partner(PartnerTestRunView),
}

impl TestRunBody {
    /// The run as this caller sees it.
    pub(super) fn new(run: TestRun, actor: &Actor) -> Self {
        let (row, steps) = (run.run, run.steps);
        if actor.partner().is_some() {
            return Self::Partner(PartnerTestRunView {
                view: PartnerTag::Partner,
                id: row.id,
                route_id: row.route_id,
                status: row.status,
                next: PartnerTestStep::of(row.referral_id.is_some(), row.copy_referral_id.is_some()),
                expires_at: row.expires_at,
            });
        }
        Self::Site(TestRunView {
            view: SiteTag::Site,
            id: row.id,
            route_id: row.route_id,
            partner_id: row.partner_id,
            status: row.status,
            persona: row.persona,
            configuration_hash: row.configuration_hash,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            referral_id: row.referral_id,
            copy_referral_id: row.copy_referral_id,
            steps: steps.into_iter().map(TestStepView::from).collect(),
        })
    }
}

/// A page of test runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestRunPage {
    /// The runs, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<TestRunBody>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTestRuns {
    /// Of this route.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub route: Option<RouteId>,
    /// In this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<TestRunStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListTestRuns);
