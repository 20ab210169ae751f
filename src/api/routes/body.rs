//! What goes into the route endpoints.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use super::boundaries::SetBoundaries;
use crate::api::extract::{contract, present};
use crate::domain::ids::MemberId;
use crate::domain::route_config::RouteChannel;
use crate::domain::text::{ApprovalReference, Code, Instruction, SourceTag, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, RouteStatus};
use crate::ops::create_route::NewRoute;
use crate::ops::update_route::RoutePatch;

/// A channel of a route, with its instruction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "secure_form", "instruction": "Give the person the code and the intake address."}))]
pub struct ChannelSetup {
    /// How people come.
    pub channel: Channel,
    /// What the partner tells the person to do there.
    pub instruction: Instruction,
}

impl From<ChannelSetup> for RouteChannel {
    fn from(setup: ChannelSetup) -> Self {
        Self { channel: setup.channel, instruction: setup.instruction }
    }
}

impl ChannelSetup {
    /// The channels of a route as it keeps them.
    pub(super) fn all(channels: Vec<RouteChannel>) -> Vec<Self> {
        channels.into_iter().map(|one| Self { channel: one.channel, instruction: one.instruction }).collect()
    }
}

/// A handoff route to configure.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "owners_differ"))]
#[schema(example = json!({
    "partner": "lakeside-cardiology", "study": "heart-2026", "channels": [
        {"channel": "secure_form", "instruction": "Give the person the code and the intake address. The study team answers all questions."},
        {"channel": "phone_handoff", "instruction": "Call the site's coordinator while the person is on the line, and read out the code."}
    ],
    "source_tag": "lakeside-heart", "monthly_capacity": 40,
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "backup_owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "duplicate_policy": "review_all"
}))]
pub struct CreateRoute {
    /// Code of the partner.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// How people may come, each channel once, and what the partner tells them there.
    #[schema(min_items = 1, max_items = 4)]
    #[validate(custom(function = "each_once"))]
    pub channels: Vec<ChannelSetup>,
    /// How the source is recognised; unique within the site.
    pub source_tag: SourceTag,
    /// Where a person gives details; the site's intake URL if absent.
    pub intake_url: Option<WebUrl>,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// The member who takes it when the owner stalls; another one.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates the site reviews.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval reference for grounds of contact that need one (`irb_partial_waiver`).
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action on a referral is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<i32>,
    /// Hours until any later action is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<i32>,
    /// How many referrals the route takes in a calendar month of the site; any number if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub monthly_capacity: Option<i32>,
    /// What the partner may do for the study and what it must not; whole lists if absent.
    #[validate(nested)]
    pub boundaries: Option<SetBoundaries>,
}
contract!(CreateRoute);

fn owners_differ(route: &CreateRoute) -> Result<(), ValidationError> {
    if route.owner_id != route.backup_owner_id {
        return Ok(());
    }
    let mut error = ValidationError::new("owners_differ");
    error.add_param("pointer".into(), &"/backup_owner_id");
    Err(error.with_message("The backup owner must be another member than the owner.".into()))
}

fn each_once(channels: &[ChannelSetup]) -> Result<(), ValidationError> {
    let distinct: std::collections::BTreeSet<_> = channels.iter().map(|one| one.channel).collect();
    if distinct.len() == channels.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each channel once.".into()))
}

impl From<CreateRoute> for NewRoute {
    fn from(body: CreateRoute) -> Self {
        Self {
            partner: body.partner,
            study: body.study,
            channels: body.channels.into_iter().map(RouteChannel::from).collect(),
            source_tag: body.source_tag,
            intake_url: body.intake_url,
            owner_id: body.owner_id,
            backup_owner_id: body.backup_owner_id,
            duplicate_policy: body.duplicate_policy,
            approval_reference: body.approval_reference,
            acknowledge_due_hours: body.acknowledge_due_hours,
            contact_due_hours: body.contact_due_hours,
            follow_up_due_hours: body.follow_up_due_hours,
            monthly_capacity: body.monthly_capacity,
            boundaries: body.boundaries.map(Into::into).unwrap_or_default(),
        }
    }
}

/// A change to a handoff route (JSON Merge Patch): absent leaves a field, `null` clears it where it may be empty.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "channels": [{"channel": "secure_form", "instruction": "Give the person the code and the intake address."}],
    "contact_due_hours": 48, "intake_url": null, "monthly_capacity": 40
}))]
pub struct UpdateRoute {
    /// How people may come, each channel once, and what the partner tells them there; the whole list.
    #[schema(nullable = false, min_items = 1, max_items = 4)]
    #[validate(custom(function = "each_once"))]
    pub channels: Option<Vec<ChannelSetup>>,
    /// How the source is recognised; unique within the site.
    #[schema(nullable = false)]
    pub source_tag: Option<SourceTag>,
    /// Where a person gives details; `null`: at the site's intake URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<WebUrl>)]
    pub intake_url: Option<Option<WebUrl>>,
    /// The member responsible for the next action.
    #[schema(nullable = false)]
    pub owner_id: Option<MemberId>,
    /// The member who takes it when the owner stalls; another one.
    #[schema(nullable = false)]
    pub backup_owner_id: Option<MemberId>,
    /// Which possible duplicates the site reviews.
    #[schema(nullable = false)]
    pub duplicate_policy: Option<DuplicatePolicy>,
    /// Approval reference for grounds of contact that need one; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<ApprovalReference>)]
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// Hours until the first action on a referral is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<Option<i32>>,
    /// Hours until a contact attempt is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<Option<i32>>,
    /// Hours until any later action is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<Option<i32>>,
    /// How many referrals the route takes in a calendar month of the site; `null`: any number.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 1_000_000)]
    pub monthly_capacity: Option<Option<i32>>,
    /// What the partner may do for the study and what it must not: lists that are sent take the place of those that are there.
    #[schema(nullable = false)]
    #[validate(nested)]
    pub boundaries: Option<SetBoundaries>,
}
contract!(UpdateRoute);

impl From<UpdateRoute> for RoutePatch {
    fn from(body: UpdateRoute) -> Self {
        Self {
            channels: body.channels.map(|channels| channels.into_iter().map(RouteChannel::from).collect()),
            source_tag: body.source_tag,
            intake_url: body.intake_url,
            owner_id: body.owner_id,
            backup_owner_id: body.backup_owner_id,
            duplicate_policy: body.duplicate_policy,
            approval_reference: body.approval_reference,
            acknowledge_due_hours: body.acknowledge_due_hours,
            contact_due_hours: body.contact_due_hours,
            follow_up_due_hours: body.follow_up_due_hours,
            monthly_capacity: body.monthly_capacity,
            boundaries: body.boundaries.map(Into::into).unwrap_or_default(),
        }
    }
}

/// Which handoff routes to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRoutes {
    /// Only routes of this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only routes for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only routes in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<RouteStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListRoutes);
