//! API keys over HTTP: shown once, one per name, rotated with an overlap, revoked at once, and nowhere to be found.

mod lifecycle;
mod secrets;
mod uses;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person, send};
use crate::support::make;

const KEYS: &str = "/v1/api-keys";

/// A key that an admin issued: its path and its text.
struct Key {
    path: String,
    secret: String,
}

impl Key {
    fn of(issued: &Answer) -> Self {
        let secret = issued.body["secret"].as_str().expect("a secret").to_owned();
        Self { path: issued.header("location").expect("a place").to_owned(), secret }
    }

    async fn status(&self, admin: &Person) -> String {
        admin.get(&self.path).await.expect(200).body["status"].as_str().unwrap().to_owned()
    }
}

async fn issue(admin: &Person, body: &Value) -> Key {
    Key::of(&admin.post(KEYS, body).await.expect(201))
}

async fn portal(admin: &Person) -> Key {
    issue(admin, &json!({"name": "Portal", "partner": "lakeside"})).await
}

async fn rotate(admin: &Person, key: &Key, body: &Value) -> Answer {
    admin.post(&format!("{}/rotate", key.path), body).await
}

async fn revoke(admin: &Person, key: &Key) -> Answer {
    admin.post(&format!("{}/revoke", key.path), &json!({})).await
}

#[actix_web::test]
async fn a_partner_key_and_a_site_key_are_issued_and_work() {
    let app = App::start().await;
    let admin = app.admin();
    let body = json!({"name": "Portal", "partner": "lakeside", "expires_at": "2027-06-01T00:00:00.123456789Z"});
    let issued = admin.post(KEYS, &body).await.expect(201);
    let key = Key::of(&issued);
    assert_eq!((issued.etag(), key.path.as_str()), ("\"1\"".into(), format!("{KEYS}/{}", issued.id()).as_str()));
    let mut shown = issued.body.clone();
    for (field, value) in [("secret", json!(key.secret)), ("secret_already_shown", json!(false))] {
        assert_eq!(shown.as_object_mut().unwrap().remove(field), Some(value));
    }
    assert_eq!(
        shown,
        json!({
            "id": issued.id(), "name": "Portal", "partner": "lakeside", "scopes": ["partner"], "mode": "live", "status": "active",
            "created_at": "2026-06-01T09:00:00Z", "expires_at": "2027-06-01T00:00:00.123456Z", "revoked_at": null,
            "last_used_at": null, "rotated_to_id": null,
        })
    );
    let read = admin.get(&key.path).await.expect(200);
    assert_eq!((read.etag(), read.body), (issued.etag(), shown), "an answer equals its later reading, but for the secret");
    assert!(key.secret.starts_with("hk_live_"));
    make::sent(&app.person(&key.secret)).await;

    let body = json!({"name": "Feed", "scopes": ["referrals:read"], "mode": "test"});
    let issued = admin.post(KEYS, &body).await.expect(201);
    assert_eq!((&issued.body["partner"], &issued.body["mode"]), (&Value::Null, &json!("test")));
    let reader = app.person(&Key::of(&issued).secret);
    reader.get("/v1/referrals").await.expect(200);
    reader.get("/v1/site").await.expect_problem(403, "insufficient_scope");
}

#[actix_web::test]
async fn what_no_key_can_be_is_refused_with_every_fault() {
    let app = App::start().await;
    let admin = app.admin();
    let scopes = |scopes: Value| json!({"name": "K", "scopes": scopes});
    let ends = |at: &str| json!({"name": "K", "scopes": ["events:read"], "expires_at": at});
    for (body, faults) in [
        (json!({"name": "K"}), vec!["/scopes inconsistent"]),
        (json!({"name": "K", "partner": null, "scopes": null}), vec!["/scopes inconsistent"]),
        (json!({"name": "K", "partner": "lakeside", "scopes": ["events:read"]}), vec!["/scopes inconsistent"]),
        (json!({"name": "K", "partner": "lakeside", "scopes": ["partner"]}), vec!["/scopes inconsistent"]),
        (scopes(json!(["partner"])), vec!["/scopes inconsistent"]),
        (scopes(json!(["events:read", "partner"])), vec!["/scopes inconsistent"]),
        (scopes(json!(["events:read", "events:read"])), vec!["/scopes inconsistent"]),
        (scopes(json!([])), vec!["/scopes too_few_items"]),
        (scopes(json!(["keys:write"])), vec!["/scopes/0 unknown_value"]),
        (json!({"name": "", "partner": "lakeside", "mode": "staging"}), vec!["/mode unknown_value", "/name too_short"]),
        (json!({"name": "x".repeat(81), "partner": "lakeside"}), vec!["/name too_long"]),
        (
            json!({"name": "K", "partner": "nobody", "expires_at": "2026-06-01T09:00:00Z"}),
            vec!["/expires_at out_of_range", "/partner unknown_reference"],
        ),
        (ends("2031-06-01T09:00:01Z"), vec!["/expires_at out_of_range"]),
        (ends("tomorrow"), vec!["/expires_at bad_format"]),
    ] {
        let refused = admin.post(KEYS, &body).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), faults, "{body}");
    }
    // The control: to the second, five years are within.
    issue(&admin, &ends("2031-06-01T09:00:00Z")).await;

    let voices = format!("/v1/partners/{}/transitions", app.site.sibling.id);
    let key = issue(&admin, &json!({"name": "Other", "partner": "voices"})).await;
    admin.post_on(&voices, "*", &json!({"to": "ended"})).await.expect(200);
    admin.post(KEYS, &json!({"name": "K", "partner": "voices"})).await.expect_problem(409, "state_conflict");
    rotate(&admin, &key, &json!({})).await.expect_problem(409, "state_conflict");
    revoke(&admin, &key).await.expect(200);
}

