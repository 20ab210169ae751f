//! Keeping the sums of the reports up to date with the event log.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::roll_reports;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "reports";

/// One pass over all sites; says how many events were counted.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let rolled = roll_reports::pass(conn, context, roll_reports::BATCH)?;
        Ok(Done { count: rolled.count, more: rolled.more })
    })
    .await
}
