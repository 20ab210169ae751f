//! Keeping erasures outside the database, and doing them again after a restore has brought back what was erased.

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::create_erasure;
use crate::state::AppState;
use crate::store;

/// Its name in the leases and the metrics.
pub const NAME: &str = "erasures";

/// Digests of one transaction: each is a lock that it holds, and it is short enough to keep nobody waiting.
const BATCH: usize = 200;

/// One pass over all sites; says by how many digests was erased again.
///
/// # Errors
/// The first failure, a file that cannot be written among them.
pub async fn pass(app: &Data<AppState>) -> Result<usize, AppError> {
    if app.erasures.is_none() {
        return Ok(0);
    }
    let state = app.clone();
    sites::at_each(app, NAME, move |conn, context| {
        let none = Done { count: 0, more: false };
        let Some(file) = &state.erasures else { return Ok(none) };
        let kept = store::erasures::list(conn, &context.scope)?;
        let mut missing =
            file.compare(context.scope.site(), kept).map_err(|error| AppError::internal(error.kind().to_string()))?;
        if missing.is_empty() {
            return Ok(none);
        }
        let more = missing.len() > BATCH;
        missing.truncate(BATCH);
        let erased = create_erasure::again(conn, context, &missing)?;
        if erased > 0 {
            log::warn!("erased again, as the file of erasures says: {erased} referral(s)");
        }
        Ok(Done { count: missing.len(), more })
    })
    .await
}
