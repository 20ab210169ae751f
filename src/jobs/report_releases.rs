//! Closing months for partners and sponsors when their time has come.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::release_reports;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "report_releases";

/// One pass over all sites; says how many months were closed.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let released = release_reports::pass(conn, context)?;
        Ok(Done { count: released.months, more: released.more })
    })
    .await
}
