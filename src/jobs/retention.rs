//! Purging what the site keeps no longer: sealed details whose referral ended longer ago than the site's setting says.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::purge_details;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "retention";

/// One pass over all sites; says how many details were purged.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let purged = purge_details::pass(conn, context, purge_details::BATCH)?;
        Ok(Done { count: purged.count, more: purged.more })
    })
    .await
}
