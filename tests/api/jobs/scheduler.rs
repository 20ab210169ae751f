//! One scheduler: no job stops another, whatever it does, and all stop together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use handoff::error::{AppError, ErrorCode};
use handoff::jobs::scheduler::Scheduler;
use handoff::jobs::{JOBS, Job};

use crate::support::{App, log, make};

static BROKEN: AtomicBool = AtomicBool::new(true);
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

const fn job(name: &'static str, pass: fn(Data<handoff::state::AppState>, handoff::jobs::Wake) -> handoff::jobs::Pass) -> Job {
    Job { name, every: Duration::from_millis(10), on_writes: false, pass, backlog: None }
}

const TRIED: [Job; 4] = [
    job("test_fails", |_, _| {
        Box::pin(async { if BROKEN.load(Ordering::SeqCst) { Err(AppError::new(ErrorCode::Overloaded)) } else { Ok(3) } })
    }),
    job("test_panics", |_, _| Box::pin(async { panic!("canary") })),
    job("test_works", |_, _| Box::pin(async { Ok(1) })),
    job("test_slow", |_, _| {
        Box::pin(async {
            BEGUN.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            ENDED.fetch_add(1, Ordering::SeqCst);
            Ok(1)
        })
    }),
];

/// Lines of the log about a job, by what they say.
fn said(job: &str) -> Vec<String> {
    let lines = log::lines();
    lines.iter().filter_map(|line| line.split_once(&format!("{job}: "))).map(|(_, said)| said.to_owned()).collect()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_web::test]
async fn a_job_that_fails_or_panics_is_logged_once_and_stops_no_other() {
    let app = App::start().await;
    let state = app.state_beside();
    let scheduler = Scheduler::start(&state, &TRIED);
    let runs = |job: &str| state.jobs.runs(job).map_or((0, 0, 0), |runs| (runs.runs, runs.failures, runs.done));
    until("both fail again and again", || runs("test_fails").1 > 4 && runs("test_panics").1 > 4).await;
    until("the others work", || runs("test_works").0 > 4 && runs("test_slow").0 > 0).await;
    assert_eq!(said("test_fails"), ["overloaded; it goes on trying"]);
    assert_eq!(said("test_panics"), ["it panicked; it goes on trying"]);
    BROKEN.store(false, Ordering::SeqCst);
    until("it works again", || runs("test_fails").2 > 0).await;
    until("it says so", || said("test_fails").len() == 2).await;
    assert_eq!(said("test_fails")[1], "it works again");
    assert_eq!(runs("test_works").1, 0);

    until("a slow one is under way", || BEGUN.load(Ordering::SeqCst) > ENDED.load(Ordering::SeqCst)).await;
    scheduler.stop().await;
    let at_the_end = (BEGUN.load(Ordering::SeqCst), runs("test_works").0);
    assert_eq!(at_the_end.0, ENDED.load(Ordering::SeqCst), "what was under way has ended");
    actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((BEGUN.load(Ordering::SeqCst), runs("test_works").0), at_the_end, "nothing new has started");
    assert!(state.jobs.stopping());
}

#[actix_web::test]
async fn the_jobs_of_the_table_run_at_the_start_and_a_write_wakes_the_sequencer_at_once() {
    let app = App::start().await;
    let scheduler = Scheduler::start(&app.state, JOBS);
    until("each has run", || JOBS.iter().all(|job| app.state.jobs.runs(job.name).is_some_and(|runs| runs.failures == 0))).await;
    let waiting = || app.db.count("SELECT count(*) FROM journal_queue");
    until("what the test's sites left is placed", || waiting() == 0).await;
    let partner = app.partner();
    let mut took = Vec::new();
    for _ in 0..9 {
        let before = app.state.jobs.runs("sequencer").unwrap().done;
        let begun = Instant::now();
        make::sent(&partner).await;
        until("it is placed", || app.state.jobs.runs("sequencer").unwrap().done > before).await;
        took.push(begun.elapsed());
    }
    took.sort();
    println!("scheduler: a write is placed after {:?} (median of 9); without its wake-up the mean would be 500 ms", took[4]);
    // Every second alone would be half a second at the median.
    assert!(took[4] < Duration::from_millis(350), "{took:?}");
    scheduler.stop().await;
}
