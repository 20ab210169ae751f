//! When a key was last used: remembered at once, written by a job, and no change of the key.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::jobs::key_uses;
use serde_json::{Value, json};

use super::{issue, portal, revoke};
use crate::support::callers::Person;
use crate::support::{App, make};

async fn last_used(admin: &Person, path: &str) -> Value {
    let read = admin.get(path).await.expect(200);
    assert_eq!(read.etag(), "\"1\"", "a use is no change");
    read.body["last_used_at"].clone()
}

#[actix_web::test]
async fn a_pass_writes_the_latest_use_of_each_key_once() {
    let app = App::start().await;
    let admin = app.admin();
    let (portal, feed) = (portal(&admin).await, issue(&admin, &json!({"name": "Feed", "scopes": ["config:read"]})).await);
    key_uses::pass(&app.state).await.unwrap();
    for key in [&portal, &feed] {
        assert_eq!(last_used(&admin, &key.path).await, Value::Null);
    }
    for _ in 0..3 {
        app.person(&portal.secret).get("/v1/referrals").await.expect(200);
        app.clock.advance(Duration::seconds(10));
    }
    // Who is let in and then not permitted has used the key all the same; who is not let in has not.
    app.person(&feed.secret).get("/v1/referrals").await.expect_problem(403, "insufficient_scope");
    app.person(&app.other_site.key).get("/v1/site").await.expect(200);
    assert_eq!(last_used(&admin, &portal.path).await, Value::Null, "no request writes");
    assert_eq!(key_uses::pass(&app.state).await.unwrap(), 3, "three keys, at two sites");
    assert_eq!(last_used(&admin, &portal.path).await, "2026-06-01T09:00:20Z");
    assert_eq!(last_used(&admin, &feed.path).await, "2026-06-01T09:00:30Z");
    assert_eq!(key_uses::pass(&app.state).await.unwrap(), 0, "what is written is forgotten");

    // Another server's older news changes nothing.
    app.clock.advance(-Duration::seconds(25));
    app.person(&portal.secret).get("/v1/referrals").await.expect(200);
    assert_eq!(key_uses::pass(&app.state).await.unwrap(), 0);
    assert_eq!(last_used(&admin, &portal.path).await, "2026-06-01T09:00:20Z");
}

#[actix_web::test]
async fn a_refused_key_is_not_used() {
    let app = App::start().await;
    let admin = app.admin();
    let key = portal(&admin).await;
    revoke(&admin, &key).await.expect(200);
    app.person(&key.secret).get("/v1/referrals").await.expect_problem(401, "invalid_credentials");
    assert_eq!(key_uses::pass(&app.state).await.unwrap(), 0);
    assert_eq!(admin.get(&key.path).await.expect(200).body["last_used_at"], Value::Null);
}

#[actix_web::test]
async fn a_pass_that_fails_loses_no_use() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    make::sent(&app.person(&app.other_site.partner.key)).await;
    let used = "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL";
    let mut superuser = app.db.superuser();
    superuser.batch_execute("BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE").unwrap();
    assert!(key_uses::pass(&app.state).await.is_err());
    superuser.batch_execute("ROLLBACK").unwrap();
    assert_eq!(app.db.count(used), 0);
    assert_eq!(key_uses::pass(&app.state).await.unwrap(), 2);
    assert_eq!(app.db.count(used), 2);
}
