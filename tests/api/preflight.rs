//! Asking before sending: what is told is what a referral then meets.

use diesel::connection::SimpleConnection as _;
use handoff::domain::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};
use serde_json::{Value, json};

use crate::support::callers::Answer;
use crate::support::{App, make};

fn question(channel: &str) -> Value {
    json!({"study": make::STUDY, "channel": channel})
}

async fn ask(app: &App, channel: &str) -> Answer {
    app.partner().post("/v1/routes/preflight", &question(channel)).await
}

/// The state that a referral's answer stands for.
fn met(answer: &Answer) -> &'static [&'static str] {
    match (answer.status, answer.code()) {
        (201, _) => &["accepting"],
        (409, "route_not_launched") => &["route_not_launched", "paused", "retest_needed"],
        (409, "study_not_open") => &["study_not_open"],
        (409, "partner_not_active") => &["partner_not_active"],
        (409, "language_lapsed") => &["language_lapsed"],
        (409, "route_at_capacity") => &["no_capacity"],
        (422, "invalid_body") if answer.faults() == ["/channel inconsistent"] => &["channel_not_listed"],
        other => panic!("{other:?}: {}", answer.text),
    }
}

#[actix_web::test]
async fn it_agrees_with_what_a_referral_meets_in_every_state() {
    let app = App::start().await;
    let (route, partner) = (app.site.partner.route, app.site.partner.id);
    app.admin().patch(&format!("/v1/routes/{route}"), "*", &json!({"monthly_capacity": 50})).await.expect(200);
    let mut told = std::collections::BTreeMap::new();
    let mut superuser = app.db.superuser();
    for route_status in RouteStatus::ALL {
        for study_status in StudyStatus::ALL {
            for partner_status in PartnerStatus::ALL.iter().filter(|status| **status != PartnerStatus::Ended) {
                for recorded in [0, 50] {
                    superuser
                        .batch_execute(&format!(
                            "UPDATE handoff_routes SET status = '{route_status}' WHERE id = '{route}';
                             UPDATE studies SET status = '{study_status}' WHERE id = '{}';
                             UPDATE partners SET status = '{partner_status}', suspension_reason = CASE '{partner_status}' WHEN 'suspended' THEN 'language_lapsed' END WHERE id = '{partner}';
                             UPDATE route_counts SET recorded = {recorded} WHERE route_id = '{route}'",
                            app.site.study
                        ))
                        .unwrap();
                    for channel in ["secure_form", "phone_handoff"] {
                        let asked = ask(&app, channel).await.expect(200);
                        let sent = app.partner().post("/v1/referrals", &make::referral_with(json!({"channel": channel}))).await;
                        let state = asked.body["state"].as_str().unwrap().to_owned();
                        assert!(
                            met(&sent).contains(&&*state),
                            "{route_status} {study_status} {partner_status} {recorded}: {state}, {}",
                            sent.text
                        );
                        assert_eq!(asked.body["accepting"], json!(sent.status == 201));
                        assert_eq!(asked.body["again_at"].is_null(), state != "no_capacity");
                        *told.entry(state).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    println!("asked before {} referrals: {told:?}", told.values().sum::<i32>());
    assert_eq!(told.len(), 9, "every state was met: {told:?}");
}

#[actix_web::test]
async fn the_site_asks_for_a_partner_and_a_partner_for_itself() {
    let app = App::start().await;
    let of = |partner: &str| json!({"partner": partner, "study": make::STUDY, "channel": "secure_form"});
    let expected = json!({"accepting": true, "state": "accepting", "again_at": null, "what_to_do": "Send the referral."});
    for caller in [app.admin(), app.coordinator(), app.site_key()] {
        assert_eq!(caller.post("/v1/routes/preflight", &of("lakeside")).await.expect(200).body, expected);
        let missing = caller.post("/v1/routes/preflight", &question("secure_form")).await.expect_problem(422, "invalid_body");
        assert_eq!(missing.faults(), ["/partner missing_field"]);
        let unknown = caller.post("/v1/routes/preflight", &of("nobody-here")).await.expect_problem(422, "invalid_body");
        assert_eq!(unknown.faults(), ["/partner unknown_reference"]);
    }
    assert_eq!(ask(&app, "secure_form").await.expect(200).body, expected);
    let naming = app.partner().post("/v1/routes/preflight", &of("voices")).await.expect_problem(422, "invalid_body");
    assert_eq!(naming.faults(), ["/partner inconsistent"]);
    app.viewer().post("/v1/routes/preflight", &of("lakeside")).await.expect_problem(403, "forbidden");
    let test_key = app.person(&app.site.partner.test_key);
    test_key.post("/v1/routes/preflight", &question("secure_form")).await.expect_problem(403, "no_open_test_run");
}

#[actix_web::test]
async fn a_study_without_a_route_of_ones_own_answers_like_one_that_is_not_there() {
    let app = App::start().await;
    let body = json!({"code": "sleep-2026", "public_name": "Sleep", "short_description": "Sleep.", "protocol_code": "S-1"});
    app.admin().post("/v1/studies", &body).await.expect(201);
    let mut answers = Vec::new();
    for study in ["sleep-2026", "nothing-here"] {
        let refused = app.partner().post("/v1/routes/preflight", &json!({"study": study, "channel": "secure_form"})).await;
        let mut refused = refused.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/study unknown_reference"]);
        refused.body["request_id"].take();
        answers.push(refused.body);
    }
    assert_eq!(answers[0], answers[1]);
}

/// It asks for nothing about a person, makes nothing, and is asked again as often as anybody likes.
#[actix_web::test]
async fn it_takes_no_details_and_leaves_nothing_behind() {
    let app = App::start().await;
    let rows = "SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM audit_entries) + (SELECT count(*) FROM referrals) AS count";
    let before = app.db.count(rows);
    for _ in 0..3 {
        let answer =
            app.partner().post_with_key("/v1/routes/preflight", "the-same-key", &question("secure_form")).await.expect(200);
        assert_eq!((answer.header("idempotency-replayed"), answer.header("cache-control")), (None, Some("no-store")));
    }
    assert_eq!(app.db.count(rows), before);
    let mut with_person = question("secure_form");
    with_person["match"] = json!({"email": "person@mail.example"});
    let refused = app.partner().post("/v1/routes/preflight", &with_person).await.expect(422);
    assert!(!refused.text.contains("person@mail.example"));
}
