//! The admin listener: metrics and readiness in detail, for the operator of this machine. Loopback only (`config`), without
//! credentials, outside the contract and its document. It shows counts and times, and nothing of any site or person.

use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::metrics::Metrics;
use crate::db::Standby;
use crate::error::AppError;
use crate::jobs::JOBS;
use crate::jobs::survey::{self, Survey};
use crate::state::AppState;

/// Serves on a bound loopback socket until it is stopped; signals are the main server's matter.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(listener: TcpListener, state: Data<AppState>) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).route("/metrics", web::get().to(metrics)).route("/readyz", web::get().to(readyz))
    });
    Ok(server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

async fn metrics(app: Data<AppState>) -> HttpResponse {
    let survey = survey::run(&app).await;
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(render(&app, survey.ok()))
}

/// All figures; those that need the database are missing while it does not answer.
fn render(app: &AppState, survey: Option<Survey>) -> String {
    let mut text = Metrics::default();
    let pool = app.db.usage();
    text.gauge("handoff_database_up", "Whether the database answers.", f64::from(u8::from(survey.is_some())));
    text.gauge("handoff_database_connections", "Connections that may work at once.", pool.connections as f64);
    text.gauge("handoff_database_free_permits", "Connections that nobody uses.", pool.free as f64);
    text.gauge(
        "handoff_database_waiting",
        "Requests that wait for a connection.",
        (pool.waiting + app.arriving.waiting()) as f64,
    );
    if let Some(standby) = app.standby.as_ref().map(Standby::usage) {
        let help = "How far the standby was behind when a report was last counted on it.";
        text.gauge("handoff_standby_lag_seconds", help, standby.lag as f64);
        let counted = [("standby", standby.counted as f64), ("primary", standby.left as f64)];
        text.family("handoff_standby_reports_total", "counter", "Reports, by where they were counted.", "counted_on", &counted);
    }
    let runs: Vec<_> = JOBS.iter().filter_map(|job| Some((job.name, app.jobs.runs(job.name)?))).collect();
    let of_runs =
        |value: fn(&crate::state::JobRuns) -> f64| runs.iter().map(move |(job, runs)| (*job, value(runs))).collect::<Vec<_>>();
    let (gauge, counter) = ("gauge", "counter");
    for (name, kind, help, values) in [
        (
            "handoff_job_last_run_timestamp_seconds",
            gauge,
            "When the job's last run in this process ended.",
            of_runs(|runs| runs.last_ran_at.timestamp_micros() as f64 / 1e6),
        ),
        (
            "handoff_job_last_duration_seconds",
            gauge,
            "How long the job's last run in this process took.",
            of_runs(|runs| runs.last_took.as_secs_f64()),
        ),
        ("handoff_job_runs_total", counter, "Runs of the job in this process.", of_runs(|runs| runs.runs as f64)),
        ("handoff_job_failures_total", counter, "Those of them that failed.", of_runs(|runs| runs.failures as f64)),
        ("handoff_job_done_total", counter, "What the job's runs in this process did.", of_runs(|runs| runs.done as f64)),
    ] {
        text.family(name, kind, help, "job", &values);
    }
    text.append(&app.requests.render());
    let Some(survey) = survey else { return text.finish() };
    text.gauge("handoff_sites", "Sites there are.", survey.sites as f64);
    text.gauge("handoff_migrations_missing", "Migrations that were not run.", survey.migrations_missing as f64);
    let of_jobs = |value: fn(&survey::Waiting) -> i64| -> Vec<_> {
        survey.jobs.iter().map(|(job, waiting)| (*job, value(waiting) as f64)).collect()
    };
    text.family("handoff_job_backlog", gauge, "Due and not done, over all sites.", "job", &of_jobs(|waiting| waiting.backlog));
    text.family("handoff_job_backlog_sites", gauge, "Sites where something is due.", "job", &of_jobs(|waiting| waiting.sites));
    let oldest: Vec<_> = survey.oldest.iter().map(|(outbox, seconds)| (*outbox, *seconds)).collect();
    let help = "How long the oldest event waits: for its place in the feed, and for an endpoint to take it.";
    text.family("handoff_outbox_oldest_seconds", gauge, help, "outbox", &oldest);
    let failing = of_jobs(|waiting| waiting.failing_sites);
    text.family("handoff_job_failing_sites", gauge, "Sites where the last run failed.", "job", &failing);
    let violations: Vec<_> = survey.violations.iter().map(|(kind, count)| (*kind, *count as f64)).collect();
    text.family("handoff_invariant_violations", gauge, "What must never be, and is.", "kind", &violations);
    text.finish()
}

async fn readyz(app: Data<AppState>) -> HttpResponse {
    let survey = survey::run(&app).await;
    let ready = survey.as_ref().is_ok_and(|survey| survey.migrations_missing == 0);
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(detail(&app, ready, survey))
}

/// A violated invariant and a failing job are shown and do not make a server unready: another one would fare no better.
fn detail(app: &AppState, ready: bool, survey: Result<Survey, AppError>) -> Value {
    let jobs: Vec<Value> = JOBS
        .iter()
        .map(|job| {
            let runs = app.jobs.runs(job.name);
            let waiting = survey.as_ref().ok().and_then(|survey| survey.jobs.get(job.name));
            json!({
                "job": job.name,
                "every_seconds": job.every.as_secs(),
                "last_run_at": runs.map(|runs| runs.last_ran_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
                "last_outcome": runs.map(|runs| runs.last_outcome.as_str()),
                "last_duration_ms": runs.map(|runs| u64::try_from(runs.last_took.as_millis()).unwrap_or(u64::MAX)),
                "runs": runs.map_or(0, |runs| runs.runs),
                "failures": runs.map_or(0, |runs| runs.failures),
                "done": runs.map_or(0, |runs| runs.done),
                "backlog": waiting.map(|waiting| waiting.backlog),
                "backlog_sites": waiting.map(|waiting| waiting.sites),
                "failing_sites": waiting.map(|waiting| waiting.failing_sites),
            })
        })
        .collect();
    let (database, migrations, sites, invariants) = match &survey {
        Ok(survey) => (
            "ok",
            json!({"missing": survey.migrations_missing, "unknown": survey.migrations_unknown}),
            json!(survey.sites),
            json!(survey.violations),
        ),
        Err(error) => (error.code.as_str(), Value::Null, Value::Null, Value::Null),
    };
    json!({
        "status": if ready { "ready" } else { "not_ready" },
        "server_id": app.jobs.server().to_string(),
        "database": database,
        "migrations": migrations,
        "sites": sites,
        "jobs": jobs,
        "invariants": invariants,
    })
}
