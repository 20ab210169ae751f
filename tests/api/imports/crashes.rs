//! A server that dies in the middle of an import, or its database under it, leaves nothing done twice and nothing undone.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use handoff::db::APP_ROLE;
use handoff::jobs::referral_imports;
use reqwest::Method;
use serde_json::{Value, json};

use super::{HEADER, PATH, counts, csv, file, finished, referrals, row};
use crate::journal::sequencer::free;
use crate::support::App;
use crate::support::callers::{Answer, Person, fresh_key, send, together};

#[actix_web::test]
async fn a_batch_that_fails_is_undone_whole_and_done_again() {
    let app = App::start().await;
    let id = csv(&app.coordinator(), "", file((0..1_200).map(|number| row(&format!("r-{number}"))))).await.expect(201).id();
    let mut superuser = app.db.superuser();
    superuser
        .batch_execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lost'; END $$;
             GRANT EXECUTE ON FUNCTION lose() TO handoff_app;
             CREATE TRIGGER lose BEFORE INSERT ON referral_import_results FOR EACH ROW WHEN (NEW.row_number = 900) EXECUTE FUNCTION lose()",
        )
        .unwrap();
    referral_imports::pass(&app.state).await.unwrap_err();
    referral_imports::pass(&app.state).await.unwrap_err();
    assert_eq!((referrals(&app), app.db.count("SELECT count(*) FROM referral_import_keys")), (800, 800));
    assert_eq!(app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.received'"), 800);
    superuser.batch_execute("DROP TRIGGER lose ON referral_import_results").unwrap();
    assert_eq!(counts(&finished(&app, &id).await), "completed 1200 1200 0 0");
    assert_eq!(referrals(&app), 1_200);
}

#[actix_web::test]
async fn two_servers_do_each_batch_once() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for name in ["r", "s", "r"] {
        let rows = (0..1_500).map(|number| row(&format!("{name}-{number}")));
        ids.push(csv(&app.coordinator(), "", file(rows)).await.expect(201).id());
    }
    let states = [app.state.clone(), app.another_server().state.clone(), app.state_beside()];
    together(states.map(|state| async move { referral_imports::pass(&state).await.unwrap() })).await;
    let mut done = Vec::new();
    for id in &ids {
        done.push(counts(&finished(&app, id).await));
    }
    // Whichever of the two that are alike came first.
    done.sort();
    assert_eq!(done, ["completed 1500 0 1500 0", "completed 1500 1500 0 0", "completed 1500 1500 0 0"]);
    assert_eq!(referrals(&app), 3_000);
}

/// A real server.
struct Process(Child);

impl Process {
    async fn start(app: &App, address: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_handoff"))
            .env_clear()
            .env("DATABASE_URL", app.db.url(APP_ROLE))
            .env("HANDOFF_MASTER_KEY", "5a".repeat(32))
            .env("HANDOFF_LISTEN", address.to_string())
            .env("HANDOFF_POOL_SIZE", "6")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not start");
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
        Self(child)
    }

    /// The most memory that it has had resident, in MiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn upload(person: &Person, bytes: Vec<u8>) -> Result<Answer, reqwest::Error> {
    let request = person.request(Method::POST, PATH).header("Idempotency-Key", fresh_key()).header("Content-Type", "text/csv");
    let response = request.body(bytes).send().await?;
    let (status, headers, text) = (response.status().as_u16(), response.headers().clone(), response.text().await?);
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}

/// What is there once for each row that is right.
const ONCE: [&str; 4] = [
    "SELECT count(*) FROM referrals",
    "SELECT count(*) FROM referral_import_keys",
    "SELECT count(DISTINCT subject_id) AS count FROM events WHERE event_type = 'referral.received'",
    "SELECT count(*) FROM audit_entries WHERE subject_kind = 'referral'",
];

fn miscounted(app: &App, created: usize) -> Vec<&'static str> {
    ONCE.into_iter().filter(|query| app.db.count(query) != i64::try_from(created).unwrap()).collect()
}

