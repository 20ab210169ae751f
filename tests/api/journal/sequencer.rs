//! Two servers and one database: positions are dense, nobody's twice, and never move, whoever is killed in between.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::{QueryableByName, RunQueryDsl as _};
use handoff::auth::token;
use handoff::db::{APP_ROLE, in_site};
use handoff::jobs::sequencer::catch_up;
use handoff::ops::Context;
use handoff::ops::verify_audit::{self, Verdict};
use handoff::privacy::keys::MasterKey;

use crate::support::App;
use crate::support::callers::{Person, fresh_key, send, together};
use crate::support::db::Database;
use crate::support::make::{self, Site};

#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct Placed {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    position: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    event: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    subject: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    version: i32,
}

/// The live feed of a site as it stands in the database.
fn feed(db: &Database, site: &Site) -> Vec<Placed> {
    diesel::sql_query(format!(
        "SELECT p.position, e.id::text AS event, e.subject_id::text AS subject, e.version
           FROM event_positions p JOIN events e ON e.site_id = p.site_id AND e.id = p.event_id
          WHERE p.site_id = '{}' AND NOT p.is_test ORDER BY p.position",
        site.id
    ))
    .load(&mut db.superuser())
    .unwrap()
}

/// What is wrong with a feed: gaps, repetitions, effects before their causes.
fn faults(feed: &[Placed]) -> Vec<String> {
    let mut found = Vec::new();
    let mut versions: BTreeMap<&str, i32> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (expected, placed) in (1..).zip(feed) {
        if placed.position != expected {
            found.push(format!("position {} where {expected} belongs", placed.position));
        }
        if !seen.insert(&placed.event) {
            found.push(format!("event {} twice", placed.event));
        }
        let before = versions.insert(&placed.subject, placed.version);
        if before.is_some_and(|before| before > placed.version) {
            found.push(format!("version {} of {} after {before:?}", placed.version, placed.subject));
        }
    }
    found
}

/// Everything written has its place, and the chain is whole.
fn assert_complete(db: &Database, site: &Site) {
    let of_site = |table: &str| db.count(&format!("SELECT count(*) AS count FROM {table} WHERE site_id = '{}'", site.id));
    assert_eq!(of_site("journal_queue"), 0);
    assert_eq!(of_site("events"), of_site("event_positions"));
    assert_eq!(of_site("audit_entries"), of_site("audit_seals"));
    let now = crate::support::app::beginning();
    let verdict =
        in_site(&mut db.app(), site.id, |conn, scope| verify_audit::run(conn, &Context::of_system(*scope, now), &[])).unwrap();
    assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
}

#[test]
fn the_checker_sees_each_kind_of_fault() {
    let placed = |position, event: &str, version| Placed { position, event: event.into(), subject: "s".into(), version };
    let good = vec![placed(1, "a", 1), placed(2, "b", 2), placed(3, "c", 2)];
    assert_eq!(faults(&good), [] as [String; 0], "the control");
    for spoilt in [
        vec![placed(1, "a", 1), placed(3, "b", 2)],
        vec![placed(1, "a", 1), placed(2, "a", 2)],
        vec![placed(1, "a", 1), placed(1, "b", 2)],
        vec![placed(1, "a", 2), placed(2, "b", 1)],
        vec![placed(2, "a", 1)],
    ] {
        assert!(!faults(&spoilt).is_empty(), "{spoilt:?}");
    }
}

/// Transactions commit out of order: what was written first may be placed last, but it is placed.
#[actix_web::test]
async fn what_commits_late_is_placed_late_and_not_lost() {
    use diesel::connection::SimpleConnection as _;
    let app = App::start().await;
    app.sequence().await;
    let before = feed(&app.db, &app.site).len();
    let mut late = app.db.superuser();
    late.batch_execute(&format!(
        "BEGIN;
         INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id, values_digest)
              SELECT site_id, gen_random_uuid(), now(), 'system', 'late', 'site', site_id, sha256('x') FROM sites WHERE site_id = '{site}';
         INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, occurred_at)
              SELECT site_id, gen_random_uuid(), id, 'import.completed', false, site_id, 1, now() FROM audit_entries WHERE operation = 'late';
         INSERT INTO journal_queue (site_id, id, stream) SELECT site_id, id, 'event' FROM events WHERE event_type = 'import.completed'",
        site = app.site.id
    ))
    .unwrap();
    make::sent(&app.partner()).await;
    app.sequence().await;
    assert_eq!(feed(&app.db, &app.site).len(), before + 1, "the one that committed");
    late.batch_execute("COMMIT").unwrap();
    app.sequence().await;
    let after = feed(&app.db, &app.site);
    assert_eq!((after.len(), faults(&after)), (before + 2, vec![]));
}

