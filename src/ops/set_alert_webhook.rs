//! Where the site's alerts are posted: set, moved, taken away, and its signing secret rotated.

use chrono::{DateTime, Duration, Utc};

use super::record::{Change, record};
use super::signing_secret::{self, Kept, SigningSecret};
use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::alerting::AlertChannel;
use crate::domain::ids::SiteId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::text::WebUrl;
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;
use crate::store::alert_webhooks::AlertWebhookRow;

/// A webhook as it is now, with its secret when it was just made.
#[derive(Debug)]
pub struct Set {
    /// The webhook.
    pub webhook: AlertWebhookRow,
    /// The secret to be shown once; `None`: it stays what it was.
    pub secret: Option<SigningSecret>,
}

/// What the audit trail may hold of it.
pub(super) fn facts_of(webhook: Option<&AlertWebhookRow>) -> Facts {
    let Some(webhook) = webhook else { return Facts::new() };
    Facts::new()
        .tagged("alert_webhook_url", webhook.url.as_str())
        .id("alert_webhook_secret_id", webhook.secret_id.0)
        .time("alert_webhook_previous_until", webhook.previous_until)
        .time("alert_webhook_disabled_at", webhook.disabled_at)
        .code("alert_webhook_disabled_reason", webhook.disabled_reason.map(|reason| reason.as_str()))
}

fn changed(operation: &'static str, site: SiteId, before: Option<&AlertWebhookRow>, after: Option<&AlertWebhookRow>) -> Change {
    Change::new(operation, SubjectKind::Site, site.0, facts_of(before), facts_of(after))
}

/// The secrets that sign now, the current one first; none when the master key of the current one is accepted no more.
#[must_use]
pub fn secrets(master: &MasterKey, webhook: &AlertWebhookRow, now: DateTime<Utc>) -> Vec<SigningSecret> {
    let previous = match (webhook.previous_secret_id, &webhook.previous_key_id, webhook.previous_until) {
        (Some(id), Some(key_id), Some(until)) => Some((id, key_id.as_slice(), until)),
        _ => None,
    };
    let kept = Kept { id: webhook.secret_id, key_id: &webhook.secret_key_id, previous };
    signing_secret::all(master, Purpose::AlertWebhook, webhook.site_id, kept, now)
}

/// Sets where alerts are posted. The first time makes a secret; a new URL keeps it, and one that was disabled is enabled again.
///
/// # Errors
/// 412 when it has changed since it was read, or is not there any more.
pub fn run(conn: &mut Conn, context: &Context, master: &MasterKey, expected: &Expected, url: WebUrl) -> Result<Set, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let before = store::alert_webhooks::lock(conn, scope)?;
    let (webhook, secret) = match (&before, expected) {
        (None, Expected::Tags(_)) => return Err(AppError::new(ErrorCode::StaleVersion)),
        (Some(webhook), expected) => {
            expected.check(webhook.version)?;
            let version = webhook.version + 1;
            (AlertWebhookRow { url, disabled_at: None, disabled_reason: None, version, updated_at: now, ..webhook.clone() }, None)
        }
        (None, Expected::Any) => {
            let (secret_id, secret_key_id, secret) = signing_secret::fresh(master, Purpose::AlertWebhook, context);
            let webhook = AlertWebhookRow {
                site_id: scope.site(),
                url,
                secret_id,
                secret_key_id,
                previous_secret_id: None,
                previous_key_id: None,
                previous_until: None,
                disabled_at: None,
                disabled_reason: None,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            (webhook, Some(secret))
        }
    };
    if before.is_some() {
        store::alert_webhooks::update(conn, scope, &webhook)?;
    } else if !store::alert_webhooks::insert(conn, &webhook)? {
        // Somebody else made one at this very moment.
        return Err(AppError::new(ErrorCode::StaleVersion));
    }
    // Whether this place works is not known yet.
    store::alerts::channels::forget(conn, scope, None, AlertChannel::Webhook)?;
    record(conn, context, [changed("set_alert_webhook", scope.site(), before.as_ref(), Some(&webhook))])?;
    Ok(Set { webhook, secret })
}

/// Takes it away: its secrets sign nothing any more, and another one gets its own.
///
/// # Errors
/// 404 when there is none, 412 when it has changed since it was read.
pub fn delete(conn: &mut Conn, context: &Context, expected: &Expected) -> Result<(), AppError> {
    let scope = &context.scope;
    let webhook = store::alert_webhooks::lock(conn, scope)?.ok_or_else(AppError::not_found)?;
    expected.check(webhook.version)?;
    store::alert_webhooks::delete(conn, scope)?;
    record(conn, context, [changed("delete_alert_webhook", scope.site(), Some(&webhook), None)])
}

/// Makes another secret; the present one signs beside it until the overlap is over.
///
/// # Errors
/// 404 when there is no webhook, 412 when it has changed since it was read, 409 while an earlier rotation goes on.
pub fn rotate(
    conn: &mut Conn,
    context: &Context,
    master: &MasterKey,
    expected: &Expected,
    overlap: Duration,
) -> Result<Set, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let before = store::alert_webhooks::lock(conn, scope)?.ok_or_else(AppError::not_found)?;
    expected.check(before.version)?;
    if before.previous_until.is_some_and(|until| until > now) && overlap > Duration::zero() {
        return Err(AppError::new(ErrorCode::RotationInProgress)
            .with_detail("Two secrets sign already. Wait for the overlap to end, or rotate with `overlap_hours` 0, which ends all but the new one."));
    }
    let (secret_id, secret_key_id, secret) = signing_secret::fresh(master, Purpose::AlertWebhook, context);
    let goes_on = overlap > Duration::zero();
    let webhook = AlertWebhookRow {
        secret_id,
        secret_key_id,
        previous_secret_id: goes_on.then_some(before.secret_id),
        previous_key_id: goes_on.then(|| before.secret_key_id.clone()),
        previous_until: goes_on.then(|| now + overlap),
        version: before.version + 1,
        updated_at: now,
        ..before.clone()
    };
    store::alert_webhooks::update(conn, scope, &webhook)?;
    record(conn, context, [changed("rotate_alert_webhook_secret", scope.site(), Some(&before), Some(&webhook))])?;
    Ok(Set { webhook, secret: Some(secret) })
}
