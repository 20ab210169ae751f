//! Arrivals with a source tag: the tag of a route that may take the person credits its partner, every other credits nobody.

use serde_json::json;

use super::{arrive, credit, desk};
use crate::support::onboard;
use crate::support::{App, make};

#[actix_web::test]
async fn the_tag_of_a_route_credits_its_partner_who_sees_the_referral_as_its_own() {
    let app = App::start().await;
    let taken = arrive(&desk(&app), json!({"source_tag": "lakeside.heart", "external_ref": "CRM-1"})).await.expect(201);
    let referral = &taken.body["referral"];
    assert_eq!(taken.body["attached"], json!(false));
    assert_eq!(credit(referral), json!(["lakeside", "verified", "lakeside.heart"]));
    assert_eq!(
        json!([referral["channel"], referral["contact_basis"], referral["contact_path"], referral["external_ref"]]),
        json!(["self_referral", "self_referral", "site_record", "CRM-1"])
    );
    assert_eq!(json!([referral["owner_id"], referral["status"]]), json!([app.site.coordinator, "received"]));
    let path = taken.header("location").unwrap().to_owned();
    assert_eq!(app.partner().get(&path).await.expect(200).body["status"], "accepted_for_review");
    app.sibling_partner().get(&path).await.expect_problem(404, "not_found");
    let told = "SELECT count(*) FROM events WHERE event_type = 'referral.received' AND partner_id IS NOT NULL";
    assert_eq!(app.db.count(told), 1);
}

#[actix_web::test]
async fn a_tampered_tag_credits_nobody_and_its_person_is_not_dropped() {
    let app = App::start().await;
    let tampered = ["lakeside.hart", "Lakeside.heart", "lakeside.heart2", "LAKESIDE.HEART", "voices.lakeside.heart", "x"];
    for (number, tag) in tampered.iter().enumerate() {
        let body = json!({"study": make::STUDY, "source_tag": tag, "external_ref": format!("CRM-{number}")});
        let taken = arrive(&desk(&app), body).await.expect(201);
        let referral = &taken.body["referral"];
        assert_eq!(credit(referral), json!([null, "unverified", tag]));
        assert_eq!(json!([referral["route_id"], referral["handoff"], referral["owner_id"]]), json!([null, null, app.site.admin]));
        assert_eq!(json!([referral["status"], referral["next_action"]]), json!(["received", "acknowledge"]));
        let path = taken.header("location").unwrap();
        for partner in [app.partner(), app.sibling_partner()] {
            partner.get(path).await.expect_problem(404, "not_found");
            assert_eq!(partner.get("/v1/referrals").await.expect(200).body["data"], json!([]));
        }
        assert_eq!(app.coordinator().get(path).await.expect(200).body["source_tag"], json!(tag));
    }
    let of_nobody = "SELECT count(*) FROM events WHERE event_type = 'referral.received' AND partner_id IS NULL";
    assert_eq!(app.db.count(of_nobody), 6);
    // The control: the tag as it was given is credited.
    let intact = arrive(&desk(&app), json!({"source_tag": "voices.heart", "external_ref": "CRM-9"})).await.expect(201);
    assert_eq!(intact.body["referral"]["partner"], "voices");
    let list = "/v1/referrals?attribution=unverified";
    assert_eq!(app.coordinator().get(list).await.expect(200).body["data"].as_array().unwrap().len(), 6);
    app.partner().get(list).await.expect_problem(400, "invalid_parameter");
}

#[actix_web::test]
async fn a_campaign_may_be_called_after_an_illness_and_a_tag_that_reaches_a_person_is_refused() {
    let app = App::start().await;
    let body = |tag: &str| json!({"study": make::STUDY, "source_tag": tag, "external_ref": "CRM-1"});
    let taken = arrive(&desk(&app), body("diabetes-fair-2026")).await.expect(201);
    assert_eq!(credit(&taken.body["referral"]), json!([null, "unverified", "diabetes-fair-2026"]));
    for tag in ["555-201-0142", "please-call-her-back-after-five"] {
        let refused = arrive(&desk(&app), body(tag)).await.expect_problem(422, "sensitive_content");
        assert_eq!(refused.faults(), ["/source_tag sensitive_content"]);
    }
}

