//! Escalating what stalls: at every site, the steps that are due.

use super::sites::{self, Done};
use crate::error::AppError;
use crate::ops::escalate;
use crate::state::AppState;

/// Its name in the leases and the metrics.
pub const NAME: &str = "escalation";

/// One pass over all sites; says how many steps were taken.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    sites::at_each(app, NAME, |conn, context| {
        let escalated = escalate::run(conn, context, escalate::BATCH)?;
        Ok(Done { count: escalated.steps, more: escalated.more })
    })
    .await
}
