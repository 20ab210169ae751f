//! Where a site's systems want its events posted.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{SigningSecretId, SiteId, WebhookEndpointId};
use crate::domain::journal::EventType;
use crate::domain::text::WebUrl;
use crate::domain::webhooks::EndpointDisabledReason;
use crate::schema::webhook_endpoints;

/// An endpoint as it is kept; its secrets are derived.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_endpoints, treat_none_as_null = true)]
pub struct WebhookEndpointRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where events are posted.
    pub url: WebUrl,
    /// Which; none: all of them.
    pub event_types: CodeList<EventType>,
    /// Whether it gets events of test referrals instead of live ones.
    pub is_test: bool,
    /// Up to which position of its feed events have deliveries.
    pub position: i64,
    /// Which secret signs.
    pub secret_id: SigningSecretId,
    /// Under which master key it was made.
    pub secret_key_id: Vec<u8>,
    /// Which secret signs beside it.
    pub previous_secret_id: Option<SigningSecretId>,
    /// Under which master key that one was made.
    pub previous_key_id: Option<Vec<u8>>,
    /// Until when it does.
    pub previous_until: Option<DateTime<Utc>>,
    /// Since when nothing gets through.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when nothing is posted any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why.
    pub disabled_reason: Option<EndpointDisabledReason>,
    /// Counts changes that somebody made, or that end its service.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

fn own(scope: &SiteScope, id: WebhookEndpointId) -> Own {
    webhook_endpoints::table.filter(webhook_endpoints::site_id.eq(scope.site()).and(webhook_endpoints::id.eq(id)))
}

type Own = diesel::dsl::Filter<
    webhook_endpoints::table,
    diesel::dsl::And<
        diesel::dsl::Eq<webhook_endpoints::site_id, SiteId>,
        diesel::dsl::Eq<webhook_endpoints::id, WebhookEndpointId>,
    >,
>;

/// The endpoint with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: WebhookEndpointId) -> QueryResult<Option<WebhookEndpointRow>> {
    own(scope, id).select(WebhookEndpointRow::as_select()).first(conn).optional()
}

/// The same, kept from being taken away until the transaction ends. Nobody waits who changes it.
///
/// # Errors
/// A database failure.
pub fn hold(conn: &mut PgConnection, scope: &SiteScope, id: WebhookEndpointId) -> QueryResult<Option<WebhookEndpointRow>> {
    own(scope, id).select(WebhookEndpointRow::as_select()).for_key_share().first(conn).optional()
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: WebhookEndpointId) -> QueryResult<Option<WebhookEndpointRow>> {
    own(scope, id).select(WebhookEndpointRow::as_select()).for_no_key_update().first(conn).optional()
}

/// Endpoints of one feed after this one, in the order in which they were made.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    after: Option<WebhookEndpointId>,
    limit: i64,
) -> QueryResult<Vec<WebhookEndpointRow>> {
    let after = after.unwrap_or(WebhookEndpointId(uuid::Uuid::nil()));
    webhook_endpoints::table
        .filter(webhook_endpoints::site_id.eq(scope.site()).and(webhook_endpoints::is_test.eq(is_test)))
        .filter(webhook_endpoints::id.gt(after))
        .order(webhook_endpoints::id)
        .limit(limit)
        .select(WebhookEndpointRow::as_select())
        .load(conn)
}

/// How many there are.
///
/// # Errors
/// A database failure.
pub fn count(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    webhook_endpoints::table.filter(webhook_endpoints::site_id.eq(scope.site())).count().get_result(conn)
}

/// The endpoints of one feed that get something and have not been read up to here, held until the transaction ends. What somebody changes
/// right now is passed over.
///
/// # Errors
/// A database failure.
pub fn lock_behind(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, end: i64) -> QueryResult<Vec<WebhookEndpointRow>> {
    webhook_endpoints::table
        .filter(webhook_endpoints::site_id.eq(scope.site()).and(webhook_endpoints::disabled_at.is_null()))
        .filter(webhook_endpoints::is_test.eq(is_test).and(webhook_endpoints::position.lt(end)))
        .order(webhook_endpoints::id)
        .select(WebhookEndpointRow::as_select())
        .for_no_key_update()
        .skip_locked()
        .load(conn)
}

/// Notes how far one was read. That is no change of it.
///
/// # Errors
/// A database failure.
pub fn reached(conn: &mut PgConnection, scope: &SiteScope, id: WebhookEndpointId, position: i64) -> QueryResult<()> {
    diesel::update(own(scope, id)).set(webhook_endpoints::position.eq(position)).execute(conn).map(drop)
}

/// Notes since when nothing gets through, or that something did. That is no change of it.
///
/// # Errors
/// A database failure.
pub fn note_failing(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: WebhookEndpointId,
    since: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    diesel::update(own(scope, id)).set(webhook_endpoints::failing_since.eq(since)).execute(conn).map(drop)
}

/// Keeps a new one.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, endpoint: &WebhookEndpointRow) -> QueryResult<()> {
    diesel::insert_into(webhook_endpoints::table).values(endpoint).execute(conn).map(drop)
}

/// Writes it as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, endpoint: &WebhookEndpointRow) -> QueryResult<()> {
    diesel::update(own(scope, endpoint.id)).set(endpoint).execute(conn).map(drop)
}

/// Takes it away, with its deliveries.
///
/// # Errors
/// A database failure.
pub fn delete(conn: &mut PgConnection, scope: &SiteScope, id: WebhookEndpointId) -> QueryResult<()> {
    diesel::delete(own(scope, id)).execute(conn).map(drop)
}
