//! Anchoring what the audit chains have come to, outside the database.

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::error::AppError;
use crate::privacy::anchors::Anchor;
use crate::privacy::keys::Purpose;
use crate::state::AppState;
use crate::store;

/// Its name in the leases and the metrics.
pub const NAME: &str = "audit_anchors";

/// One pass over all sites; says how many chains went on since they were anchored last.
///
/// # Errors
/// The first failure, a file that cannot be written among them.
pub async fn pass(app: &Data<AppState>) -> Result<usize, AppError> {
    if app.anchors.is_none() {
        return Ok(0);
    }
    let state = app.clone();
    sites::at_each(app, NAME, move |conn, context| {
        let site = context.scope.site();
        let none = Done { count: 0, more: false };
        let (Some(anchors), Some(head)) = (&state.anchors, store::journal::head(conn, &context.scope)?) else { return Ok(none) };
        if head.audit_position == 0 || anchors.has(site, head.audit_position) {
            return Ok(none);
        }
        let key = state.master.derive(Purpose::AuditAnchor, site);
        let anchor = Anchor::sign(&key, site, head.audit_position, &head.audit_hash, context.now)
            .ok_or_else(|| AppError::internal("no key to sign anchors with"))?;
        anchors.add(&anchor).map_err(|error| AppError::internal(error.kind().to_string()))?;
        Ok(Done { count: 1, more: false })
    })
    .await
}
