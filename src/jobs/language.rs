//! Writing down at every site what the dates of approved language say: supersessions that were scheduled, and approvals that are over.
//! Nothing waits for it: what counts on a day follows from the dates (`domain::language_standing`). It makes the events.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::settle_language;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "language";

/// One pass over all sites; says how many versions ended.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let pass = settle_language::run(conn, context)?;
        Ok(Done { count: pass.ended, more: pass.more })
    })
    .await
}
