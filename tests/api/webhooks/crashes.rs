//! R5: receivers that fail at random and servers that are killed lose nothing, what comes twice has one id, and one endpoint that hangs
//! slows no other down. The servers here are processes of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use handoff::db::APP_ROLE;
use serde_json::json;

use super::app;
use crate::support::App;
use crate::support::callers::Person;
use crate::support::make;
use crate::support::webhook::{Behaviour, Message, Receiver};

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A real server that posts to this machine.
struct Process(Child);

impl Process {
    fn start(app: &App, address: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_handoff"))
            .env_clear()
            .env("DATABASE_URL", app.db.url(APP_ROLE))
            .env("HANDOFF_MASTER_KEY", "5a".repeat(32))
            .env("HANDOFF_LISTEN", address.to_string())
            .env("HANDOFF_POOL_SIZE", "6")
            .env("HANDOFF_OUTBOUND_ALLOW", "127.0.0.0/8")
            .env("HANDOFF_WEBHOOK_RETRIES", ["1"; 20].join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// So many events of the site, placed.
fn db_events(app: &App, count: usize) {
    let sql = format!(
        "INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id, values_digest)
         VALUES ('{site}', md5('{site}')::uuid, now(), 'system', 'sow', 'site', '{site}', decode(repeat('00', 32), 'hex'));
         INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, occurred_at)
         SELECT '{site}', md5('event' || n)::uuid, md5('{site}')::uuid, 'referral.received', false, md5('referral' || n)::uuid, 1, now() FROM generate_series(1, {count}) AS n;
         INSERT INTO event_positions (site_id, is_test, position, event_id) SELECT '{site}', false, n, md5('event' || n)::uuid FROM generate_series(1, {count}) AS n;
         INSERT INTO journal_heads (site_id, live_position, test_position, audit_position, audit_hash) VALUES ('{site}', {count}, 0, 0, decode(repeat('00', 32), 'hex'))
             ON CONFLICT (site_id) DO UPDATE SET live_position = {count}",
        site = app.site.id
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

fn by_id(messages: &[Message]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in messages {
        found.entry(message.id.clone()).or_default().insert(message.text.clone());
    }
    found
}

async fn nothing_is_lost(events: usize, kills_wanted: usize) {
    let app = app().await;
    let receiver = Receiver::start();
    // Nobody places or posts anything before the events are there.
    app.admin().post(super::PATH, &json!({"url": receiver.url()})).await.expect(201);
    app.db.superuser().batch_execute("DELETE FROM journal_queue; DELETE FROM event_positions; DELETE FROM events; UPDATE webhook_endpoints SET position = 0").unwrap();
    db_events(&app, events);
    receiver.now(Behaviour::Flaky(30));
    let (mut kills, begun) = (0, Instant::now());
    let delivered = || app.db.count("SELECT count(*) AS count FROM webhook_deliveries WHERE status = 'delivered'");
    while delivered() < i64::try_from(events).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(600), "{} of {events} after {kills} kills", delivered());
        let server = Process::start(&app, free());
        let (seen, patience) = (receiver.count(), Instant::now());
        let enough = if kills < kills_wanted { seen + events / (kills_wanted + 2) } else { usize::MAX };
        while receiver.count() < enough
            && delivered() < i64::try_from(events).unwrap()
            && patience.elapsed() < Duration::from_secs(20)
        {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
        drop(server);
        kills += 1;
        // What a minute would do.
        app.db.superuser().batch_execute("UPDATE webhook_deliveries SET leased_until = NULL WHERE status = 'pending'").unwrap();
    }
    let messages = receiver.messages();
    let found = by_id(&messages);
    assert_eq!(found.len(), events, "lost");
    assert!(found.values().all(|texts| texts.len() == 1), "one id, one text");
    let taken = app.db.count("SELECT sum(attempts)::bigint AS count FROM webhook_deliveries");
    let extra = messages.len() - events;
    println!(
        "R5: {events} events, 30 % faults, {kills} servers killed: lost 0, {extra} messages came again with the same id ({taken} attempts noted), {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(kills >= kills_wanted);
    // The control: an event that was never sent would be missed.
    let mut fewer = messages;
    let missing = fewer[0].id.clone();
    fewer.retain(|message| message.id != missing);
    assert_ne!(by_id(&fewer).len(), events);
}

#[actix_web::test]
async fn receivers_that_fail_and_servers_that_are_killed_lose_nothing() {
    nothing_is_lost(300, 4).await;
}

#[actix_web::test]
#[ignore = "some minutes: cargo test --test api webhooks::crashes -- --ignored --nocapture"]
async fn receivers_that_fail_and_fifty_killed_servers_lose_none_of_ten_thousand_events() {
    nothing_is_lost(10_000, 50).await;
}

#[actix_web::test]
async fn a_healthy_endpoint_hears_within_a_second_while_another_hangs() {
    let app = app().await;
    let (works, hangs) = (Receiver::start(), Receiver::start());
    for receiver in [&works, &hangs] {
        app.admin().post(super::PATH, &json!({"url": receiver.url(), "event_types": ["referral.received"]})).await.expect(201);
    }
    hangs.now(Behaviour::Slow(Duration::from_secs(60)));
    let address = free();
    let _server = Process::start(&app, address);
    let partner = Person::new(address, Some(&app.site.partner.key));
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    let mut answered: BTreeMap<String, chrono::DateTime<chrono::Utc>> = BTreeMap::new();
    for _ in 0..80 {
        let sent = make::sent(&partner).await;
        answered.insert(sent.id(), chrono::Utc::now());
        actix_web::rt::time::sleep(Duration::from_millis(60)).await;
    }
    let begun = Instant::now();
    while by_id(&works.messages()).len() < 80 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} of 80", works.count());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    let mut waits: Vec<i64> = works
        .messages()
        .iter()
        .map(|message| (message.arrived - answered[message.body["referral_id"].as_str().unwrap()]).num_milliseconds().max(0))
        .collect();
    waits.sort_unstable();
    let (p50, p99) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    println!(
        "R5: from the answer to the healthy endpoint p50 {p50} ms, p99 {p99} ms, while another hangs with {} messages",
        hangs.count()
    );
    assert!(p99 <= 1_000, "{waits:?}");
    assert!(hangs.count() > 0);
}
