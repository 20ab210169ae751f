//! Acknowledgement: by the partner, of what counts, once; and how long it counts.

use reqwest::Method;
use serde_json::json;

use super::{acknowledge, approved, events, on, standing, step};
use crate::support::callers::send;

#[actix_web::test]
async fn a_partner_acknowledges_what_it_reads_once_and_the_site_sees_it() {
    let app = super::start().await;
    let version = approved(&app, json!({})).await;
    let partner = app.partner();
    assert_eq!(standing(&partner).await, json!(["never_acknowledged", null]));
    let first = acknowledge(&partner, &version).await.expect(201);
    app.clock.advance(chrono::Duration::hours(1));
    let again = acknowledge(&partner, &version).await.expect(200);
    assert_eq!(first.text, again.text, "a second time changes nothing");
    assert_eq!((&first.body["partner"], &first.body["version_id"]), (&json!("lakeside"), &json!(version)));
    assert_eq!(standing(&partner).await, json!(["acknowledged", null]));
    assert_eq!(standing(&app.sibling_partner()).await, json!(["never_acknowledged", null]));
    let told: Vec<String> = events(&app).await.into_iter().filter(|event| event.contains("acknowledged")).collect();
    assert_eq!(told, [format!("language.acknowledged {version}")]);
    // Who did it, with which key: in the trail, and without a person.
    let trail = app.admin().get("/v1/audit?operation=create_acknowledgement").await.expect(200);
    let entry = &trail.body["data"][0];
    assert_eq!((&entry["actor"]["kind"], &entry["subject"]["id"]), (&json!("partner_key"), &json!(version)));
    assert!(entry["api_key_id"].is_string());

    acknowledge(&app.sibling_partner(), &version).await.expect(201);
    for (who, count) in [(app.coordinator(), 2), (app.site_key(), 2), (partner, 1)] {
        let list = who.get(&format!("/v1/language/acknowledgements?study=heart-2026&version_id={version}")).await.expect(200);
        assert_eq!(list.body["data"].as_array().unwrap().len(), count);
    }
    let filtered = app.admin().get("/v1/language/acknowledgements?partner=voices&limit=1").await.expect(200);
    assert_eq!(filtered.body["data"][0]["partner"], "voices");
}

#[actix_web::test]
async fn a_test_key_and_the_site_acknowledge_nothing() {
    let app = super::start().await;
    let version = approved(&app, json!({})).await;
    acknowledge(&app.person(&app.site.partner.test_key), &version).await.expect_problem(403, "forbidden");
    for who in [app.admin(), app.coordinator(), app.site_key()] {
        acknowledge(&who, &version).await.expect(403);
    }
    assert_eq!(app.db.count("SELECT count(*) FROM language_acknowledgements"), 0);
    // Another site's version is an unknown one.
    let foreign = acknowledge(&app.person(&app.other_site.partner.key), &version).await.expect_problem(422, "invalid_body");
    let unknown = acknowledge(&app.partner(), &uuid::Uuid::from_u128(9).to_string()).await.expect_problem(422, "invalid_body");
    assert_eq!(foreign.faults(), unknown.faults());
}

#[actix_web::test]
async fn an_old_version_is_refused_and_the_answer_names_the_current_one() {
    let app = super::start().await;
    let old = approved(&app, json!({})).await;
    let new = approved(&app, json!({"effective_on": "2026-06-10"})).await;
    on(&app, "2026-06-10");
    let refused = acknowledge(&app.partner(), &old).await.expect_problem(409, "version_not_current");
    assert_eq!(refused.body["current_version_id"], json!(new));
    acknowledge(&app.partner(), &new).await.expect(201);
    step(&app.admin(), &new, "retire", json!({"reason": "approval_withdrawn"})).await.expect(200);
    let refused = acknowledge(&app.sibling_partner(), &new).await.expect_problem(409, "version_not_current");
    assert!(refused.body.get("current_version_id").is_none(), "{}", refused.text);
}

#[actix_web::test]
async fn after_a_supersession_an_acknowledgement_counts_for_the_grace_days_of_the_new_version() {
    let app = super::start().await;
    let old = approved(&app, json!({})).await;
    acknowledge(&app.partner(), &old).await.expect(201);
    let new = approved(&app, json!({"effective_on": "2026-06-10", "grace_days": 5})).await;
    // The sibling acknowledges ahead, and is never in grace.
    acknowledge(&app.sibling_partner(), &new).await.expect(201);
    for (day, expected) in [
        ("2026-06-09", json!(["acknowledged", null])),
        ("2026-06-10", json!(["in_grace", "2026-06-14"])),
        ("2026-06-14", json!(["in_grace", "2026-06-14"])),
        ("2026-06-15", json!(["lapsed", null])),
    ] {
        on(&app, day);
        assert_eq!(standing(&app.partner()).await, expected, "{day}");
        let ahead = if day < "2026-06-10" { "never_acknowledged" } else { "acknowledged" };
        assert_eq!(standing(&app.sibling_partner()).await, json!([ahead, null]), "{day}");
    }
    acknowledge(&app.partner(), &new).await.expect(201);
    assert_eq!(standing(&app.partner()).await, json!(["acknowledged", null]));
}

#[actix_web::test]
async fn the_current_text_is_read_as_json_and_as_text_to_paste() {
    let app = super::start().await;
    let spanish = approved(&app, json!({"locale": "es", "where_to_go": "Lea esto."})).await;
    let english = approved(&app, json!({})).await;
    let partner = app.partner();
    let seen = partner.get("/v1/language/current?study=heart-2026").await.expect(200);
    assert_eq!((&seen.body["version_id"], &seen.body["locales"]), (&json!(english), &json!(["en-US", "es"])));
    let seen = partner.get("/v1/language/current?study=heart-2026&locale=es").await.expect(200);
    assert_eq!(seen.body["version_id"], json!(spanish));
    partner.get("/v1/language/current?study=heart-2026&locale=fr").await.expect_problem(409, "no_approved_language");
    partner.get("/v1/language/current?study=nothing-here").await.expect_problem(404, "not_found");
    for who in [app.admin(), app.site_key()] {
        let seen = who.get("/v1/language/current?study=heart-2026").await.expect(200);
        assert_eq!((&seen.body["version_id"], &seen.body["own"]), (&json!(english), &json!(null)));
    }
    let ask = |accept: &str| {
        send(partner.request(Method::GET, "/v1/language/current?study=heart-2026&locale=es").header("Accept", accept))
    };
    let text = ask("text/plain").await.expect(200);
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.text.starts_with("Study\nHeart Rhythm Study\n\nAbout the study\n"), "{}", text.text);
    assert!(text.text.contains("\nWhere interested people go\nLea esto.\n"), "{}", text.text);
    assert!(text.header("etag").is_some());
    assert_eq!(ask("application/json, text/plain").await.expect(200).body["locale"], "es");
    for refused in ["text/csv", "text/html"] {
        ask(refused).await.expect_problem(406, "not_acceptable");
    }
}