#[actix_web::test]
async fn without_tag_and_code_the_person_is_taken_in_for_the_study_that_was_named() {
    let app = App::start().await;
    let taken = arrive(&desk(&app), json!({"study": make::STUDY, "external_ref": "CRM-1"})).await.expect(201);
    assert_eq!(credit(&taken.body["referral"]), json!([null, "unverified", null]));
    let refused = arrive(&desk(&app), json!({"external_ref": "CRM-2"})).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/study missing_field"]);
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 1);
}

#[actix_web::test]
async fn a_route_that_may_take_nobody_now_is_not_credited_and_its_person_not_dropped() {
    let app = App::start().await;
    let (admin, desk) = (app.admin(), desk(&app));
    let body = |record: &str| json!({"source_tag": "lakeside.heart", "external_ref": record});
    let route = format!("/v1/routes/{}", app.site.partner.route);
    admin.post_on(&format!("{route}/pause"), "*", &json!({})).await.expect(200);
    let paused = arrive(&desk, body("CRM-1")).await.expect(201);
    assert_eq!(credit(&paused.body["referral"]), json!([null, "unverified", "lakeside.heart"]));
    assert_eq!(paused.body["referral"]["study"], make::STUDY);
    // Somebody of the site may record what happened, and says why; a system may not.
    let late = |record: &str| json!({"source_tag": "lakeside.heart", "external_ref": record, "late_reason": "paper_backlog"});
    assert_eq!(arrive(&desk, late("CRM-2")).await.expect(201).body["referral"]["partner"], json!(null));
    assert_eq!(arrive(&app.coordinator(), late("CRM-3")).await.expect(201).body["referral"]["partner"], "lakeside");
    assert_eq!(arrive(&app.coordinator(), body("CRM-4")).await.expect(201).body["referral"]["partner"], json!(null));

    admin.post_on(&format!("{route}/resume"), "*", &json!({})).await.expect(200);
    assert_eq!(arrive(&desk, body("CRM-5")).await.expect(201).body["referral"]["partner"], "lakeside");
    onboard::edit(&app, &route, json!({"channels": make::channels(&["secure_form"], "Give the code.")})).await;
    assert_eq!(arrive(&desk, body("CRM-6")).await.expect(201).body["referral"]["partner"], json!(null));
    admin.post_on(&format!("{route}/retire"), "*", &json!({})).await.expect(200);
    assert_eq!(arrive(&desk, body("CRM-7")).await.expect(201).body["referral"]["partner"], json!(null));
}

#[actix_web::test]
async fn for_a_paused_study_and_for_a_closed_one_the_person_is_taken_in_and_waits() {
    let app = App::start().await;
    let study = format!("/v1/studies/{}/transitions", app.site.study);
    for (number, (to, waits)) in
        [("paused", json!(["study_paused", "await_study_team"])), ("closed", json!([null, "confirm_close"]))]
            .into_iter()
            .enumerate()
    {
        app.admin().post_on(&study, "*", &json!({"to": to})).await.expect(200);
        let body = json!({"source_tag": "lakeside.heart", "external_ref": format!("CRM-{number}")});
        let taken = arrive(&desk(&app), body).await.expect(201);
        let referral = &taken.body["referral"];
        assert_eq!(credit(referral), json!([null, "unverified", "lakeside.heart"]), "{to}");
        assert_eq!(json!([referral["blocker"], referral["next_action"]]), waits, "{to}");
    }
}

#[actix_web::test]
async fn a_tag_for_another_study_than_the_person_wants_is_nobodys() {
    let app = App::start().await;
    let study = json!({"code": "sleep-2026", "public_name": "Sleep", "short_description": "Rest.", "protocol_code": "S-1"});
    app.admin().post("/v1/studies", &study).await.expect(201);
    let body = json!({"study": "sleep-2026", "source_tag": "lakeside.heart", "external_ref": "CRM-1"});
    let taken = arrive(&desk(&app), body).await.expect(201);
    assert_eq!(credit(&taken.body["referral"]), json!([null, "unverified", "lakeside.heart"]));
    assert_eq!(taken.body["referral"]["study"], "sleep-2026");
    let named = json!({"study": make::STUDY, "source_tag": "lakeside.heart", "external_ref": "CRM-2"});
    assert_eq!(arrive(&desk(&app), named).await.expect(201).body["referral"]["partner"], "lakeside");
}
