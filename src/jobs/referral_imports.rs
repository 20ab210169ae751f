//! Doing the rows of imports: one batch of each site after the other, so that a large file of one holds up no other's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let (done, mut failed) = (Arc::new(AtomicUsize::new(0)), None);
    loop {
        let (counted, master) = (Arc::clone(&done), app.master.clone());
        let work = move |conn: &mut _, context: &_| {
            let count = import_referrals::pass(conn, context, &master)?;
            counted.fetch_add(count, Ordering::Relaxed);
            Ok(Done { count, more: false })
        };
        let before = done.load(Ordering::Relaxed);
        // A site that fails holds up no other.
        failed = sites::at_each(app, NAME, work).await.err().or(failed);
        let total = done.load(Ordering::Relaxed);
        if total == before || app.jobs.stopping() {
            return failed.map_or(Ok(total), Err);
        }
    }
}
