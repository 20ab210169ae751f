//! Writing down at every site what the dates of approved language say: supersessions that were scheduled, and approvals that are over;
//! then partners whose language has lapsed are suspended.
//! Nothing waits for it: what counts on a day follows from the dates (`domain::language_standing`). It makes the events.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::{settle_language, suspend_partners};
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "language";

/// One pass over all sites; says how many versions ended, and how many partners were suspended or go on.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    let ended = sites::at_each(app, NAME, |conn, context| {
        let pass = settle_language::run(conn, context)?;
        Ok(Done { count: pass.ended, more: pass.more })
    })
    .await;
    let turned =
        sites::at_each(app, NAME, |conn, context| Ok(Done { count: suspend_partners::run(conn, context)?, more: false })).await;
    Ok(ended? + turned?)
}
