//! The one scheduler of the server process: every job of the table in a loop of its own, so that none waits for another.
//!
//! It keeps no truth: what is due is decided by `app.clock` and the database at each run, and its ticks only say when to look. A
//! failing job is logged when it begins to fail and when it works again; one that panics has failed like any other.

use std::time::Instant;

use actix_web::rt::task::JoinHandle;
use actix_web::web::Data;
use tokio::time::MissedTickBehavior;

use super::{Job, Wake};
use crate::state::AppState;

/// The scheduler at work.
#[derive(Debug)]
pub struct Scheduler {
    app: Data<AppState>,
    loops: Vec<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts these jobs; each runs at once and then as often as it says.
    #[must_use]
    pub fn start(app: &Data<AppState>, jobs: &[Job]) -> Self {
        let keep = |job: &Job| actix_web::rt::spawn(keep(app.clone(), *job));
        Self { app: app.clone(), loops: jobs.iter().map(keep).collect() }
    }

    /// Lets nothing new start, and waits for what is under way.
    pub async fn stop(self) {
        self.app.jobs.stop();
        for job in self.loops {
            // A loop ends by itself; one that does not exist any more has ended too.
            let _ = job.await;
        }
    }
}

async fn keep(app: Data<AppState>, job: Job) {
    let mut ticks = tokio::time::interval(job.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        let wake = tokio::select! {
            biased;
            () = app.jobs.stopped() => return,
            _ = ticks.tick() => Wake::Tick,
            () = app.journal.woken(), if job.on_writes => Wake::Written,
        };
        let failure = run(&app, &job, wake).await.err();
        match failure {
            Some(why) if !failing => log::warn!("{}: {why}; it goes on trying", job.name),
            None if failing => log::info!("{}: it works again", job.name),
            _ => {}
        }
        failing = failure.is_some();
    }
}

/// One run, noted on the board; a failure in one word.
async fn run(app: &Data<AppState>, job: &Job, wake: Wake) -> Result<(), &'static str> {
    let started = Instant::now();
    // In a task of its own: a panic ends that task, and not the loop.
    let outcome = match actix_web::rt::spawn((job.pass)(app.clone(), wake)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.code.as_str()),
        Err(_panicked) => Err("it panicked"),
    };
    app.jobs.ran(job.name, app.clock.now(), started.elapsed(), outcome.ok());
    outcome.map(drop)
}
