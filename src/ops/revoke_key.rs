//! Revoking an API key: the next request with it is refused.

use super::record::{Change, record};
use super::{Context, facts, rotate_key};
use crate::db::Conn;
use crate::domain::ids::ApiKeyId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::vocabulary::RevocationReason;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::api_keys::{ApiKeyChanges, ApiKeyContext};

/// Revokes a key, an expired one too: that it leaked is worth recording. The reason stands in the audit trail.
///
/// # Errors
/// 404 for an unknown key, 409 for one that is revoked already.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: ApiKeyId,
    reason: Option<RevocationReason>,
) -> Result<ApiKeyContext, AppError> {
    let scope = &context.scope;
    store::api_keys::administer(conn, scope)?;
    let found = store::api_keys::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    if found.key.revoked_at.is_some() {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This key is revoked already."));
    }
    let changes = ApiKeyChanges { revoked_at: Some(context.now), version: found.key.version + 1, ..ApiKeyChanges::default() };
    let revoked = store::api_keys::update(conn, scope, id, &changes)?;
    let (before, after) = (facts::of_api_key(&found.key), facts::of_api_key(&revoked));
    let change = Change::new("revoke_api_key", SubjectKind::ApiKey, id.0, before, after);
    let change = change.because(reason.map(RevocationReason::as_str));
    record(conn, context, [rotate_key::tell(change, EventType::KeyRevoked, &revoked)])?;
    Ok(ApiKeyContext { key: revoked, ..found })
}
