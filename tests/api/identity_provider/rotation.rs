//! Keys that come and go: a new one is picked up, a removed one stops, strange ones do not hammer the provider.

use chrono::Duration;
use handoff::auth::provider::{COOL_DOWN, REFRESH_AFTER, STALE_AFTER};

use super::keys::{Key, with};
use super::server::KeyServer;
use super::{app_trusting, claims, site_by, site_by_key};
use crate::support::callers::together;

/// Lets a refresh behind a request land.
pub async fn settle(server: &KeyServer, hits: usize) {
    for _ in 0..200 {
        if server.hits() >= hits {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(server.hits(), hits);
}

#[actix_web::test]
async fn a_new_key_is_picked_up_and_a_removed_one_stops_at_the_next_refresh() {
    let (old, new) = (Key::rsa("2026-05"), Key::ec("2026-06"));
    let server = KeyServer::start(&[&old]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &old).await.expect(200);
    // The provider rotates: a key that nobody knew is asked for, once the cool-down since the last fetch is over.
    server.rotate(&[&old, &new]);
    site_by_key(&app, &new).await.expect_problem(401, "invalid_credentials");
    assert_eq!(server.hits(), 1);
    app.clock.advance(COOL_DOWN);
    site_by_key(&app, &new).await.expect(200);
    site_by_key(&app, &old).await.expect(200);
    assert_eq!(server.hits(), 2);
    // The old key goes. It works until the refresh that a request sets off behind it.
    server.rotate(&[&new]);
    app.clock.advance(REFRESH_AFTER - Duration::seconds(1));
    site_by_key(&app, &old).await.expect(200);
    assert_eq!(server.hits(), 2);
    app.clock.advance(Duration::seconds(1));
    site_by_key(&app, &old).await.expect(200);
    settle(&server, 3).await;
    site_by_key(&app, &old).await.expect_problem(401, "invalid_credentials");
    site_by_key(&app, &new).await.expect(200);
    assert_eq!(server.hits(), 3);
}

#[actix_web::test]
async fn a_removed_key_is_refused_by_the_first_request_after_ten_quiet_minutes() {
    let (old, new) = (Key::ed("old"), Key::ed("new"));
    let server = KeyServer::start(&[&old]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &old).await.expect(200);
    server.rotate(&[&new]);
    app.clock.advance(STALE_AFTER);
    site_by_key(&app, &old).await.expect_problem(401, "invalid_credentials");
    site_by_key(&app, &new).await.expect(200);
    assert_eq!(server.hits(), 2);
    // A provider that takes every key back says so.
    server.rotate(&[]);
    app.clock.advance(STALE_AFTER);
    site_by_key(&app, &new).await.expect_problem(401, "invalid_credentials");
    assert_eq!(server.hits(), 3);
}

#[actix_web::test]
async fn a_key_is_another_key_under_the_same_name_after_the_refresh() {
    let (old, new) = (Key::ec("k"), Key::ec("k"));
    let server = KeyServer::start(&[&old]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &old).await.expect(200);
    server.rotate(&[&new]);
    app.clock.advance(STALE_AFTER);
    site_by_key(&app, &new).await.expect(200);
    site_by_key(&app, &old).await.expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn a_flood_of_strange_keys_asks_the_provider_once_per_cool_down() {
    let (good, strange) = (Key::ec("good"), Key::ec("strange"));
    let server = KeyServer::start(&[&good]);
    let app = app_trusting(&server).await;
    // Nothing is known yet: fifty at once share one fetch.
    let token = good.token(&claims(&app));
    let person = app.person(&token);
    let first = together((0..50).map(|_| {
        let person = person.clone();
        async move { person.get("/v1/site").await.status }
    }))
    .await;
    assert!(first.iter().all(|status| *status == 200), "{first:?}");
    assert_eq!(server.hits(), 1);
    let mut refused = 0;
    for round in 0..4 {
        app.clock.advance(COOL_DOWN);
        let before = server.hits();
        let statuses = together((0..50).map(|number| {
            let header = with(&strange.header(), "kid", format!("strange-{round}-{number}"));
            let person = app.person(&strange.token_with(&header, &claims(&app)));
            async move { person.get("/v1/site").await.status }
        }))
        .await;
        assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
        refused += statuses.len();
        assert_eq!(server.hits() - before, 1, "round {round}");
    }
    site_by(&app, &token).await.expect(200);
    println!("identity provider: {refused} tokens of strange keys in 4 cool-downs, {} fetches", server.hits() - 1);
}
