//! What the jobs of this process did last, and whether they may start anything new.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::ids::ServerId;
use crate::domain::vocabulary::JobOutcome;

/// The runs of one job in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobRuns {
    /// How many there were.
    pub runs: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How much they did.
    pub done: u64,
    /// When the last one ended.
    pub last_ran_at: DateTime<Utc>,
    /// What came of it.
    pub last_outcome: JobOutcome,
    /// How long it took.
    pub last_took: Duration,
}

/// One per process: every job writes on it, the admin listener reads it.
#[derive(Debug)]
pub struct JobBoard {
    server: ServerId,
    runs: Mutex<BTreeMap<&'static str, JobRuns>>,
    stopping: watch::Sender<bool>,
}

impl JobBoard {
    /// The board of a process that starts now.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { server: ServerId::at(now), runs: Mutex::default(), stopping: watch::Sender::new(false) }
    }

    /// Which process this is, in the leases.
    #[must_use]
    pub const fn server(&self) -> ServerId {
        self.server
    }

    /// Notes a run; `None`: it failed.
    pub fn ran(&self, job: &'static str, at: DateTime<Utc>, took: Duration, done: Option<usize>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = if done.is_some() { JobOutcome::Done } else { JobOutcome::Failed };
        let of_job = runs.entry(job).or_insert(JobRuns {
            runs: 0,
            failures: 0,
            done: 0,
            last_ran_at: at,
            last_outcome: outcome,
            last_took: took,
        });
        of_job.runs += 1;
        of_job.failures += u64::from(done.is_none());
        of_job.done += u64::try_from(done.unwrap_or(0)).unwrap_or(0);
        (of_job.last_ran_at, of_job.last_outcome, of_job.last_took) = (at, outcome, took);
    }

    /// The runs of this job; `None` before its first.
    #[must_use]
    pub fn runs(&self, job: &str) -> Option<JobRuns> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(job).copied()
    }

    /// Lets nothing new start. What is under way goes on to its end.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether nothing new may start.
    #[must_use]
    pub fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until nothing new may start.
    pub async fn stopped(&self) {
        // The sender lives as long as this.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}
