//! The admin listener: what an operator's monitoring reads, on loopback, of counts alone.

use std::collections::BTreeMap;
use std::process::Command;

use actix_web::web::Data;
use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::db::APP_ROLE;
use handoff::jobs::{JOBS, escalation};
use serde_json::json;

use crate::embedded::support::wait_for;
use crate::journal::sequencer::free;
use crate::process::refusal;
use crate::support::callers::{Answer, Person};
use crate::support::db::Database;
use crate::support::{App, make};

/// The samples of a metrics text by name and labels. Fails on a line that is not Prometheus's.
pub fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut typed: Vec<&str> = Vec::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("HELP"), Some(_), Some(_)) => {}
                (Some("TYPE"), Some(name), Some("gauge" | "counter")) => typed.push(name),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(typed.contains(&name.split('{').next().unwrap()), "no type before {line}");
        assert!(found.insert(name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}"))).is_none(), "twice: {line}");
    }
    found
}

/// An admin listener over another server's state.
pub fn listen(app: &App) -> (Person, Data<handoff::state::AppState>) {
    let state = app.state_beside();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    actix_web::rt::spawn(handoff::server::admin::serve(listener, state.clone()).unwrap());
    (Person::new(address, None), state)
}

async fn readyz(person: &Person, status: u16) -> serde_json::Value {
    person.get("/readyz").await.expect(status).body
}

