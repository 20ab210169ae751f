//! Credentials that are none.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::auth::token;
use handoff::domain::ids::MemberId;
use reqwest::Method;

use super::{Tally, db_rows};
use crate::support::callers::send;
use crate::support::{App, make};

#[actix_web::test]
async fn credentials_that_are_none_answer_401_with_their_stable_code_and_the_request_id() {
    let app = App::start().await;
    let (key, other_key) = (app.site.partner.key.clone(), app.site.sibling.key.clone());
    let mistyped = {
        let last = if key.ends_with('a') { "b" } else { "a" };
        format!("{}{last}", &key[..key.len() - 1])
    };
    let spliced = format!("{}{}", &key[..20], &other_key[20..]);
    let stale =
        token::create(&app.master, app.site.id, app.site.admin, Duration::minutes(5), app.clock.now() - Duration::hours(1))
            .unwrap();
    let nobody =
        token::create(&app.master, app.site.id, MemberId(uuid::Uuid::from_u128(7)), Duration::hours(1), app.clock.now()).unwrap();
    let foreign = token::create(&app.master, app.other_site.id, app.site.admin, Duration::hours(1), app.clock.now()).unwrap();
    let good = token::create(&app.master, app.site.id, app.site.admin, Duration::hours(1), app.clock.now()).unwrap();
    let before = db_rows(&app);
    let tally = Tally::default();
    let basic = "Basic aGtfbGl2ZV86enF4Nw==".to_owned();
    for (what, header, code) in [
        ("nothing", None, "unauthenticated"),
        ("an empty header", Some(String::new()), "unauthenticated"),
        ("a scheme without credentials", Some("Bearer".into()), "unauthenticated"),
        ("a scheme and a space", Some("Bearer ".into()), "unauthenticated"),
        ("another scheme", Some(basic), "unauthenticated"),
        ("a key without its scheme", Some(key.clone()), "unauthenticated"),
        ("a mistyped key", Some(format!("Bearer {mistyped}")), "invalid_credentials"),
        ("two keys spliced", Some(format!("Bearer {spliced}")), "invalid_credentials"),
        ("a key and more", Some(format!("Bearer {key}x")), "invalid_credentials"),
        ("a live key as a test key", Some(format!("Bearer {}", key.replace("live", "test"))), "invalid_credentials"),
        ("a prefix", Some("Bearer hk_live_".into()), "invalid_credentials"),
        ("a long text", Some(format!("Bearer {}", "zqx7".repeat(1_000))), "invalid_credentials"),
        ("an expired token", Some(format!("Bearer {stale}")), "expired_credentials"),
        ("a token of nobody", Some(format!("Bearer {nobody}")), "invalid_credentials"),
        ("a token of another site's key", Some(format!("Bearer {foreign}")), "invalid_credentials"),
        ("a token with another signature", Some(format!("Bearer {}x", &good[..good.len() - 3])), "invalid_credentials"),
        ("a token without signature", Some(format!("Bearer {}.", good.rsplit_once('.').unwrap().0)), "invalid_credentials"),
        ("an unsigned token", Some("Bearer eyJhbGciOiJub25lIn0.e30.".into()), "invalid_credentials"),
    ] {
        for (method, path) in [(Method::GET, "/v1/referrals"), (Method::POST, "/v1/referrals"), (Method::GET, "/v1/zqx7")] {
            let mut request = app.stranger().request(method, path);
            if let Some(header) = &header {
                request = request.header("Authorization", header);
            }
            let answer = send(request.json(&make::referral())).await;
            tally.check(what, &answer);
            assert_eq!((answer.status, answer.code()), (401, code), "{what}");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    let twice = app.partner().request(Method::GET, "/v1/referrals").header("Authorization", format!("Bearer {key}"));
    send(twice).await.expect_problem(401, "invalid_credentials");
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line("credentials"));
    // The controls: the same key and token, untouched.
    app.partner().get("/v1/referrals").await.expect(200);
    app.person(&good).get("/v1/referrals").await.expect(200);
    let lower = app.stranger().request(Method::GET, "/v1/referrals").header("Authorization", format!("bearer {key}"));
    send(lower).await.expect(200);
}

#[actix_web::test]
async fn what_was_taken_back_works_no_longer() {
    let app = App::start().await;
    let db = |sql: &str| app.db.superuser().batch_execute(sql).unwrap();
    let admin = app.admin();
    app.partner().get("/v1/referrals").await.expect(200);
    db(&format!("UPDATE api_keys SET revoked_at = '2026-06-01T08:00:00Z' WHERE partner_id = '{}'", app.site.partner.id));
    // Behind the server's back: it believes what it found for a moment.
    app.partner().until_refused("/v1/referrals", std::time::Instant::now()).await;
    db(&format!(
        "UPDATE api_keys SET revoked_at = NULL, expires_at = '2026-06-01T09:00:00Z' WHERE partner_id = '{}'",
        app.site.partner.id
    ));
    app.partner().get("/v1/referrals").await.expect_problem(401, "expired_credentials");

    app.sibling_partner().get("/v1/referrals").await.expect(200);
    let path = format!("/v1/partners/{}/transitions", app.site.sibling.id);
    admin.post_on(&path, "*", &serde_json::json!({"to": "ended"})).await.expect(200);
    app.sibling_partner().get("/v1/referrals").await.expect_problem(401, "invalid_credentials");

    // A role is what the database says, not what a token said.
    let coordinator = app.coordinator();
    coordinator.get("/v1/referrals").await.expect(200);
    db(&format!("UPDATE members SET role = 'viewer' WHERE id = '{}'", app.site.coordinator));
    coordinator.get("/v1/referrals").await.expect_problem(403, "forbidden");
    db(&format!("UPDATE members SET active = false WHERE id = '{}'", app.site.coordinator));
    coordinator.get("/v1/referrals").await.expect_problem(401, "invalid_credentials");
}