#[actix_web::test]
async fn the_active_keys_of_a_holder_and_mode_have_different_names() {
    let app = App::start().await;
    let admin = app.admin();
    let first = portal(&admin).await;
    let taken = admin.post(KEYS, &json!({"name": "Portal", "partner": "lakeside"})).await.expect_problem(409, "already_exists");
    assert_eq!(taken.faults(), ["/name inconsistent"]);
    // Another holder, another mode, the site itself, the other site: each has its own names.
    for body in [
        json!({"name": "Portal", "partner": "voices"}),
        json!({"name": "Portal", "partner": "lakeside", "mode": "test"}),
        json!({"name": "Portal", "scopes": ["events:read"]}),
    ] {
        issue(&admin, &body).await;
        admin.post(KEYS, &body).await.expect_problem(409, "already_exists");
    }
    portal(&app.member(&app.other_site, app.other_site.admin)).await;
    // A name is free again after the end of its key, by revocation or by itself.
    revoke(&admin, &first).await.expect(200);
    issue(&admin, &json!({"name": "Portal", "partner": "lakeside", "expires_at": "2026-06-01T10:00:00Z"})).await;
    app.clock.advance(chrono::Duration::hours(1));
    portal(&app.admin()).await;
}

#[actix_web::test]
async fn keys_are_listed_by_partner_and_by_where_they_stand() {
    let app = App::start().await;
    let admin = app.admin();
    // Ids sort by their time: what is listed in order is made in order.
    let rotated = portal(&admin).await;
    app.clock.advance(chrono::Duration::seconds(1));
    rotate(&admin, &rotated, &json!({})).await.expect(201);
    app.clock.advance(chrono::Duration::seconds(1));
    let revoked = issue(&admin, &json!({"name": "Old", "partner": "lakeside"})).await;
    revoke(&admin, &revoked).await.expect(200);
    app.clock.advance(chrono::Duration::seconds(1));
    issue(&admin, &json!({"name": "Short", "partner": "lakeside", "expires_at": "2026-06-01T09:30:00Z"})).await;
    app.clock.advance(chrono::Duration::minutes(30));
    let listed = async |query: &str| -> Vec<String> {
        let page = admin.get(&format!("{KEYS}?{query}")).await.expect(200);
        assert!(!page.text.contains("secret") && !page.text.contains("hk_"), "{}", page.text);
        let name = |key: &Value| format!("{} {}", key["name"].as_str().unwrap(), key["status"].as_str().unwrap());
        page.body["data"].as_array().unwrap().iter().map(name).collect()
    };
    let all = ["lakeside active", "lakeside active", "Portal expiring", "Portal active", "Old revoked", "Short expired"];
    assert_eq!(listed("partner=lakeside").await, all);
    assert_eq!(listed("partner=lakeside&status=active").await, ["lakeside active", "lakeside active", "Portal active"]);
    for status in ["expiring", "revoked", "expired"] {
        let expected: Vec<&str> = all.into_iter().filter(|name| name.ends_with(&format!(" {status}"))).collect();
        assert_eq!(listed(&format!("status={status}")).await, expected);
    }
    assert_eq!(listed("partner=nobody").await, [] as [&str; 0]);
    // Page by page, and the cursor is good for these filters only.
    let first = admin.get(&format!("{KEYS}?partner=lakeside&limit=4")).await.expect(200);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&format!("partner=lakeside&limit=4&cursor={cursor}")).await, all[4..]);
    admin.get(&format!("{KEYS}?limit=4&cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
}

#[actix_web::test]
async fn keys_are_for_admins_alone_and_another_sites_key_is_an_unknown_one() {
    let app = App::start().await;
    let key = portal(&app.admin()).await;
    let body = json!({"name": "K", "partner": "lakeside"});
    for person in [app.coordinator(), app.viewer(), app.site_key(), app.partner(), app.person(&key.secret)] {
        person.post(KEYS, &body).await.expect_problem(403, "forbidden");
        for path in [KEYS, &key.path] {
            person.get(path).await.expect_problem(403, "forbidden");
        }
        rotate(&person, &key, &json!({})).await.expect_problem(403, "forbidden");
        revoke(&person, &key).await.expect_problem(403, "forbidden");
    }
    let away = app.member(&app.other_site, app.other_site.admin);
    let unknown = Key { path: format!("{KEYS}/{}", uuid::Uuid::from_u128(7)), secret: String::new() };
    for key in [&key, &unknown] {
        away.get(&key.path).await.expect_problem(404, "not_found");
        rotate(&away, key, &json!({})).await.expect_problem(404, "not_found");
        revoke(&away, key).await.expect_problem(404, "not_found");
    }
    // No caller has touched it.
    assert_eq!(app.admin().get(&key.path).await.expect(200).etag(), "\"1\"");
    app.person(&key.secret).get("/v1/referrals").await.expect(200);
}

#[actix_web::test]
async fn a_key_is_told_by_its_tag_and_an_if_match_is_not_asked_for() {
    let app = App::start().await;
    let admin = app.admin();
    let key = portal(&admin).await;
    send(admin.request(Method::POST, &format!("{}/rotate", key.path)).json(&json!({}))).await.expect(201);
    assert_eq!(admin.get(&key.path).await.etag(), "\"2\"");
    let revoked = send(admin.request(Method::POST, &format!("{}/revoke", key.path)).json(&json!({}))).await.expect(200);
    assert_eq!((revoked.etag(), &revoked.body["status"]), ("\"3\"".into(), &json!("revoked")));
}
