//! Matching what was received: who may be the same person. It runs on its own time and never in a request, so that no answer can
//! depend on what it finds.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::match_duplicates;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "match_duplicates";

/// One pass over all sites; says how many referrals were matched.
///
/// # Errors
/// The first failure; what it left waits for the next pass, and so it stands in no other site's way.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let matched = match_duplicates::run(conn, context)?;
        Ok(Done { count: matched.matched, more: matched.more })
    })
    .await
}
