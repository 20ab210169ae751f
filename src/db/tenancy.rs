//! The one place that sets the tenant context: `app.site_id` and `app.partner_id`, for one transaction.
//!
//! `SET LOCAL` inside the transaction and never a session `SET`: that would leak to the pool's next borrower. Every
//! policy of every table reads these two settings (migrations, `current_site_id()`).

use std::fmt::Write as _;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::pg::PgConnection;
use diesel::result::QueryResult;

use crate::auth::{SiteScope, operator_scope};
use crate::domain::ids::SiteId;
use crate::error::AppError;

/// A second caller with the same idempotency key waits this long for the first; then 409.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_millis(250);
/// At the command line nobody waits for an answer with a deadline.
const OPERATOR_TIMEOUT: Duration = Duration::from_secs(600);

/// What a transaction sees of those beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Each statement what was committed before it.
    Statements,
    /// The same; and PostgreSQL plans each statement once and not each time for its values, as it does where it cannot tell before how many
    /// rows a limit leaves. For pages that one index gives in their order whatever the values are: planning would cost most of them.
    PlannedOnce,
    /// All statements the same moment; it may not write.
    Snapshot,
}

/// Begins a transaction and sets its context in one round trip. Ids are UUIDs and limits numbers: nothing here can be SQL.
pub(super) fn begin(conn: &mut PgConnection, scope: Option<&SiteScope>, sight: Sight, limit: Duration) -> QueryResult<()> {
    let mut sql = String::with_capacity(320);
    let millis = limit.as_millis().max(1);
    // A process that is stopped in the middle keeps its row locks, the sequencer's lease among them, no longer than its deadline. And what a
    // request asks an index answers: workers beside it, which PostgreSQL would think of from some millions of rows on, start for ten
    // milliseconds, and would be cores that one site has of all the others.
    let _ = write!(
        sql,
        "BEGIN{}; SET LOCAL statement_timeout = {millis}; SET LOCAL idle_in_transaction_session_timeout = {millis}; SET LOCAL lock_timeout = {}; \
         SET LOCAL max_parallel_workers_per_gather = 0",
        match sight {
            Sight::Statements | Sight::PlannedOnce => "",
            Sight::Snapshot => " ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        },
        LOCK_TIMEOUT.min(limit).as_millis().max(1)
    );
    if sight == Sight::PlannedOnce {
        sql.push_str("; SET LOCAL plan_cache_mode = force_generic_plan");
    }
    if let Some(scope) = scope {
        let _ = write!(sql, "; SET LOCAL app.site_id = '{}'", scope.site());
        if let Some(partner) = scope.partner() {
            let _ = write!(sql, "; SET LOCAL app.partner_id = '{partner}'");
        }
    }
    AnsiTransactionManager::begin_transaction_sql(conn, &sql)
}

/// Sets the context inside a transaction that began without one: the step from the directory to the tenant it found.
///
/// # Errors
/// A database failure.
pub fn enter_site(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<()> {
    conn.batch_execute(&format!("SET LOCAL app.site_id = '{}'", scope.site()))
}

/// Lifts a partner's own limit for this work alone, within its site, and puts it back: for asking what a partner's request must
/// know and the partner must not, which is whether permission to contact was withdrawn, and who at the site is there to take a
/// referral; and for queueing its referral to be matched again. A site's request has no such limit.
///
/// # Errors
/// What `work` answers, or a database failure. After either, the transaction can only be rolled back, and its settings go with it.
pub fn beyond_partner<T>(
    conn: &mut PgConnection,
    scope: &SiteScope,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let Some(partner) = scope.partner() else { return work(conn) };
    conn.batch_execute("SET LOCAL app.partner_id = ''")?;
    let done = work(conn);
    let back = conn.batch_execute(&format!("SET LOCAL app.partner_id = '{partner}'"));
    // The work's own failure first: where it aborted the transaction, `back` has failed for that alone.
    let value = done?;
    back.map(|()| value)
}

/// Does the work in the transaction that was begun, and commits it; any error rolls back.
pub(super) fn finish<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, AppError>,
) -> Result<T, AppError> {
    match work(conn) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // A rollback that fails marks the connection broken; the pool closes it, and the server rolls back.
            let _ = AnsiTransactionManager::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// One transaction for one site, for the command line and jobs.
///
/// # Errors
/// What `work` answers, or a database failure.
pub fn in_site<T>(
    conn: &mut PgConnection,
    site: SiteId,
    work: impl FnOnce(&mut PgConnection, &SiteScope) -> Result<T, AppError>,
) -> Result<T, AppError> {
    let scope = operator_scope(site);
    begin(conn, Some(&scope), Sight::Statements, OPERATOR_TIMEOUT)?;
    finish(conn, |conn| work(conn, &scope))
}

/// Reads of one moment for one site, for the command line.
///
/// # Errors
/// What `work` answers, or a database failure.
pub fn in_snapshot<T>(
    conn: &mut PgConnection,
    site: SiteId,
    work: impl FnOnce(&mut PgConnection, &SiteScope) -> Result<T, AppError>,
) -> Result<T, AppError> {
    let scope = operator_scope(site);
    begin(conn, Some(&scope), Sight::Snapshot, OPERATOR_TIMEOUT)?;
    finish(conn, |conn| work(conn, &scope))
}

/// One transaction without a tenant, for reading the directory.
///
/// # Errors
/// What `work` answers, or a database failure.
pub fn in_directory<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, AppError>,
) -> Result<T, AppError> {
    begin(conn, None, Sight::Statements, OPERATOR_TIMEOUT)?;
    finish(conn, work)
}
