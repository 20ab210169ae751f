//! Where sites want their alerts posted: one place a site.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::alerting::WebhookDisabledReason;
use crate::domain::ids::{SigningSecretId, SiteId};
use crate::domain::text::WebUrl;
use crate::schema::alert_webhooks;

/// An alert webhook as it is kept; its secrets are derived.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = alert_webhooks, treat_none_as_null = true)]
pub struct AlertWebhookRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Where alerts are posted.
    pub url: WebUrl,
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
    /// Since when nothing is posted any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The site's alert webhook.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<AlertWebhookRow>> {
    alert_webhooks::table
        .filter(alert_webhooks::site_id.eq(scope.site()))
        .select(AlertWebhookRow::as_select())
        .first(conn)
        .optional()
}

/// Locks it until the transaction ends and answers it as it is then.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<AlertWebhookRow>> {
    alert_webhooks::table
        .filter(alert_webhooks::site_id.eq(scope.site()))
        .select(AlertWebhookRow::as_select())
        .for_update()
        .first(conn)
        .optional()
}

/// Keeps one; whether there was none.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, webhook: &AlertWebhookRow) -> QueryResult<bool> {
    diesel::insert_into(alert_webhooks::table).values(webhook).on_conflict_do_nothing().execute(conn).map(|rows| rows > 0)
}

/// Writes it as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, webhook: &AlertWebhookRow) -> QueryResult<()> {
    diesel::update(alert_webhooks::table.filter(alert_webhooks::site_id.eq(scope.site()))).set(webhook).execute(conn).map(drop)
}

/// Takes it away.
///
/// # Errors
/// A database failure.
pub fn delete(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<()> {
    diesel::delete(alert_webhooks::table.filter(alert_webhooks::site_id.eq(scope.site()))).execute(conn).map(drop)
}
