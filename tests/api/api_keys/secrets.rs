//! A key is in the one answer that shows it, and nowhere else.

use handoff::api::reply::Reply;
use serde_json::{Value, json};

use super::{KEYS, Key, portal};
use crate::support::callers::{Answer, fresh_key};
use crate::support::db::Database;
use crate::support::{App, log};

#[track_caller]
fn assert_replayed_without_secret(first: &Answer, again: &Answer) {
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
    let mut expected = first.body.clone();
    expected["secret"] = Value::Null;
    expected["secret_already_shown"] = json!(true);
    assert_eq!(again.body, expected);
}

#[actix_web::test]
async fn a_retry_answers_the_same_key_and_says_that_its_secret_was_shown() {
    let app = App::start().await;
    let admin = app.admin();
    let body = json!({"name": "Portal", "partner": "lakeside"});
    let key = fresh_key();
    let first = admin.post_with_key(KEYS, &key, &body).await.expect(201);
    for _ in 0..2 {
        assert_replayed_without_secret(&first, &admin.post_with_key(KEYS, &key, &body).await);
    }
    let (path, key) = (format!("{}/rotate", Key::of(&first).path), fresh_key());
    let rotated = admin.post_with_key(&path, &key, &json!({})).await.expect(201);
    assert_replayed_without_secret(&rotated, &admin.post_with_key(&path, &key, &json!({})).await);
    assert_eq!(app.db.count("SELECT count(*) FROM api_keys WHERE name = 'Portal'"), 2, "no retry made a key");

    // A revocation has nothing to hide: it is replayed as it was.
    let (path, key) = (format!("{}/revoke", Key::of(&first).path), fresh_key());
    let revoked = admin.post_with_key(&path, &key, &json!({})).await.expect(200);
    let again = admin.post_with_key(&path, &key, &json!({})).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &revoked.text));
}

#[actix_web::test]
async fn the_key_itself_is_in_no_table_no_log_and_no_later_answer() {
    let app = App::start().await;
    let admin = app.admin();
    let body = json!({"name": "Schlüsselvogel", "partner": "lakeside"});
    let retry = fresh_key();
    let issued = admin.post_with_key(KEYS, &retry, &body).await.expect(201);
    let old = Key::of(&issued);
    let new = Key::of(&admin.post_with_key(&format!("{}/rotate", old.path), &retry, &json!({})).await.expect(201));
    let mut later = vec![
        admin.post_with_key(KEYS, &retry, &body).await,
        admin.post_with_key(&format!("{}/rotate", old.path), &retry, &json!({})).await,
        admin.get(KEYS).await,
    ];
    for key in [&old, &new] {
        app.person(&key.secret).get("/v1/referrals").await.expect(200);
        later.push(admin.get(&key.path).await);
        later.push(admin.post(&format!("{}/revoke", key.path), &json!({})).await);
        later.push(app.person(&key.secret).get("/v1/referrals").await.expect(401));
    }
    let places = [
        ("answers", later.iter().map(|answer| format!("{:?}{}", answer.headers, answer.text)).collect::<String>()),
        ("database", app.db.dump()),
        ("log", log::lines().join("\n")),
        ("server log", Database::server_log().unwrap_or_default()),
    ];
    let found = |text: &str| -> Vec<&str> {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        places.iter().filter(|(_, all)| all.contains(text) || all.contains(&hex)).map(|(place, _)| *place).collect()
    };
    for key in [&old, &new] {
        // The whole key, and the random part alone.
        for trace in [key.secret.as_str(), &key.secret[8..40]] {
            assert_eq!(found(trace), [] as [&str; 0]);
        }
    }
    // The controls: the name is where names may be, and the hash is in its columns.
    assert_eq!(found("Schlüsselvogel"), ["answers", "database"]);
    let hash: String =
        handoff::auth::api_key::parse(&new.secret).unwrap().hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found(&hash), ["database"]);
    assert!(places[2].1.contains("/v1/api-keys/{id}/rotate 201"), "the log tells of the requests");
}

#[actix_web::test]
async fn an_answer_that_is_logged_by_mistake_shows_no_body() {
    let shown = Reply::ok(&json!({"secret": "hk_live_kanari"}), "\"1\"".into()).unwrap();
    let kept = shown.clone().keeping(&json!({"secret": "hk_live_kanari"})).unwrap();
    assert!(shown.body.contains("kanari") && !format!("{shown:?}{kept:?}").contains("kanari"));
    let app = App::start().await;
    let key = portal(&app.admin()).await;
    assert!(!format!("{:?}", handoff::auth::api_key::generate(false).unwrap().text).contains("hk_live_"));
    assert!(key.secret.starts_with("hk_live_"), "the control");
}
