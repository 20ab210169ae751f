//! What goes in and out of the absences of members.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::ids::{AwayWindowId, MemberId};
use crate::ops::create_away_window::Absence;
use crate::ops::update_away_window::AbsencePatch;
use crate::store::away_windows::AwayWindowRow;

/// When a member is away.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"}))]
pub struct CreateAwayWindow {
    /// From when, in UTC; in the past when the member is away already, and within two years (731 days) from now.
    pub starts_at: DateTime<Utc>,
    /// Until when, in UTC: after the start and within 366 days of it, and still to come. At this moment the member is there again.
    pub ends_at: DateTime<Utc>,
}
contract!(CreateAwayWindow);

impl From<CreateAwayWindow> for Absence {
    fn from(body: CreateAwayWindow) -> Self {
        Self { starts_at: body.starts_at, ends_at: body.ends_at }
    }
}

/// A change to an absence (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ends_at": "2026-07-17T12:00:00Z"}))]
pub struct UpdateAwayWindow {
    /// From when, in UTC.
    #[schema(nullable = false)]
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when, in UTC: after the start and within 366 days of it, and still to come.
    #[schema(nullable = false)]
    pub ends_at: Option<DateTime<Utc>>,
}
contract!(UpdateAwayWindow);

impl From<UpdateAwayWindow> for AbsencePatch {
    fn from(body: UpdateAwayWindow) -> Self {
        Self { starts_at: body.starts_at, ends_at: body.ends_at }
    }
}

/// A time that a member is away.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "member_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z",
    "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z"
}))]
pub struct AwayWindowView {
    /// Id of the absence.
    pub id: AwayWindowId,
    /// Who is away.
    pub member_id: MemberId,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; at this moment the member is there again.
    pub ends_at: DateTime<Utc>,
    /// When it was planned.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<AwayWindowRow> for AwayWindowView {
    fn from(window: AwayWindowRow) -> Self {
        Self {
            id: window.id,
            member_id: window.member_id,
            starts_at: window.starts_at,
            ends_at: window.ends_at,
            created_at: window.created_at,
            updated_at: window.updated_at,
        }
    }
}

/// A page of absences.
#[derive(Debug, Serialize, ToSchema)]
pub struct AwayWindowPage {
    /// The absences, in the order in which they were planned.
    #[schema(max_items = 200)]
    pub data: Vec<AwayWindowView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which absences to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAwayWindows {
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListAwayWindows);
