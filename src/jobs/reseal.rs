//! After the master key was rotated: sealing anew what lies under an earlier key that is accepted.
//!
//! While servers are changed over one by one, each seals under its own current key: a row may go back and forth, and is readable to all.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::reseal_details;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "reseal";

/// One pass over all sites; says how many rows were sealed anew. Without an earlier key there is nothing to do.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    if app.master.accepted_beside() == 0 {
        return Ok(0);
    }
    let master = app.master.clone();
    sites::at_each(app, NAME, move |conn, context| {
        let count = reseal_details::pass(conn, context, &master, reseal_details::BATCH)?;
        Ok(Done { count, more: i64::try_from(count).is_ok_and(|count| count >= reseal_details::BATCH) })
    })
    .await
}
