//! What goes in and out of an action on many referrals.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::api::extract::contract;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::referral_state::{Request, TransitionReason};
use crate::domain::vocabulary::{Blocker, PlanReason, ReferralStatus};
use crate::error::{AppError, ErrorCode};
use crate::ops::create_bulk_action::{BulkAction, Outcome, Wanted};

text_enum! {
    /// What became of one referral of many.
    pub enum BulkOutcome { Done = "done", Refused = "refused" }
}

/// One action on many referrals: `reassign` or `transition`, exactly one of the two.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "one_action"))]
#[schema(example = json!({
    "reassign": {"owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49", "reason": "absence"},
    "referrals": [{"id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "version": 3}]
}))]
pub struct CreateBulkAction {
    /// Gives every referral to one member.
    #[schema(nullable = false)]
    pub reassign: Option<BulkReassign>,
    /// Moves every referral to one state.
    #[schema(nullable = false)]
    pub transition: Option<BulkTransition>,
    /// With which referrals, each named once.
    #[schema(min_items = 1, max_items = 200)]
    pub referrals: Vec<BulkReferral>,
}
contract!(CreateBulkAction);

/// To whom, and why.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49", "reason": "absence"}))]
pub struct BulkReassign {
    /// The member responsible from now on: an active admin or coordinator of the site.
    pub owner_id: MemberId,
    /// Why.
    pub reason: PlanReason,
}

/// Where to move, as for one referral.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "closed", "reason": "study_not_accepting"}))]
pub struct BulkTransition {
    /// The state to move to.
    pub to: ReferralStatus,
    /// A close reason to close, a reopen reason to reopen; otherwise none. `person_requested_no_contact` is for one referral at a time.
    pub reason: Option<TransitionReason>,
    /// Why they wait; for `on_hold` alone.
    pub blocker: Option<Blocker>,
}

/// A referral of many.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "version": 3}))]
pub struct BulkReferral {
    /// Id of the referral.
    pub id: ReferralId,
    /// Its `version` when you read it (the number in its `ETag`); when it has another one by now, it is refused as `stale_version`. Absent: any version.
    #[schema(nullable = false, minimum = 1, maximum = 2_147_483_647)]
    pub version: Option<i32>,
}

impl From<&BulkReferral> for Wanted {
    fn from(row: &BulkReferral) -> Self {
        Self { id: row.id, version: row.version }
    }
}

fn one_action(body: &CreateBulkAction) -> Result<(), ValidationError> {
    if body.reassign.is_some() != body.transition.is_some() {
        return Ok(());
    }
    let mut error = ValidationError::new("one_action");
    error.add_param("pointer".into(), &"");
    Err(error.with_message("Send `reassign` or `transition`, and not both.".into()))
}

impl CreateBulkAction {
    /// What to do with each.
    pub(super) fn action(&self) -> Result<BulkAction, AppError> {
        match (&self.reassign, &self.transition) {
            (Some(reassign), None) => Ok(BulkAction::Reassign { owner: reassign.owner_id, reason: reassign.reason }),
            (None, Some(move_to)) => {
                let BulkTransition { to, reason, blocker } = *move_to;
                Ok(BulkAction::Transition(Request { to, reason, blocker }))
            }
            _ => Err(AppError::internal("a body that its own rule had to refuse")),
        }
    }
}

/// What became of one referral.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "outcome": "refused", "version": 4, "code": "stale_version",
    "detail": "The resource has changed since you read it. Read it again and repeat the change with its new `ETag`.",
    "allowed_actions": []
}))]
pub struct BulkResult {
    /// Id of the referral, as it was sent.
    pub id: ReferralId,
    /// Whether it was done.
    pub outcome: BulkOutcome,
    /// Its version now; `null` when there is none for you.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: Option<i32>,
    /// Why it was refused: the code that it would have been refused with alone. `null` when it was done.
    #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub code: Option<&'static str>,
    /// What to do, for a person. Do not parse it. `null` when it was done.
    #[schema(max_length = 1000)]
    pub detail: Option<String>,
    /// The states that it may move to instead, on `illegal_transition`; otherwise empty.
    #[schema(max_items = 8)]
    pub allowed_actions: Vec<ReferralStatus>,
}

impl From<Outcome> for BulkResult {
    fn from(outcome: Outcome) -> Self {
        let refused = outcome.refused.as_ref();
        let allowed = refused.and_then(AppError::allowed_actions).unwrap_or_default();
        Self {
            id: outcome.id,
            outcome: if refused.is_some() { BulkOutcome::Refused } else { BulkOutcome::Done },
            version: outcome.version,
            code: refused.map(|error| error.code.as_str()),
            detail: refused.map(detail),
            allowed_actions: allowed.iter().filter_map(|to| ReferralStatus::from_code(to)).collect(),
        }
    }
}

/// A fault of one row says more than the code of all faults.
fn detail(error: &AppError) -> String {
    match error.faults().first() {
        Some(fault) if error.code == ErrorCode::InvalidBody => fault.message.clone().into_owned(),
        _ => error.detail().to_owned(),
    }
}

/// What became of each referral.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "done": 1, "refused": 0,
    "results": [{
        "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "outcome": "done", "version": 4, "code": null, "detail": null, "allowed_actions": []
    }]
}))]
pub struct BulkActionView {
    /// How many were done.
    #[schema(minimum = 0, maximum = 200)]
    pub done: i32,
    /// How many were refused.
    #[schema(minimum = 0, maximum = 200)]
    pub refused: i32,
    /// What became of each, in the order of the request.
    #[schema(min_items = 1, max_items = 200)]
    pub results: Vec<BulkResult>,
}

impl From<Vec<Outcome>> for BulkActionView {
    fn from(outcomes: Vec<Outcome>) -> Self {
        let (refused, done): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.refused.is_some());
        // At most as many as the body may name.
        let count = |rows: Vec<&Outcome>| i32::try_from(rows.len()).unwrap_or(i32::MAX);
        let (done, refused) = (count(done), count(refused));
        Self { done, refused, results: outcomes.into_iter().map(BulkResult::from).collect() }
    }
}
