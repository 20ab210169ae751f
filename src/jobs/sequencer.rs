//! The sequencer's rounds: at once where this process wrote, and everywhere now and then, for what another server left behind.
//! Its lease is older than those of the other jobs and its own: the row where the site's streams end (`store::journal::lease`).

use std::time::Duration;

use super::Wake;
use crate::auth::operator_scope;
use crate::db::Whose;
use crate::domain::ids::SiteId;
use crate::error::AppError;
use crate::ops::{Context, sequence};
use crate::state::AppState;
use crate::store;

/// Its name in the metrics.
pub const NAME: &str = "sequencer";
/// Writes of this long share a pass, so that a busy site is not sequenced once per request.
const GATHER: Duration = Duration::from_millis(40);

/// One round: where this process wrote, and at every site when the time for that has come. Says how much was placed.
///
/// # Errors
/// The first failure; what it leaves the next round makes up for.
pub async fn round(app: &AppState, wake: Wake) -> Result<usize, AppError> {
    tokio::time::sleep(GATHER).await;
    let mut sites = app.journal.written();
    let mut failed = None;
    if wake == Wake::Tick {
        match app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await {
            // Where this process wrote comes first.
            Ok(all) => {
                let others: Vec<SiteId> = all.into_iter().filter(|site| !sites.contains(site)).collect();
                sites.extend(others);
            }
            Err(error) => failed = Some(error),
        }
    }
    let mut placed = 0;
    for site in sites {
        match catch_up(app, site).await {
            Ok(count) => placed += count,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(placed), Err)
}

/// Places everything of a site that waits; says how much that was.
///
/// # Errors
/// The first failure; passes before it are done.
pub async fn catch_up(app: &AppState, site: SiteId) -> Result<usize, AppError> {
    let scope = operator_scope(site);
    let mut placed = 0;
    loop {
        let context = Context::of_system(scope, app.clock.now());
        let pass = app.db.transact(scope, app.deadline(), move |conn| sequence::run(conn, &context)).await?;
        if pass.placed > 0 {
            placed += pass.placed;
            app.journal.place(site);
        }
        if !pass.more {
            return Ok(placed);
        }
    }
}