#[actix_web::test]
async fn two_sequencers_at_once_place_everything_once_and_a_held_lease_is_waited_for_by_nobody() {
    let app = App::start().await;
    let neighbour = app.another_server();
    let people = [app.partner(), app.partner().at(neighbour.address)];
    let writing: Vec<_> = (0..80)
        .map(|number: usize| {
            let person = people[number % 2].clone();
            async move { make::sent(&person).await.id() }
        })
        .collect();
    let sequencing: Vec<_> = (0..8)
        .map(|_| {
            let (state, site) = (app.state.clone(), app.site.id);
            async move {
                let mut placed = 0;
                for _ in 0..30 {
                    placed += catch_up(&state, site).await.unwrap();
                    actix_web::rt::time::sleep(Duration::from_millis(5)).await;
                }
                placed
            }
        })
        .collect();
    let writing = actix_web::rt::spawn(together(writing));
    let placed = together(sequencing).await;
    writing.await.unwrap();
    app.sequence().await;
    assert!(placed.iter().sum::<usize>() > 0);
    assert_eq!(faults(&feed(&app.db, &app.site)), [] as [String; 0]);
    assert_complete(&app.db, &app.site);

    use diesel::connection::SimpleConnection as _;
    let mut holder = app.db.superuser();
    holder.batch_execute(&format!("BEGIN; SELECT 1 FROM journal_heads WHERE site_id = '{}' FOR UPDATE", app.site.id)).unwrap();
    make::sent(&app.partner()).await;
    let started = Instant::now();
    assert_eq!(catch_up(&app.state, app.site.id).await.unwrap(), 0, "another holds the lease");
    assert!(started.elapsed() < Duration::from_secs(1));
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(app.sequence().await, 2, "its end is the lease's end");
}

/// A real server process on the test's database.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
}

impl Process {
    pub fn start(db: &Database, address: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_handoff"))
            .env_clear()
            .env("DATABASE_URL", db.url(APP_ROLE))
            .env("HANDOFF_MASTER_KEY", "5a".repeat(32))
            .env("HANDOFF_LISTEN", address.to_string())
            .env("HANDOFF_POOL_SIZE", "6")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { address, child }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[actix_web::test]
async fn killed_servers_leave_no_gap_no_repetition_and_no_change_of_order() {
    let db = Arc::new(Database::new());
    let site = make::db_site(&db, "riverside");
    let addresses = [free(), free()];
    let mut processes: Vec<Process> = addresses.iter().map(|address| Process::start(&db, *address)).collect();
    let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
    let life = chrono::Duration::hours(1);
    let token = token::create(&master, site.id, site.coordinator, life, chrono::Utc::now()).unwrap();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..6)
        .map(|number: usize| {
            let person = Person::new(addresses[number % 2], Some(&site.partner.key));
            // What follows on a referral goes to the other server: its order must be that of the changes all the same.
            let coordinator = Person::new(addresses[(number + 1) % 2], Some(&token));
            let (stop, answered) = (stop.clone(), answered.clone());
            actix_web::rt::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let request = person.request(reqwest::Method::POST, "/v1/referrals").header("Idempotency-Key", fresh_key());
                    match request.json(&make::referral()).send().await {
                        Ok(response) if response.status() == 201 => {
                            answered.fetch_add(1, Ordering::SeqCst);
                            let Ok(referral) = response.json::<serde_json::Value>().await else { continue };
                            let path = format!("/v1/referrals/{}/transitions", referral["id"].as_str().unwrap());
                            for to in ["contacting", "connected", "handed_off"] {
                                let request = coordinator.request(reqwest::Method::POST, &path).header("If-Match", "*");
                                // A server that was killed answers nothing; the next referral goes on.
                                let _ = request.json(&serde_json::json!({"to": to})).send().await;
                            }
                        }
                        _ => actix_web::rt::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            })
        })
        .collect();
    let mut prefixes = Vec::new();
    // Six kills, and on a slow machine as many more as it takes until enough referrals have changed.
    let changed = || db.count("SELECT count(*) AS count FROM events WHERE version > 2");
    for kill in 0..60 {
        if kill >= 6 && changed() > 120 {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(700)).await;
        prefixes.push(feed(&db, &site));
        let process = &mut processes[kill % 2];
        process.kill();
        *process = Process::start(&db, process.address);
    }
    actix_web::rt::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let reader = Person::new(addresses[0], Some(&site.narrow_key));
    let deadline = Instant::now() + Duration::from_secs(20);
    while db.count("SELECT count(*) AS count FROM journal_queue") > 0 {
        assert!(Instant::now() < deadline, "the sequencer does not catch up");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    let last = feed(&db, &site);
    assert_eq!(faults(&last), [] as [String; 0]);
    assert!(last.iter().filter(|placed| placed.version > 2).count() > 100, "referrals changed while servers were killed");
    assert_complete(&db, &site);
    for prefix in &prefixes {
        assert_eq!(last[..prefix.len()], prefix[..], "what had its place keeps it");
    }
    let received = db.count("SELECT count(*) AS count FROM events WHERE event_type = 'referral.received'");
    assert_eq!(received, db.count("SELECT count(*) AS count FROM referrals"), "one event for each referral");
    assert!(received as usize >= answered.load(Ordering::SeqCst), "nothing that was answered is missing");
    assert!(!prefixes[3].is_empty() && prefixes[3].len() < last.len(), "the feed grew between the kills");
    send(reader.request(reqwest::Method::GET, "/v1/events?limit=200")).await.expect(200);
    println!(
        "sequencer: {} events placed over {} kills of 2 servers, 0 gaps, 0 repetitions, order stable",
        last.len(),
        prefixes.len()
    );
}
