//! `POST /v1/guard/check`: staff ask, and nothing is kept.

use serde_json::json;

use crate::privacy::Everything;
use crate::support::App;

const CHECK: &str = "/v1/guard/check";
const TOLD: &str = "She was put on metoprolol after the Wendehals episode and still faints";

#[actix_web::test]
async fn staff_learn_what_the_guard_says_of_a_text_and_nothing_of_it_is_kept() {
    let app = App::start().await;
    let before = app.db.dump();
    let refused = app.coordinator().post(CHECK, &json!({"text": TOLD})).await.expect(200);
    assert_eq!(refused.body["verdict"], "sensitive");
    assert!(refused.body["categories"].as_array().unwrap().contains(&json!("medication")), "{}", refused.text);
    assert!(!refused.body["rules"].as_array().unwrap().is_empty());
    assert_eq!(refused.body["guard_version"], json!(handoff::privacy::guard::GUARD_VERSION));
    let clear = app.admin().post(CHECK, &json!({"text": "Moved the call to Tuesday at ten."})).await.expect(200);
    assert_eq!(json!([clear.body["verdict"], clear.body["rules"]]), json!(["clear", []]));
    let everything = Everything::gather(&app, &[refused, clear]);
    assert_eq!(everything.places("wendehals"), [] as [&str; 0]);
    assert_eq!(app.db.dump(), before, "asking writes nothing");
}

#[actix_web::test]
async fn copy_may_name_a_disease_and_nobody_in_particular() {
    let app = App::start().await;
    let asked = async |text: &str, profile: &str| {
        let body = json!({"text": text, "profile": profile});
        app.coordinator().post(CHECK, &body).await.expect(200).body["verdict"].as_str().unwrap().to_owned()
    };
    let copy = "Living with gout? See whether a new study could be an option.";
    assert_eq!(asked(copy, "copy").await, "clear");
    assert_eq!(asked(TOLD, "copy").await, "sensitive");
    assert_eq!(asked(copy, "strict").await, "sensitive");
}

#[actix_web::test]
async fn names_that_the_site_registered_are_taken_out_at_this_site_alone() {
    let app = App::start().await;
    let name = "Asthma";
    let verdict = async || {
        let asked = app.coordinator().post(CHECK, &json!({"text": name})).await.expect(200);
        (asked.body["verdict"].clone(), asked.body["score"].as_f64().unwrap())
    };
    let (refused, unregistered) = verdict().await;
    assert_eq!(refused, json!("sensitive"));
    let study = json!({
        "code": "skin-2026", "public_name": name, "short_description": "A register of skin care.", "protocol_code": "SKN-1",
        "registry_id": null,
    });
    let elsewhere = app.member(&app.other_site, app.other_site.admin);
    elsewhere.post("/v1/studies", &study).await.expect(201);
    assert_eq!(verdict().await.1.to_bits(), unregistered.to_bits(), "another site's names are not this one's");
    app.admin().post("/v1/studies", &study).await.expect(201);
    let (registered, score) = verdict().await;
    assert_eq!(registered, json!("clear"));
    assert!(score < unregistered, "{score} of {unregistered}");
}

#[actix_web::test]
async fn only_staff_may_ask_and_a_text_without_end_is_refused_unread() {
    let app = App::start().await;
    let body = json!({"text": "Moved the call to Tuesday."});
    app.partner().post(CHECK, &body).await.expect_problem(403, "forbidden");
    app.viewer().post(CHECK, &body).await.expect_problem(403, "forbidden");
    app.stranger().post(CHECK, &body).await.expect(401);
    for (text, code) in [(json!(""), "too_short"), (json!("Tuesday. ".repeat(3_000)), "too_long"), (json!(7), "wrong_type")] {
        let refused = app.coordinator().post(CHECK, &json!({"text": text})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/text {code}")]);
    }
}
