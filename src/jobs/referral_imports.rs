//! Doing the rows of imports: one batch of each site after the other, so that a large file of one holds up no other's.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::import_referrals;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "referral_imports";

/// Does batches until none waits anywhere; says how many rows that were.
///
/// # Errors
/// The first failure; what it leaves the next run makes up for.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    let mut done = 0;
    loop {
        let work = |conn: &mut _, context: &_| Ok(Done { count: import_referrals::pass(conn, context)?, more: false });
        let count = sites::at_each(app, NAME, work).await?;
        done += count;
        if count == 0 || app.jobs.stopping() {
            return Ok(done);
        }
    }
}
