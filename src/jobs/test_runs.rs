//! Going on with test runs: what the real path has left by now is written down, and intake links are looked at, outside any transaction.

use chrono::Duration;

use super::sites::{self, Done};
use crate::auth::operator_scope;
use crate::db::Whose;
use crate::domain::ids::{SiteId, TestRunId};
use crate::domain::intake_link;
use crate::domain::test_run::{Step, StepFailure, TestStep};
use crate::error::AppError;
use crate::ops::{Context, advance_test_run};
use crate::outbound::http::Status;
use crate::state::AppState;
use crate::store;

/// Its name in the leases and the metrics.
pub const NAME: &str = "test_runs";
/// How long an intake link that did not answer is left alone.
const LOOKED_AT_EVERY: Duration = Duration::minutes(10);

/// One pass over all sites; says how many runs went on.
///
/// # Errors
/// The first failure; the other sites are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    let looked = look(app).await;
    let email = app.outbound.mailer.is_some();
    let advanced = sites::at_each(app, NAME, move |conn, context| {
        let count = advance_test_run::pass(conn, context, email)?;
        Ok(Done { count, more: false })
    })
    .await;
    looked.and(advanced)
}

/// Looks at the intake links that nobody has looked at for a while.
async fn look(app: &AppState) -> Result<(), AppError> {
    let mut failed = None;
    for site in app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await? {
        if let Err(error) = look_at_site(app, site).await {
            failed = failed.or(Some(error));
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn look_at_site(app: &AppState, site: SiteId) -> Result<(), AppError> {
    let (scope, now) = (operator_scope(site), app.clock.now());
    let take = move |conn: &mut _| {
        let taken = store::test_runs::take_links(conn, &scope, now - LOOKED_AT_EVERY, now)?;
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let site = store::sites::current(conn, &scope)?;
        let mut links = Vec::with_capacity(taken.len());
        for (run, route) in taken {
            if let Some(route) = store::routes::find(conn, &scope, route)? {
                let url = route.route.intake_url_at(&site);
                links.push((run, intake_link::of(url, &route.route.source_tag, &route.study_code)));
            }
        }
        Ok(links)
    };
    let links: Vec<(TestRunId, String)> = app.db.transact(scope, app.deadline(), take).await?;
    for (run, link) in links {
        // Only the address itself can say that nothing is there; whatever else keeps the server from it, a person may get through.
        let now = app.clock.now();
        let step = match app.outbound.http.look(&link).await {
            Ok(Status(404 | 410)) => Step::failed(TestStep::IntakeLink, StepFailure::IntakeUnreachable, now),
            Ok(Status(..400)) => Step::passed(TestStep::IntakeLink, now),
            Ok(Status(_)) | Err(_) => continue,
        };
        let context = Context::of_system(scope, now);
        app.db.transact(scope, app.deadline(), move |conn| advance_test_run::settle(conn, &context, run, step)).await?;
        app.journal.wrote(site);
    }
    Ok(())
}
