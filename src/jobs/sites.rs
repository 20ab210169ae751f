//! A job's work at every site: one transaction at a time, under the site's lease.
//!
//! The lease is the lock of the site's row in `job_leases`, held by the transaction that does the work: it ends with its holder,
//! however that ends, and no clock has to be believed. Work that leaves the transaction, such as a delivery, cannot be held so: it
//! leases the rows that it works on, for a time.

use chrono::Duration;

use crate::auth::operator_scope;
use crate::db::{Conn, Whose};
use crate::domain::ids::SiteId;
use crate::domain::vocabulary::JobOutcome;
use crate::error::AppError;
use crate::ops::Context;
use crate::state::AppState;
use crate::store::{self, job_leases::LeaseRow};

/// How often a run that found nothing to do is written down at the most.
const TOLD_EVERY: Duration = Duration::seconds(60);

/// What one transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How much.
    pub count: usize,
    /// Whether more may wait.
    pub more: bool,
}

/// Does this work at every site whose lease is free, until nothing is left there; says how much that was. Between two transactions it
/// stops when the server does. A site that fails stops no other.
///
/// # Errors
/// The first failure.
pub async fn at_each<W>(app: &AppState, job: &'static str, work: W) -> Result<usize, AppError>
where
    W: Fn(&mut Conn, &Context) -> Result<Done, AppError> + Clone + Send + 'static,
{
    let sites = app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await?;
    let (mut count, mut failed) = (0, None);
    for site in sites {
        while !app.jobs.stopping() {
            match at_one(app, job, site, work.clone()).await {
                Ok(done) => {
                    count += done.count;
                    if done.count > 0 {
                        app.journal.wrote(site);
                    }
                    if done.count == 0 || !done.more {
                        break;
                    }
                }
                Err(error) => {
                    note_failure(app, job, site).await;
                    failed = failed.or(Some(error));
                    break;
                }
            }
        }
    }
    failed.map_or(Ok(count), Err)
}

/// One transaction of the work; nothing while another server holds the lease.
async fn at_one<W>(app: &AppState, job: &'static str, site: SiteId, work: W) -> Result<Done, AppError>
where
    W: Fn(&mut Conn, &Context) -> Result<Done, AppError> + Clone + Send + 'static,
{
    let (scope, server) = (operator_scope(site), app.jobs.server());
    for first in [true, false] {
        let (context, work) = (Context::of_system(scope, app.clock.now()), work.clone());
        let done = app.db.transact(scope, app.deadline(), move |conn| {
            let Some(lease) = store::job_leases::take(conn, &scope, job)? else { return Ok(None) };
            let done = work(conn, &context)?;
            let now = context.now;
            if done.count > 0 || lease.outcome == JobOutcome::Failed || lease.ran_at + TOLD_EVERY <= now {
                let count = i64::try_from(done.count).unwrap_or(i64::MAX);
                let done_in_all = lease.done_in_all.saturating_add(count);
                let outcome = JobOutcome::Done;
                let told = LeaseRow { server_id: server, ran_at: now, outcome, done: count, done_in_all, ..lease };
                store::job_leases::write(conn, &scope, &told)?;
            }
            Ok(Some(done))
        });
        match done.await? {
            Some(done) => return Ok(done),
            // Another server holds it, or this is the site's first run.
            None if first => prepare(app, job, site).await?,
            None => {}
        }
    }
    Ok(Done { count: 0, more: false })
}

async fn prepare(app: &AppState, job: &'static str, site: SiteId) -> Result<(), AppError> {
    let (scope, server_id, ran_at) = (operator_scope(site), app.jobs.server(), app.clock.now());
    let first =
        LeaseRow { site_id: site, job: job.to_owned(), server_id, ran_at, outcome: JobOutcome::Done, done: 0, done_in_all: 0 };
    app.db.transact(scope, app.deadline(), move |conn| Ok(store::job_leases::prepare(conn, &first)?)).await
}

/// Notes that a run failed, as far as the database takes that: its own transaction was undone.
async fn note_failure(app: &AppState, job: &'static str, site: SiteId) {
    let (scope, server_id, now) = (operator_scope(site), app.jobs.server(), app.clock.now());
    let note = move |conn: &mut Conn| {
        let Some(lease) = store::job_leases::take(conn, &scope, job)? else { return Ok(()) };
        if lease.outcome == JobOutcome::Failed && lease.ran_at + TOLD_EVERY > now {
            return Ok(());
        }
        let failed = LeaseRow { server_id, ran_at: now, outcome: JobOutcome::Failed, done: 0, ..lease };
        Ok(store::job_leases::write(conn, &scope, &failed)?)
    };
    if let Err(error) = app.db.transact(scope, app.deadline(), note).await {
        log::debug!("{job}: its failure was not noted: {}", error.code.as_str());
    }
}
