//! Forgetting what is kept for a time only: idempotency keys after their 24 hours.

use std::time::Duration;

use actix_web::web::Data;

use crate::auth::operator_scope;
use crate::error::AppError;
use crate::state::AppState;
use crate::store;
use crate::store::idempotency::KEPT_FOR;

/// How often: the time that a key outlives its 24 hours at the most.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// Runs for as long as the server does. A pass that fails is logged and the next one makes up for it.
pub async fn run(app: Data<AppState>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = pass(&app).await {
            log::warn!("housekeeping: {}", error.code.as_str());
        }
    }
}

/// One pass over all sites; says how many keys were forgotten.
///
/// # Errors
/// The first failure; sites before it are done.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    let expired_before = app.clock.now() - KEPT_FOR;
    let sites = app.db.look_up(app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await?;
    let mut forgotten = 0;
    for site in sites {
        let scope = operator_scope(site);
        forgotten += app
            .db
            .transact(scope, app.deadline(), move |conn| Ok(store::idempotency::forget(conn, &scope, expired_before)?))
            .await?;
    }
    Ok(forgotten)
}
