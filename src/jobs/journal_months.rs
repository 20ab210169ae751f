//! The months of events and audit entries: made ahead of their time, and dropped when the owner wants them kept no longer.

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::db::{Conn, Whose};
use crate::error::AppError;
use crate::ops::{Context, drop_journal_month};
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
    let mut count = 0;
    while !app.jobs.stopping() && tables(app, |conn| Ok(months::add(conn)?)).await? {
        count += 1;
    }
    if let Some(day) = tables(app, |conn| Ok(months::expired(conn)?)).await? {
        at_each(app, move |conn, context| drop_journal_month::run(conn, context, day)).await?;
        while !app.jobs.stopping() && tables(app, |conn| Ok(months::drop_oldest(conn)?)).await? {
            count += 1;
            log::info!("a month of events and audit entries from before {day} is dropped");
        }
    }
    if tables(app, |conn| Ok(months::begins_on(conn)?)).await?.is_some() {
        at_each(app, |conn, _| Ok(months::raise_floors(conn)?)).await?;
    }
    Ok(count)
}

/// What is of no site: a table at a time, for whom others wait.
async fn tables<T: Send + 'static>(
    app: &AppState,
    work: impl FnOnce(&mut Conn) -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    app.db.look_up(Whose::House, app.deadline(), work).await
}

async fn at_each(
    app: &AppState,
    work: impl Fn(&mut Conn, &Context) -> Result<bool, AppError> + Clone + Send + 'static,
) -> Result<usize, AppError> {
    let work = move |conn: &mut Conn, context: &Context| Ok(Done { count: usize::from(work(conn, context)?), more: false });
    sites::at_each(app, NAME, work).await
}
