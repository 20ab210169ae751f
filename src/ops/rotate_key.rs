//! Rotating an API key: a new one takes its place, and the old one goes on for a while.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

use super::issue_key::{Issued, end_fault, keep, refuse_ended};
use super::record::{Change, record};
use super::{Context, facts};
use crate::db::Conn;
use crate::domain::ids::ApiKeyId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::vocabulary::KeyStatus;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::api_keys::{ApiKeyChanges, ApiKeyContext, ApiKeyRow};

/// How a key is rotated.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// How long the old key goes on.
    pub overlap: Duration,
    /// When the new key ends by itself: `None`, after as long a life as the old one was given; `Some(None)`, never.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// Makes a key of the same name, principal, scopes, partner and mode; the old one ends with the overlap, if not before.
///
/// # Errors
/// 404 for an unknown key; 409 when it works no longer, its partner has ended, or two keys of its name are active already; 422
/// for an end outside its limits.
pub fn run(conn: &mut Conn, context: &Context, id: ApiKeyId, rotation: Rotation) -> Result<Issued, AppError> {
    let (scope, now) = (&context.scope, context.now);
    store::api_keys::administer(conn, scope)?;
    let found = store::api_keys::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let old = &found.key;
    if let Some(fault) = end_fault(now, rotation.expires_at.flatten()) {
        return Err(AppError::invalid(vec![fault]));
    }
    if matches!(old.status(now), KeyStatus::Revoked | KeyStatus::Expired) {
        let detail = "This key is revoked or expired, so that nothing goes on with it. Issue a new one.";
        return Err(AppError::new(ErrorCode::StateConflict).with_detail(detail));
    }
    refuse_ended(found.partner_status)?;
    if store::api_keys::count_active(conn, scope, &old.name, old.partner_id, old.is_test, now)? > 1 {
        return Err(AppError::new(ErrorCode::RotationInProgress));
    }
    let new = ApiKeyRow {
        id: ApiKeyId::at(now),
        created_at: now,
        expires_at: match rotation.expires_at {
            Some(said) => said.map(|at| at.trunc_subsecs(6)),
            None => as_long(conn, context, old)?,
        },
        version: 1,
        last_used_at: None,
        rotated_to_id: None,
        ..old.clone()
    };
    let secret = keep(conn, &new)?;
    let overlap_ends = now + rotation.overlap;
    let changes = ApiKeyChanges {
        expires_at: Some(old.expires_at.map_or(overlap_ends, |at| at.min(overlap_ends))),
        rotated_to_id: Some(new.id),
        version: old.version + 1,
        ..ApiKeyChanges::default()
    };
    let rotated = store::api_keys::update(conn, scope, id, &changes)?;
    record(conn, context, changes_of(old, &rotated, &new))?;
    Ok(Issued { key: ApiKeyContext { key: new, ..found }, secret })
}

/// The end of a key that lives as long as this one was given to live. Where a rotation has brought its end forward, the key that
/// was to take its place tells: it was given the same, and is not rotated itself while this one works.
fn as_long(conn: &mut Conn, context: &Context, old: &ApiKeyRow) -> Result<Option<DateTime<Utc>>, AppError> {
    let successor = match old.rotated_to_id {
        Some(id) => store::api_keys::find(conn, &context.scope, id)?.map(|found| found.key),
        None => None,
    };
    let model = successor.as_ref().unwrap_or(old);
    Ok(model.expires_at.and_then(|at| context.now.checked_add_signed(at - model.created_at)))
}

fn changes_of(old: &ApiKeyRow, rotated: &ApiKeyRow, new: &ApiKeyRow) -> [Change; 2] {
    let made = Change::made("rotate_api_key", SubjectKind::ApiKey, new.id.0, facts::of_api_key(new));
    let (before, after) = (facts::of_api_key(old), facts::of_api_key(rotated));
    let change = Change::new("rotate_api_key", SubjectKind::ApiKey, old.id.0, before, after);
    [made, tell(change, EventType::KeyRotated, rotated)]
}

/// Tells the feed of a key, as its partner's matter where it is one's.
pub(super) fn tell(change: Change, event_type: EventType, key: &ApiKeyRow) -> Change {
    match key.partner_id {
        Some(partner) => change.tell_of_partner(event_type, key.version, partner, None),
        None => change.tell(event_type, key.version),
    }
}
