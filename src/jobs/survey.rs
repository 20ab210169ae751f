//! What the jobs have before them, over all sites: for the admin listener. Sums and counts of sites, and never which site.

use std::collections::BTreeMap;

use super::JOBS;
use crate::auth::operator_scope;
use crate::db;
use crate::db::Whose;
use crate::domain::vocabulary::JobOutcome;
use crate::error::AppError;
use crate::ops::Context;
use crate::state::AppState;
use crate::store;

/// A job as the database shows it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Due and not done.
    pub backlog: i64,
    /// At how many sites that is.
    pub sites: i64,
    /// At how many sites its last run failed, whichever server ran it.
    pub failing_sites: i64,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Survey {
    /// How many sites there are.
    pub sites: usize,
    /// Migrations that this binary knows and the database has not run.
    pub migrations_missing: usize,
    /// Migrations that the database has run and this binary does not know.
    pub migrations_unknown: usize,
    /// By job; without those whose work does not wait in the database.
    pub jobs: BTreeMap<&'static str, Waiting>,
    /// How long the oldest event waits, in seconds: for its place in the feed (`events`), and for an endpoint to take it (`webhooks`).
    pub oldest: BTreeMap<&'static str, f64>,
    /// By kind; a kind that is not violated has a zero.
    pub violations: BTreeMap<&'static str, i64>,
}

/// Looks at every site, one transaction each.
///
/// # Errors
/// The first failure.
pub async fn run(app: &AppState) -> Result<Survey, AppError> {
    let (sites, (missing, unknown)) = app
        .db
        .look_up(Whose::House, app.deadline(), |conn| {
            Ok((store::sites::list_all(conn)?, db::pending(conn).map_err(AppError::internal)?))
        })
        .await?;
    let mut survey = Survey {
        sites: sites.len(),
        migrations_missing: missing.len(),
        migrations_unknown: unknown.len(),
        jobs: JOBS.iter().filter(|job| job.backlog.is_some()).map(|job| (job.name, Waiting::default())).collect(),
        oldest: [("events", 0.0), ("webhooks", 0.0)].into(),
        violations: BTreeMap::new(),
    };
    for site in sites {
        let now = app.clock.now();
        let context = Context::of_system(operator_scope(site), now);
        let (backlogs, since, leases, violations) = app
            .db
            .transact(context.scope, app.deadline(), move |conn| {
                let mut backlogs = Vec::new();
                for job in JOBS {
                    if let Some(backlog) = job.backlog {
                        backlogs.push((job.name, backlog(conn, &context)?));
                    }
                }
                let scope = &context.scope;
                Ok((
                    backlogs,
                    [
                        ("events", store::journal::queued_since(conn, scope)?),
                        ("webhooks", store::webhook_deliveries::pending_since(conn, scope)?),
                    ],
                    store::job_leases::all(conn, &context.scope)?,
                    store::invariants::violations(conn, &context.scope)?,
                ))
            })
            .await?;
        for (job, backlog) in backlogs {
            let waiting = survey.jobs.entry(job).or_default();
            let fails = |lease: &&store::job_leases::LeaseRow| lease.job == job && lease.outcome == JobOutcome::Failed;
            waiting.backlog += backlog;
            waiting.sites += i64::from(backlog > 0);
            waiting.failing_sites += i64::from(leases.iter().any(|lease| fails(&lease)));
        }
        for (outbox, since) in since {
            let waits = since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0));
            let oldest = survey.oldest.entry(outbox).or_default();
            *oldest = oldest.max(waits);
        }
        for (kind, count) in violations {
            *survey.violations.entry(kind.as_str()).or_default() += count;
        }
    }
    Ok(survey)
}