#[actix_web::test]
async fn backlog_runs_and_failures_are_told_as_counts_and_name_no_site() {
    let app = App::start().await;
    let (operator, state) = listen(&app);
    make::sent(&app.partner()).await;
    make::sent(&app.person(&app.other_site.partner.key)).await;
    app.clock.advance(Duration::hours(25));
    let read = || async { samples(&operator.get("/metrics").await.expect(200).text) };
    let before = read().await;
    let backlog = |job: &str| format!("handoff_job_backlog{{job=\"{job}\"}}");
    assert_eq!((before["handoff_database_up"], before["handoff_sites"], before["handoff_migrations_missing"]), (1.0, 2.0, 0.0));
    assert_eq!((before[&backlog("escalation")], before["handoff_job_backlog_sites{job=\"escalation\"}"]), (2.0, 2.0));
    assert_eq!(before[&backlog("housekeeping")], 2.0, "the idempotency keys of yesterday");
    assert!(before[&backlog("sequencer")] > 4.0);
    let oldest = |outbox: &str| before[&format!("handoff_outbox_oldest_seconds{{outbox=\"{outbox}\"}}")];
    assert!(oldest("events") >= 25.0 * 3_600.0 && oldest("webhooks") == 0.0);
    assert!(!before.contains_key("handoff_job_runs_total{job=\"escalation\"}"), "it has not run here");

    assert_eq!(escalation::pass(&state).await.unwrap(), 2);
    state.jobs.ran("escalation", app.clock.now(), std::time::Duration::from_millis(250), Some(2));
    state.jobs.ran("escalation", app.clock.now(), std::time::Duration::from_millis(500), None);
    let after = read().await;
    assert_eq!(after[&backlog("escalation")], 0.0);
    for (name, value) in [
        ("handoff_job_runs_total", 2.0),
        ("handoff_job_failures_total", 1.0),
        ("handoff_job_done_total", 2.0),
        ("handoff_job_last_duration_seconds", 0.5),
        ("handoff_job_last_run_timestamp_seconds", app.clock.now().timestamp() as f64),
        ("handoff_job_failing_sites", 0.0),
    ] {
        assert_eq!(after[&format!("{name}{{job=\"escalation\"}}")], value, "{name}");
    }
    app.db.superuser().batch_execute("UPDATE job_leases SET outcome = 'failed' WHERE job = 'escalation'").unwrap();
    let detail = readyz(&operator, 200).await;
    assert_eq!(
        (&detail["status"], &detail["database"], &detail["migrations"]["missing"]),
        (&json!("ready"), &json!("ok"), &json!(0))
    );
    let jobs = detail["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), JOBS.len());
    let of_escalation = jobs.iter().find(|job| job["job"] == "escalation").unwrap();
    assert_eq!((&of_escalation["last_outcome"], &of_escalation["failing_sites"]), (&json!("failed"), &json!(2)));
    assert_eq!(of_escalation["last_run_at"], "2026-06-02T10:00:00.000000Z");

    // Whatever it says, it says of no site, no member and no referral.
    let said = operator.get("/metrics").await.text + &detail.to_string();
    for secret in [app.site.id.to_string(), app.other_site.id.to_string(), "riverside".into(), app.site.coordinator.to_string()] {
        assert!(!said.contains(&secret));
    }
    for unknown in ["/", "/v1/site", "/openapi.json", "/healthz"] {
        assert_eq!(operator.get(unknown).await.status, 404, "{unknown}");
    }
    let public = app.stranger();
    public.get("/metrics").await.expect_problem(404, "not_found");
    assert!(!public.get("/openapi.json").await.expect(200).text.contains("/metrics"));
}

#[actix_web::test]
async fn a_database_that_is_gone_or_behind_makes_it_not_ready_and_metrics_still_answer() {
    let app = App::start().await;
    let (operator, _state) = listen(&app);
    let mut superuser = app.db.superuser();
    superuser
        .batch_execute("CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations; DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM kept)")
        .unwrap();
    let behind = readyz(&operator, 503).await;
    assert_eq!((&behind["status"], &behind["migrations"]["missing"]), (&json!("not_ready"), &json!(1)));
    superuser.batch_execute("INSERT INTO __diesel_schema_migrations SELECT * FROM kept WHERE version NOT IN (SELECT version FROM __diesel_schema_migrations)").unwrap();
    readyz(&operator, 200).await;

    let shut = |open: bool| {
        format!(
            "UPDATE pg_database SET datallowconn = {open} WHERE datname = current_database();
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    };
    superuser.batch_execute(&shut(false)).unwrap();
    let gone = readyz(&operator, 503).await;
    assert_eq!((&gone["status"], &gone["database"]), (&json!("not_ready"), &json!("database_unavailable")));
    let Answer { text, .. } = operator.get("/metrics").await.expect(200);
    assert_eq!(samples(&text)["handoff_database_up"], 0.0);
    superuser.batch_execute(&shut(true)).unwrap();
    readyz(&operator, 200).await;
}

#[actix_web::test]
async fn the_process_serves_it_where_it_is_told_and_nowhere_else() {
    let db = Database::new();
    let _site = make::db_site(&db, "riverside");
    let (address, admin) = (free(), free());
    let serve = |listen: &str, admin: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
        command.env_clear().env("DATABASE_URL", db.url(APP_ROLE)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command.env("HANDOFF_LISTEN", listen).env("HANDOFF_ADMIN_LISTEN", admin).env("HANDOFF_POOL_SIZE", "3");
        command
    };
    let said = refusal(&serve(&address.to_string(), "0.0.0.0:9464").output().unwrap());
    assert!(said.contains("HANDOFF_ADMIN_LISTEN is not a loopback address"), "{said}");
    let taken = std::net::TcpListener::bind(admin).unwrap();
    let said = refusal(&serve(&address.to_string(), &admin.to_string()).output().unwrap());
    assert!(said.contains("set HANDOFF_ADMIN_LISTEN to another address"), "{said}");
    drop(taken);

    let mut child = serve(&address.to_string(), &admin.to_string()).spawn().unwrap();
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let up = || std::net::TcpStream::connect(admin).is_ok().then_some(());
    wait_for("the admin listener", std::time::Duration::from_secs(30), up);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let text = client.get(format!("http://{admin}/metrics")).send().await.unwrap().text().await.unwrap();
        let found = samples(&text);
        if JOBS.iter().all(|job| found.contains_key(&format!("handoff_job_runs_total{{job=\"{}\"}}", job.name))) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
        actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A stop that waits for what is under way, and for no connection of the admin listener.
    let begun = std::time::Instant::now();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() < std::time::Duration::from_secs(12), "{:?}", begun.elapsed());
}
