//! The configurations that a route had.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::body::ChannelSetup;
use crate::api::extract::contract;
use crate::api::history::ActorView;
use crate::domain::ids::MemberId;
use crate::domain::text::{ApprovalReference, ConfigurationHash, SourceTag, WebUrl};
use crate::domain::vocabulary::DuplicatePolicy;
use crate::store::route_configurations::ConfigurationRow;

/// A configuration that a route has or had.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 2, "configuration_hash": "9d60413d49651f5d294b489ca4e4fae538847ae4fee3d2e1fa96e8e4f61023a4",
    "channels": [{"channel": "secure_form", "instruction": "Give the person the code and the intake address."}],
    "source_tag": "lakeside-heart", "intake_url": "https://intake.riverside.example/start",
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "backup_owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "duplicate_policy": "review_all", "approval_reference": null, "acknowledge_due_hours": null, "contact_due_hours": 48,
    "follow_up_due_hours": null, "recorded_at": "2026-06-01T09:00:00Z", "operation": "update_route",
    "by": {"kind": "staff", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51"}
}))]
pub struct RouteConfigurationView {
    /// Counts the route's configurations from 1; one that comes back has a new number.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub number: i32,
    /// What a launch proof names it by.
    pub configuration_hash: ConfigurationHash,
    /// How people could come, and what the partner told them there.
    #[schema(max_items = 4)]
    pub channels: Vec<ChannelSetup>,
    /// How the source was recognised.
    pub source_tag: SourceTag,
    /// Where people were sent: the route's own intake, or the site's at that time.
    pub intake_url: WebUrl,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// The member who took it when the owner stalled.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates the site reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval reference for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action on a referral was due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt was due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<i32>,
    /// Hours until any later action was due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<i32>,
    /// Since when it was so.
    pub recorded_at: DateTime<Utc>,
    /// The operation that made it so: of the route itself, of a member who stood on it, or of the site whose intake it uses.
    #[schema(max_length = 64, pattern = "^[a-z][a-z_]*$")]
    pub operation: String,
    /// Who called it.
    pub by: ActorView,
}

impl From<ConfigurationRow> for RouteConfigurationView {
    fn from(row: ConfigurationRow) -> Self {
        let pairs = row.channels.0.into_iter().zip(row.instruction.0);
        Self {
            number: row.number,
            configuration_hash: row.configuration_hash,
            channels: pairs.map(|(channel, instruction)| ChannelSetup { channel, instruction }).collect(),
            source_tag: row.source_tag,
            intake_url: row.intake_url,
            owner_id: row.owner_id,
            backup_owner_id: row.backup_owner_id,
            duplicate_policy: row.duplicate_policy,
            approval_reference: row.approval_reference,
            acknowledge_due_hours: row.acknowledge_due_hours,
            contact_due_hours: row.contact_due_hours,
            follow_up_due_hours: row.follow_up_due_hours,
            recorded_at: row.recorded_at,
            operation: row.operation,
            by: ActorView { kind: row.actor_kind, id: row.actor_id },
        }
    }
}

/// A page of a route's configurations.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteConfigurationPage {
    /// The configurations, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<RouteConfigurationView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which configurations of a route to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRouteConfigurations {
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListRouteConfigurations);

/// A number in the form in which cursors carry a place.
pub(super) fn place(number: i32) -> Uuid {
    Uuid::from_u128(u128::from(number.unsigned_abs()))
}

/// The number that a cursor carries.
pub(super) fn number(place: Uuid) -> i32 {
    i32::try_from(place.as_u128()).unwrap_or(i32::MAX)
}
