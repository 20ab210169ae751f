//! Forgetting what is kept for a time only: idempotency keys after their 24 hours, and what became of the rows of imports.

use chrono::Duration;

use super::sites::{self, Done};
use crate::error::AppError;
use crate::state::AppState;
use crate::store;
use crate::store::idempotency::KEPT_FOR;

/// Its name in the leases and the metrics.
pub const NAME: &str = "housekeeping";

/// How long an import whose file breaks off may go on coming in: twice what a file may take.
const STALLED: Duration = Duration::hours(2);
/// How long it is listed what became of the rows of an import.
const LISTED_FOR: Duration = Duration::days(90);

/// One pass over all sites; says how many keys and rows were forgotten.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let (scope, now) = (&context.scope, context.now);
        let keys = store::idempotency::forget(conn, scope, now - KEPT_FOR)?;
        let imports = store::referral_imports::forget(conn, scope, now - STALLED, now - LISTED_FOR)?;
        Ok(Done { count: keys + imports, more: imports > 0 })
    })
    .await
}
