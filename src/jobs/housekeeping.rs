//! Forgetting what is kept for a time only: idempotency keys after their 24 hours.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::state::AppState;
use crate::store;
use crate::store::idempotency::KEPT_FOR;

/// Its name in the leases and the metrics.
pub const NAME: &str = "housekeeping";

/// One pass over all sites; says how many keys were forgotten.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let count = store::idempotency::forget(conn, &context.scope, context.now - KEPT_FOR)?;
        Ok(Done { count, more: false })
    })
    .await
}
