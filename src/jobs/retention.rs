//! Purging what the site keeps no longer: sealed details and contact digests whose referral ended longer ago than its settings say.

use super::sites::{self, Done};
use crate::db::Conn;
use crate::error::AppError;
use crate::ops::{Context, purge_details, purge_digests};
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "retention";

/// One pass over all sites; says of how many referrals something was purged.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let details = purge_details::pass(conn, context, purge_details::BATCH)?;
        let digests = purge_digests::pass(conn, context, purge_details::BATCH)?;
        Ok(Done { count: details.count + digests.count, more: details.more || digests.more })
    })
    .await
}

/// How much is to be purged by now.
///
/// # Errors
/// A database failure.
pub fn count_waiting(conn: &mut Conn, context: &Context) -> Result<i64, AppError> {
    Ok(purge_details::count_waiting(conn, context)? + purge_digests::count_waiting(conn, context)?)
}
