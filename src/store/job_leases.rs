//! Which server works for a site, and what came of it last.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{ServerId, SiteId};
use crate::domain::vocabulary::JobOutcome;
use crate::schema::job_leases;

/// A job's lease, with its last run that is worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = job_leases)]
pub struct LeaseRow {
    /// The tenant.
    pub site_id: SiteId,
    /// The job's name.
    pub job: String,
    /// Which server ran it.
    pub server_id: ServerId,
    /// When.
    pub ran_at: DateTime<Utc>,
    /// What came of it.
    pub outcome: JobOutcome,
    /// How much it did.
    pub done: i64,
    /// How much all runs did.
    pub done_in_all: i64,
}

/// Takes a job's lease for the site until the transaction ends; `None` while another server holds it, or before [`prepare`].
///
/// # Errors
/// A database failure.
pub fn take(conn: &mut PgConnection, scope: &SiteScope, job: &str) -> QueryResult<Option<LeaseRow>> {
    job_leases::table
        .filter(job_leases::site_id.eq(scope.site()).and(job_leases::job.eq(job)))
        .select(LeaseRow::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .optional()
}

/// Makes sure that there is a lease to take. In a transaction of its own, so that two servers that begin at once wait for one
/// another no longer than this takes.
///
/// # Errors
/// A database failure.
pub fn prepare(conn: &mut PgConnection, first: &LeaseRow) -> QueryResult<()> {
    diesel::insert_into(job_leases::table).values(first).on_conflict_do_nothing().execute(conn).map(drop)
}

/// Writes what a run did.
///
/// # Errors
/// A database failure.
pub fn write(conn: &mut PgConnection, scope: &SiteScope, lease: &LeaseRow) -> QueryResult<()> {
    diesel::update(job_leases::table.filter(job_leases::site_id.eq(scope.site()).and(job_leases::job.eq(&lease.job))))
        .set(lease)
        .execute(conn)
        .map(drop)
}

/// The leases of the site.
///
/// # Errors
/// A database failure.
pub fn all(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<LeaseRow>> {
    job_leases::table.filter(job_leases::site_id.eq(scope.site())).order(job_leases::job).select(LeaseRow::as_select()).load(conn)
}
