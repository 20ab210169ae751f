//! The months of events and audit entries: made ahead of their time, and dropped when the owner wants them kept no longer.

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::db::{Conn, Whose};
use crate::error::AppError;
use crate::ops::drop_journal_month;
use crate::state::AppState;
use crate::store::journal::months;

/// Its name in the leases and the metrics.
pub const NAME: &str = "journal_months";

/// One pass; says how many months were made or dropped. One goes when the sealed trail of every site says that it does, and so not in the pass
/// that has them say it.
///
/// # Errors
/// The first failure; what is done stays done.
pub async fn pass(app: &Data<AppState>) -> Result<usize, AppError> {
    let (mut count, expired) = tables(app, |conn| Ok((months::add(conn)?, months::expired(conn)?))).await?;
    let Some(until) = expired else { return Ok(count) };
    let say = sites::at_each(app, NAME, move |conn, context| {
        Ok(Done { count: usize::from(drop_journal_month::run(conn, context, until)?), more: false })
    });
    say.await?;
    if sites::all(app, move |conn, context| drop_journal_month::is_said(conn, context, until)).await? {
        while !app.jobs.stopping() && tables(app, move |conn| Ok(months::drop_oldest(conn, until)?)).await? {
            count += 1;
            log::info!("a month of events and audit entries from before {until} is dropped");
        }
    }
    Ok(count)
}

/// What is of no site.
async fn tables<T: Send + 'static>(
    app: &AppState,
    work: impl FnOnce(&mut Conn) -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    app.db.look_up(Whose::House, app.deadline(), work).await
}
