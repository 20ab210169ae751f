//! What a route is made of: channels with their instructions, the intake link, the configuration's hash and history, and how many
//! referrals a month it takes. `configuration.rs` has what routes share with studies and partners.

mod capacity;
mod history;

use serde_json::{Value, json};

use crate::support::callers::Answer;
use crate::support::onboard;
use crate::support::{App, make};

fn path(app: &App) -> String {
    format!("/v1/routes/{}", app.site.partner.route)
}

async fn change(app: &App, changes: Value) -> Answer {
    let changed = app.admin().patch(&path(app), "*", &changes).await.expect(200);
    if changed.body["status"] == "retest_required" {
        onboard::db_live(app, path(app));
    }
    changed
}

async fn hash(app: &App) -> String {
    app.admin().get(&path(app)).await.expect(200).body["configuration_hash"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn each_channel_has_its_instruction_and_a_referral_is_told_that_of_its_own() {
    let app = App::start().await;
    let channels = json!([
        {"channel": "phone_handoff", "instruction": "Read out the code."},
        {"channel": "secure_form", "instruction": "Give the person the code."},
    ]);
    assert_eq!(change(&app, json!({"channels": channels})).await.body["channels"], channels);
    let seen = app.partner().get(&path(&app)).await.expect(200);
    assert_eq!(seen.body["channels"], channels);
    for (channel, instruction) in [("phone_handoff", "Read out the code."), ("secure_form", "Give the person the code.")] {
        let sent = app.partner().post("/v1/referrals", &make::referral_with(json!({"channel": channel}))).await.expect(201);
        assert_eq!(sent.body["handoff"]["instruction"], instruction);
        let read = app.partner().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
        assert_eq!(read.body["handoff"]["instruction"], instruction);
    }
    // What happened over a channel that is none of the route's has no instruction.
    let late = json!({"partner": "lakeside", "channel": "coordinator_queue", "late_reason": "paper_backlog"});
    let late = app.coordinator().post("/v1/referrals", &make::referral_with(late)).await.expect(201);
    assert_eq!(late.body["handoff"]["instruction"], Value::Null);
    // A page tells of each referral what reading it does, by whoever asks.
    for caller in [app.partner(), app.coordinator()] {
        let page = caller.get("/v1/referrals").await.expect(200);
        let listed = page.body["data"].as_array().unwrap();
        assert_eq!(listed.len(), 3);
        for row in listed {
            let read = caller.get(&format!("/v1/referrals/{}", row["id"].as_str().unwrap())).await.expect(200);
            assert_eq!(*row, read.body);
        }
    }

    let refusals = [
        (json!([{"channel": "secure_form"}]), "/channels/0/instruction missing_field"),
        (json!([{"channel": "secure_form", "instruction": ""}]), "/channels/0/instruction too_short"),
        (json!([{"channel": "secure_form", "instruction": "x".repeat(501)}]), "/channels/0/instruction too_long"),
        (json!([{"channel": "carrier_pigeon", "instruction": "x"}]), "/channels/0/channel unknown_value"),
        (json!(["secure_form"]), "/channels/0 wrong_type"),
    ];
    for (channels, fault) in refusals {
        let refused =
            app.admin().patch(&path(&app), "*", &json!({"channels": channels})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [fault]);
    }
    assert_eq!(app.admin().get(&path(&app)).await.expect(200).body["channels"], channels, "a refusal changes nothing");
}

#[actix_web::test]
async fn the_intake_link_names_source_and_study_wherever_people_are_sent() {
    let app = App::start().await;
    let ours = "utm_source=lakeside.heart&utm_medium=handoff&utm_campaign=heart-2026";
    let link = |answer: &Answer| answer.body["intake_link"].as_str().unwrap().to_owned();
    let before = app.partner().get(&path(&app)).await.expect(200);
    assert_eq!(link(&before), format!("https://intake.riverside.example/start?{ours}"));
    let own = change(&app, json!({"intake_url": "https://heart.example/in?lang=en#form"})).await;
    assert_eq!(link(&own), format!("https://heart.example/in?lang=en&{ours}#form"));
    let seen = app.partner().get(&path(&app)).await.expect(200);
    assert_eq!(link(&seen), link(&own), "staff and partner are shown the same");
    assert_ne!(seen.etag(), before.etag());
    let tagged = change(&app, json!({"source_tag": "lake:side"})).await;
    assert!(link(&tagged).contains("utm_source=lake%3Aside&"), "{}", link(&tagged));
}

#[actix_web::test]
async fn an_intake_is_an_https_address_that_everybody_can_reach() {
    let app = App::start().await;
    let before = (app.admin().get(&path(&app)).await.text, app.admin().get("/v1/site").await.text);
    let mut new = make::route(&app.site, "lakeside");
    for (url, code) in [
        ("http://intake.example/start", "address_not_allowed"),
        ("https://10.0.0.7/start", "address_not_allowed"),
        ("https://127.1/start", "address_not_allowed"),
        ("http://169.254.169.254/latest", "address_not_allowed"),
        ("https://intake.internal/start", "address_not_allowed"),
        ("https://user:1@x.example/", "bad_format"),
    ] {
        new["intake_url"] = json!(url);
        let bodies =
            [app.admin().post("/v1/routes", &new).await, app.admin().patch(&path(&app), "*", &json!({"intake_url": url})).await];
        for refused in bodies.into_iter().chain([app.admin().patch("/v1/site", "*", &json!({"intake_url": url})).await]) {
            let refused = refused.expect_problem(422, "invalid_body");
            assert_eq!(refused.faults(), [format!("/intake_url {code}")], "{url}");
            assert!(!refused.text.contains(url), "the value is not echoed");
        }
    }
    assert_eq!((app.admin().get(&path(&app)).await.text, app.admin().get("/v1/site").await.text), before);
    change(&app, json!({"intake_url": "http://localhost:3000/in"})).await;
}
