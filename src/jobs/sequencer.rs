//! The sequencer's rounds: at once where this process wrote, and everywhere now and then, for what another server left behind.

use std::time::Duration;

use actix_web::web::Data;

use crate::auth::operator_scope;
use crate::domain::ids::SiteId;
use crate::error::AppError;
use crate::ops::{Context, sequence};
use crate::state::AppState;
use crate::store;

/// How often every site is looked at: the longest that an event of a server that died waits for another.
const EVERY: Duration = Duration::from_secs(1);
/// Writes of this long share a pass, so that a busy site is not sequenced once per request.
const GATHER: Duration = Duration::from_millis(15);

/// Runs for as long as the server does. What fails is made up for by the next round; a failure that lasts is logged once.
pub async fn run(app: Data<AppState>) {
    let mut looked = tokio::time::Instant::now() - EVERY;
    let mut failing = false;
    loop {
        let mut sites = app.journal.written(EVERY).await;
        tokio::time::sleep(GATHER).await;
        let mut outcome = Ok(());
        if looked.elapsed() >= EVERY {
            looked = tokio::time::Instant::now();
            match app.db.look_up(app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await {
                // Where this process wrote comes first.
                Ok(all) => {
                    let others: Vec<SiteId> = all.into_iter().filter(|site| !sites.contains(site)).collect();
                    sites.extend(others);
                }
                Err(error) => outcome = Err(error),
            }
        }
        for site in sites {
            outcome = outcome.and(catch_up(&app, site).await.map(drop));
        }
        match &outcome {
            Err(error) if !failing => log::warn!("sequencer: {}; it goes on trying", error.code.as_str()),
            Ok(()) if failing => log::info!("sequencer: it works again"),
            _ => {}
        }
        failing = outcome.is_err();
    }
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
