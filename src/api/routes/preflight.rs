//! Asking whether a route takes a referral now.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::admission::PreflightState;
use crate::domain::text::Code;
use crate::domain::vocabulary::Channel;
use crate::ops::preflight_route::{Question, Standing};

/// What is asked of a route: nothing about a person.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"study": "heart-2026", "channel": "secure_form"}))]
pub struct Preflight {
    /// Code of the partner; from the site only.
    #[schema(nullable = false)]
    pub partner: Option<Code>,
    /// Code of the study.
    pub study: Code,
    /// How a person would come.
    pub channel: Channel,
}
contract!(Preflight);

impl From<Preflight> for Question {
    fn from(body: Preflight) -> Self {
        Self { partner: body.partner, study: body.study, channel: body.channel }
    }
}

/// Whether a referral would be taken at this moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "accepting": false, "state": "no_capacity", "again_at": "2026-07-01T04:00:00Z",
    "what_to_do": "The route has taken as many referrals this month as the site can handle. Send again from `again_at` on."
}))]
pub struct PreflightView {
    /// Whether it would be taken.
    pub accepting: bool,
    /// `accepting`, or what stands against it first.
    pub state: PreflightState,
    /// From when on there is room again, when `state` is `no_capacity`: the start of the site's next month.
    pub again_at: Option<DateTime<Utc>>,
    /// What to do, in a sentence for a person.
    #[schema(max_length = 200)]
    pub what_to_do: &'static str,
}

impl From<Standing> for PreflightView {
    fn from(standing: Standing) -> Self {
        Self {
            accepting: standing.state == PreflightState::Accepting,
            state: standing.state,
            again_at: standing.again_at,
            what_to_do: standing.state.what_to_do(),
        }
    }
}
