//! The provider is down, slow, or answers nonsense: the last good keys serve, what cannot be known is a 503, nothing hangs, and it
//! heals by itself.

use std::time::{Duration, Instant};

use handoff::auth::provider::{COOL_DOWN, KEPT_FOR, REFRESH_AFTER, RETRY_AFTER, STALE_AFTER};

use super::keys::Key;
use super::rotation::settle;
use super::server::{Behaviour, KeyServer, key_set};
use super::{app_trusting, app_trusting_with, claims, site_by, site_by_key};
use crate::support::app::Setup;
use crate::support::callers::together;

#[actix_web::test]
async fn through_an_outage_the_last_good_keys_serve_for_a_day_and_then_503_until_it_is_back() {
    let (known, new) = (Key::rsa("known"), Key::ec("new"));
    let server = KeyServer::start(&[&known]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &known).await.expect(200);
    let address = server.address;
    server.stop().await;
    // Hour by hour: people who are known get in, at once but for the moment of asking.
    let mut slowest = Duration::ZERO;
    for _ in 0..23 {
        app.clock.advance(chrono::Duration::hours(1));
        let started = Instant::now();
        site_by_key(&app, &known).await.expect(200);
        slowest = slowest.max(started.elapsed());
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    // A key that cannot be known now is not refused: that may be wrong.
    let answer = site_by_key(&app, &new).await.expect_problem(503, "identity_provider_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    app.clock.advance(KEPT_FOR - chrono::Duration::hours(23));
    site_by_key(&app, &known).await.expect_problem(503, "identity_provider_unavailable");
    // Everybody else works on.
    app.coordinator().get("/v1/site").await.expect(200);
    app.site_key().get("/v1/site").await.expect(200);

    let back = KeyServer::start_on(address, Behaviour::Answer(key_set(&[&known, &new])));
    site_by_key(&app, &known).await.expect_problem(503, "identity_provider_unavailable");
    assert_eq!(back.hits(), 0, "asked again only after a pause");
    app.clock.advance(RETRY_AFTER);
    site_by_key(&app, &known).await.expect(200);
    site_by_key(&app, &new).await.expect(200);
    assert_eq!(back.hits(), 1);
}

#[actix_web::test]
async fn a_provider_that_was_never_reached_is_503_and_then_heals() {
    let key = Key::ed("k");
    let server = KeyServer::start(&[&key]);
    server.now(Behaviour::Status(500));
    let app = app_trusting(&server).await;
    for _ in 0..20 {
        site_by_key(&app, &key).await.expect_problem(503, "identity_provider_unavailable");
    }
    assert_eq!(server.hits(), 1, "a pause between tries");
    server.rotate(&[&key]);
    app.clock.advance(RETRY_AFTER);
    site_by_key(&app, &key).await.expect(200);
}

#[actix_web::test]
async fn an_answer_that_is_no_key_set_changes_nothing() {
    let (key, other) = (Key::ec("k"), Key::ec("other"));
    let server = KeyServer::start(&[&key]);
    let elsewhere = KeyServer::start(&[&other]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &key).await.expect(200);
    let many: Vec<Key> = (0..101).map(|number| Key::ed(&number.to_string())).collect();
    let many = key_set(&many.iter().collect::<Vec<_>>());
    let bad = [
        Behaviour::Answer("<html>Sign in</html>".into()),
        Behaviour::Answer(String::new()),
        Behaviour::Answer("[]".into()),
        Behaviour::Answer("{\"keys\": 1}".into()),
        Behaviour::Answer("[".repeat(200_000)),
        Behaviour::Answer(many),
        Behaviour::Status(204),
        Behaviour::Status(404),
        Behaviour::Status(503),
        Behaviour::Redirect(elsewhere.url()),
        Behaviour::Endless,
        Behaviour::Large,
        Behaviour::Torn,
    ];
    let (mut hits, count) = (1, bad.len());
    for behaviour in bad {
        server.now(behaviour);
        app.clock.advance(REFRESH_AFTER.max(COOL_DOWN));
        // Asked while it waits, so that the answer has been judged when it is answered.
        site_by_key(&app, &other).await.expect_problem(503, "identity_provider_unavailable");
        hits += 1;
        assert_eq!(server.hits(), hits);
        site_by_key(&app, &key).await.expect(200);
    }
    assert_eq!(elsewhere.hits(), 0, "a redirect is not followed");
    println!("identity provider: {count} answers that are no key set, the last good keys served through all of them");
    server.rotate(&[&other]);
    app.clock.advance(STALE_AFTER);
    site_by_key(&app, &other).await.expect(200);
    site_by_key(&app, &key).await.expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn ten_megabytes_are_refused_while_they_arrive() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    for (behaviour, most) in [(Behaviour::Endless, 6 * 1024 * 1024), (Behaviour::Large, 6 * 1024 * 1024)] {
        let before = server.sent();
        server.now(behaviour);
        site_by_key(&app, &key).await.expect_problem(503, "identity_provider_unavailable");
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
        let taken = server.sent() - before;
        // What lies in the sockets' buffers was sent and never read.
        assert!(taken < most, "{taken} bytes were taken");
        app.clock.advance(RETRY_AFTER);
    }
    // The control: a large key set within the bound is taken.
    let padded = key_set(&[&key]).replacen('{', &format!("{{{}", " ".repeat(200 * 1024)), 1);
    server.now(Behaviour::Answer(padded));
    site_by_key(&app, &key).await.expect(200);
}

#[actix_web::test]
async fn a_slow_provider_holds_nobody_beyond_the_deadline() {
    let (known, new) = (Key::ec("known"), Key::ec("new"));
    let server = KeyServer::start(&[&known]);
    let app = app_trusting_with(&server, Setup { deadline: Duration::from_secs(3), ..Setup::default() }).await;
    server.now(Behaviour::Slow(Duration::from_secs(30), key_set(&[&known, &new])));
    let timed = |key: &Key| {
        let person = app.person(&key.token(&claims(&app)));
        async move {
            let started = Instant::now();
            let answer = person.get("/v1/site").await;
            (answer, started.elapsed())
        }
    };
    // Nothing is known: half of the deadline, for each of many at once.
    for (answer, took) in together((0..20).map(|_| timed(&known))).await {
        answer.expect_problem(503, "identity_provider_unavailable");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    assert_eq!(server.hits(), 1);
    // The fetch itself ends after five seconds and leaves the way free.
    actix_web::rt::time::sleep(Duration::from_secs(4)).await;
    server.rotate(&[&known]);
    app.clock.advance(RETRY_AFTER);
    site_by_key(&app, &known).await.expect(200);
    // With keys that may still serve nobody waits longer than two seconds, and once they are known to be late, not at all.
    server.now(Behaviour::Slow(Duration::from_secs(30), key_set(&[&known, &new])));
    app.clock.advance(STALE_AFTER);
    let (answer, took) = timed(&known).await;
    answer.expect(200);
    assert!(took < Duration::from_millis(2800), "{took:?}");
    let (answer, took) = timed(&new).await;
    answer.expect_problem(503, "identity_provider_unavailable");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[actix_web::test]
async fn a_refresh_goes_on_when_its_request_is_gone() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    server.now(Behaviour::Slow(Duration::from_millis(300), key_set(&[&key])));
    let person = app.person(&key.token(&claims(&app)));
    let gone = tokio::time::timeout(Duration::from_millis(100), person.get("/v1/site")).await;
    assert!(gone.is_err(), "the caller did not wait");
    settle(&server, 1).await;
    actix_web::rt::time::sleep(Duration::from_millis(400)).await;
    site_by(&app, &key.token(&claims(&app))).await.expect(200);
    assert_eq!(server.hits(), 1, "the fetch of the caller that is gone serves the next");
}