/// Kills the server while the file comes in, twice while its rows are done, and compares what there is with what was sent.
async fn killed_at_three_points(rows: usize) {
    let app = App::start().await;
    let key = app.admin().post("/v1/api-keys", &json!({"name": "Loader", "scopes": ["import:write"]})).await.expect(201);
    let mut text = String::with_capacity(rows * 110);
    text.push_str(HEADER);
    for number in 0..rows {
        text.push('\n');
        // One in a hundred is wrong.
        let line = row(&format!("r-{number}"));
        text.push_str(&if number % 100 == 99 { line.replace("secure_form", "carrier_pigeon") } else { line });
    }
    let begun = Instant::now();
    let address = free();
    let loader = app.person(key.body["secret"].as_str().unwrap()).at(address);
    let server = Process::start(&app, address).await;
    let sending = actix_web::rt::spawn({
        let (loader, bytes) = (loader.clone(), text.clone().into_bytes());
        async move { upload(&loader, bytes).await.is_ok() }
    });
    let staged = || app.db.count("SELECT count(*) FROM referral_import_batches");
    while staged() == 0 && !sending.is_finished() {
        actix_web::rt::time::sleep(Duration::from_millis(2)).await;
    }
    drop(server);
    let came_in = sending.await.unwrap();
    assert_eq!(referrals(&app), 0, "nothing is done of a file that has not come in");

    let server = Process::start(&app, address).await;
    let idle = server.peak();
    let answer = upload(&loader, text.into_bytes()).await.unwrap().expect(201);
    let received = begun.elapsed();
    let peak_of_upload = server.peak();
    let path = format!("{PATH}/{}", answer.id());
    let mut server = Some(server);
    let done = || {
        app.db.count(&format!(
            "SELECT (created + unchanged + refused)::bigint AS count FROM referral_imports WHERE id = '{}'",
            answer.id()
        ))
    };
    let all = i64::try_from(rows).unwrap();
    for kill_at in [all / 4, all / 2] {
        while done() < kill_at {
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
        drop(server.take());
        server = Some(Process::start(&app, address).await);
    }
    let last = loop {
        let now = send(loader.request(Method::GET, &path)).await.expect(200).body;
        if now["ended_at"].is_string() {
            break now;
        }
        assert!(begun.elapsed() < Duration::from_secs(3_000), "{now}");
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    };
    let (created, refused) = (rows - rows / 100, rows / 100);
    assert_eq!(counts(&last), format!("completed {rows} {created} 0 {refused}"));
    assert_eq!(miscounted(&app, created), [] as [&str; 0]);
    let peak = server.as_ref().unwrap().peak().max(peak_of_upload);
    println!(
        "import: {rows} rows, killed while they came in (the upload {}) and twice while they were done: none lost, none twice; received after {:.1} s, \
         all of it {:.1} s; at most {} MiB above idle",
        if came_in { "ended before" } else { "broke off" },
        received.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        peak - idle
    );
    // The control: one too many is told, one that was lost, and one without its event.
    assert_eq!(miscounted(&app, created - 1), ONCE);
    let spoilt = |sql: &str| {
        app.db.superuser().batch_execute(&format!("SET session_replication_role = replica; {sql}")).unwrap();
        miscounted(&app, created)
    };
    assert_eq!(spoilt("DELETE FROM referrals WHERE id = (SELECT id FROM referrals LIMIT 1)"), [ONCE[0]]);
    assert_eq!(spoilt("DELETE FROM events WHERE subject_id = (SELECT id FROM referrals LIMIT 1)"), [ONCE[0], ONCE[2]]);
}

#[actix_web::test]
async fn a_server_that_is_killed_at_three_points_ends_with_exact_counts() {
    killed_at_three_points(6_000).await;
}

#[actix_web::test]
#[ignore = "the long form of the test above: a million rows, some ten minutes"]
async fn a_million_rows_end_with_exact_counts() {
    killed_at_three_points(1_000_000).await;
}
