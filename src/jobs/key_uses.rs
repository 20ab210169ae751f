//! Writing down when keys were last used. Without a lease: each server writes what it alone remembers.

use crate::auth::operator_scope;
use crate::error::AppError;
use crate::state::AppState;
use crate::store;

/// Its name in the metrics.
pub const NAME: &str = "key_uses";

/// One pass whose failure is logged: the last one, before the server stops.
pub async fn pass_or_warn(app: &AppState) {
    if let Err(error) = pass(app).await {
        log::warn!("uses of keys: {}", error.code.as_str());
    }
}

/// Writes every use that this process remembers, one transaction and one statement per site; says how many rows changed.
///
/// # Errors
/// The first failure. The uses of its site, and of those after it, are remembered for the next pass.
pub async fn pass(app: &AppState) -> Result<usize, AppError> {
    let (mut kept, mut failed) = (0, None);
    for (site, uses) in app.key_uses.take() {
        let result = match failed {
            None => {
                let (scope, uses) = (operator_scope(site), uses.clone());
                let write = move |conn: &mut _| Ok(store::api_keys::keep_uses(conn, &scope, &uses)?);
                app.db.transact(scope, app.deadline(), write).await
            }
            Some(_) => Ok(0),
        };
        match result {
            Ok(rows) if failed.is_none() => kept += rows,
            result => {
                for (key, at) in uses {
                    app.key_uses.note(site, key, at);
                }
                failed = failed.or(result.err());
            }
        }
    }
    failed.map_or(Ok(kept), Err)
}
