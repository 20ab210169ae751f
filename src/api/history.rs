//! What happened to a referral, and the shape in which history and audit trail tell of a change.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::extract::{PathId, Query, contract};
use super::read::{Paging, page};
use crate::auth::Caller;
use crate::auth::permission::PlanReferrals;
use crate::domain::ids::{EventId, ReferralId};
use crate::domain::journal::{ActorKind, EventType};
use crate::error::AppError;
use crate::state::AppState;
use crate::store;
use crate::store::journal::HistoryRow;

/// A field that changed. Values are codes, ids, times and numbers as text; of a field that is personal, secret or free text only
/// that it changed is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"field": "status", "before": "received", "after": "contacting"}))]
pub struct FieldChange {
    /// Name of the field.
    #[schema(max_length = 64, pattern = "^[a-z][a-z_]*$")]
    pub field: String,
    /// What it held before; `null` when it was empty or is not told.
    #[schema(max_length = 5000)]
    pub before: Option<String>,
    /// What it holds now; `null` when it is empty, `changed` when its value is not told.
    #[schema(max_length = 5000)]
    pub after: Option<String>,
}

impl FieldChange {
    /// The changes that an audit entry holds, by field. What it holds was written by us: anything else reads as no change.
    #[must_use]
    pub fn all(before: Option<&str>, after: Option<&str>) -> Vec<Self> {
        let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        let (before, after) = (read(before).unwrap_or_default(), read(after).unwrap_or_default());
        let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
        fields.sort();
        fields.dedup();
        fields
            .into_iter()
            .map(|field| Self {
                field: field.clone(),
                before: before.get(field).and_then(text_of),
                after: after.get(field).and_then(text_of),
            })
            .collect()
    }
}

/// A value as text; a list is its words, separated by commas.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text_of).collect::<Vec<_>>().join(",")),
        other => Some(other.to_string()),
    }
}

/// Who made a change.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"kind": "staff", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"}))]
pub struct ActorView {
    /// What kind of caller.
    pub kind: ActorKind,
    /// The member, the partner, or the site's system across the rotation of its keys; `null` for the operator and the server.
    #[schema(max_length = 36)]
    pub id: Option<Uuid>,
}

/// Which events of a referral to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListReferralEvents {
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListReferralEvents);

/// Something that happened to a referral.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "referral_id": "0199aa10-6a02-7c11-8d1b-5e2f7a9c0b36", "type": "referral.transitioned", "occurred_at": "2026-06-01T09:00:00Z",
    "version": 2, "by": {"kind": "staff", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51"}, "reason": null,
    "changes": [{"field": "status", "before": "received", "after": "contacting"}]
}))]
pub struct ReferralEventView {
    /// Id of the event, the same as in the feed.
    pub id: EventId,
    /// The referral that it happened to: the one asked for, or another record of the same person.
    pub referral_id: ReferralId,
    /// What happened.
    pub r#type: EventType,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The version of the referral that this change made.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: i32,
    /// Who made it.
    pub by: ActorView,
    /// Why, as a code; `null` where no reason is asked for.
    #[schema(max_length = 64, pattern = "^[a-z][a-z_]*$")]
    pub reason: Option<String>,
    /// What changed.
    #[schema(max_items = 100)]
    pub changes: Vec<FieldChange>,
}

impl From<HistoryRow> for ReferralEventView {
    fn from(HistoryRow { event, entry }: HistoryRow) -> Self {
        Self {
            id: event.id,
            referral_id: ReferralId(event.subject_id),
            r#type: event.event_type,
            occurred_at: event.occurred_at,
            version: event.version,
            by: ActorView { kind: entry.actor_kind, id: entry.actor_id },
            reason: entry.reason,
            changes: FieldChange::all(entry.before.as_deref(), entry.after.as_deref()),
        }
    }
}

/// A page of a referral's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferralEventPage {
    /// The events, oldest first.
    #[schema(max_items = 200)]
    pub data: Vec<ReferralEventView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Read what happened to a referral
///
/// Oldest first, with who did it and what changed. A change of several kinds is several events of one version. Of records that were
/// merged, each id shows the whole history of the person: `referral_id` says which record an event is about. It begins with the oldest
/// month that the operator keeps, at least twelve back.
#[utoipa::path(
    operation_id = "list_referral_events", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), ListReferralEvents),
    responses((status = 200, description = "A page of its history.", body = ReferralEventPage)),
)]
#[get("/v1/referrals/{id}/events")]
pub async fn list_referral_events(
    caller: Caller<PlanReferrals>,
    id: PathId<ReferralId>,
    query: Query<ListReferralEvents>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let paging = Paging::new("list_referral_events", query.0.cursor.as_deref(), query.0.limit, &id.0)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let (scope, is_test) = (&context.scope, context.actor.is_test());
            let found = store::referrals::find(conn, scope, is_test, id.0)?.ok_or_else(AppError::not_found)?;
            let person = store::duplicates::person(conn, scope, &found.referral)?;
            let after = after.and_then(|after: Uuid| i64::try_from(after.as_u128()).ok()).unwrap_or(0);
            Ok(store::journal::history(conn, scope, &person, after, limit)?)
        },
        |row| Uuid::from_u128(row.event.number.unsigned_abs().into()),
        |rows, next_cursor, _| {
            Ok(ReferralEventPage { data: rows.into_iter().map(ReferralEventView::from).collect(), next_cursor })
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_holds_reads_as_changes_by_field() {
        let change = |field: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            field: field.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        assert_eq!(
            FieldChange::all(Some(r#"{"a":"x","b":["p","q"]}"#), Some(r#"{"b":[],"c":7,"d":true,"a":null}"#)),
            [
                change("a", Some("x"), None),
                change("b", Some("p,q"), Some("")),
                change("c", None, Some("7")),
                change("d", None, Some("true"))
            ]
        );
        assert_eq!(FieldChange::all(None, Some("not json")), []);
    }
}
