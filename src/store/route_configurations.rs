//! What routes were: one row for each configuration that a route had.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{MemberId, RouteId, SiteId};
use crate::domain::journal::ActorKind;
use crate::domain::text::{ApprovalReference, ConfigurationHash, Instruction, SourceTag, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy};
use crate::schema::route_configurations;

/// A configuration that a route had, as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = route_configurations)]
pub struct ConfigurationRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Of which route.
    pub route_id: RouteId,
    /// Counts the route's configurations from 1.
    pub number: i32,
    /// What a launch proof names it by.
    pub configuration_hash: ConfigurationHash,
    /// How people could come.
    pub channels: CodeList<Channel>,
    /// What the partner told the person to do: one for each of `channels`, in their order.
    pub instruction: CodeList<Instruction>,
    /// How the source was recognised.
    pub source_tag: SourceTag,
    /// Where people were sent.
    pub intake_url: WebUrl,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Took it when the owner stalled.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates were reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action was due; `None`: the site's.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt was due; `None`: the site's.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after was due; `None`: the site's.
    pub follow_up_due_hours: Option<i32>,
    /// Since when it was so.
    pub recorded_at: DateTime<Utc>,
    /// The operation that made it so.
    pub operation: String,
    /// What kind of caller called it.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor_id: Option<Uuid>,
}

/// How many configurations each of these routes had. The caller has locked the routes.
///
/// # Errors
/// A database failure.
pub fn last_numbers(conn: &mut PgConnection, scope: &SiteScope, routes: &[RouteId]) -> QueryResult<Vec<(RouteId, Option<i32>)>> {
    route_configurations::table
        .filter(route_configurations::site_id.eq(scope.site()).and(route_configurations::route_id.eq_any(routes)))
        .group_by(route_configurations::route_id)
        .select((route_configurations::route_id, diesel::dsl::max(route_configurations::number)))
        .load(conn)
}

/// Keeps configurations.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, rows: &[ConfigurationRow]) -> QueryResult<()> {
    diesel::insert_into(route_configurations::table).values(rows).execute(conn).map(drop)
}

/// A page of a route's configurations, newest first, before this number.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    route: RouteId,
    before: Option<i32>,
    limit: i64,
) -> QueryResult<Vec<ConfigurationRow>> {
    let mut query = route_configurations::table
        .filter(route_configurations::site_id.eq(scope.site()).and(route_configurations::route_id.eq(route)))
        .select(ConfigurationRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(route_configurations::number.lt(before));
    }
    query.order(route_configurations::number.desc()).limit(limit).load(conn)
}
