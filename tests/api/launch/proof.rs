//! From nothing to the first live referral, and what an edit takes away again.

use serde_json::json;

use super::{STUDY, Scene, TAG};

#[actix_web::test]
async fn a_partner_gets_from_nothing_to_its_first_referral_by_language_test_and_launch() {
    let scene = Scene::set().await;
    assert_eq!(scene.preflight().await, "route_not_launched");
    scene.refer().await.expect_problem(409, "route_not_launched");
    scene.step("language_pending").await.expect(200);
    scene.step("test_pending").await.expect_problem(409, "state_conflict");
    scene.approve(json!({"effective_on": "2026-06-01"})).await;
    let text = scene.partner.get(&format!("/v1/language/current?study={STUDY}")).await.expect(200);
    assert_eq!(text.body["parts"].as_object().map_or(0, |parts| parts.len()).max(7), 7);
    scene.acknowledge().await.expect(201);
    scene.step("test_pending").await.expect(200);
    scene.step("active").await.expect_problem(409, "state_conflict");
    assert_eq!(scene.missing().await, ["test_passed"]);

    let run = scene.open_run(None).await;
    assert_eq!(scene.read(&scene.route).await["status"], "testing");
    let told = scene.test.get(&run).await.expect(200).body;
    assert_eq!((&told["view"], &told["next"]), (&json!("partner"), &json!("send_referral")));
    assert!(told.get("steps").is_none() && told.get("opened_by").is_none(), "{told}");
    let sent = scene.send_test(json!({"partner_reference": "TRY-1"})).await.expect(201);
    assert_eq!(sent.body["status"], "accepted_for_review");
    assert!(sent.body["handoff"]["intake_url"].as_str().unwrap().contains("localhost"));
    assert_eq!(scene.test.get(&run).await.expect(200).body["next"], "send_second_copy");
    scene.let_jobs_run().await;
    assert_eq!(
        scene.steps(&run).await,
        [
            "intake_link passed",
            "referral_received passed",
            "attribution passed",
            "duplicate_check waiting",
            "owner_alert_delivered passed",
            "owner_alert_confirmed waiting",
            "backup_reached passed",
        ]
    );
    scene.send_test(json!({})).await.expect(201);
    assert_eq!(scene.test.get(&run).await.expect(200).body["next"], "wait_for_site");
    scene.let_jobs_run().await;
    assert_eq!(scene.read(&run).await["status"], "open", "the owner has not said that it has the alert");
    scene.launch().await.expect_problem(409, "launch_blocked");
    scene.confirm_alert(scene.app.site.coordinator).await;
    scene.let_jobs_run().await;
    let receipt = scene.read(&run).await;
    assert_eq!(receipt["status"], "passed");
    for step in receipt["steps"].as_array().unwrap() {
        assert_eq!((&step["result"], &step["failure"], &step["what_to_do"]), (&json!("passed"), &json!(null), &json!(null)));
        assert!(step["happened_at"].is_string(), "{step}");
    }
    assert_eq!(scene.smtp.mails().len(), 1, "one alert, to the owner alone");

    let check = scene.read(&format!("{}/launch-check", scene.route)).await;
    assert_eq!((&check["ready"], &check["status"]), (&json!(true), &json!("testing")));
    assert_eq!(check["proof"]["test_run_id"], receipt["id"]);
    assert_eq!(check["configuration_hash"], receipt["configuration_hash"]);
    let launched = scene.launch().await.expect(200);
    assert_eq!(launched.body["status"], "launched");
    assert_eq!(scene.preflight().await, "partner_not_active");
    scene.step("active").await.expect(200);
    assert_eq!(scene.preflight().await, "accepting");
    let live = scene.refer().await.expect(201);
    let seen = scene.read(&format!("/v1/referrals/{}", live.id())).await;
    assert_eq!((&seen["source_tag"], &seen["attribution"]), (&json!(TAG), &json!("verified")));
    assert!(seen["language_version_id"].is_string());
    let told = scene.events().await;
    assert_eq!(
        told,
        [
            "partner.status_changed",
            "language.acknowledged",
            "partner.status_changed",
            "route.tested",
            "route.launched",
            "partner.status_changed",
            "referral.received",
        ]
    );
}

#[actix_web::test]
async fn an_edit_after_the_test_voids_the_launch_at_once_and_another_test_brings_it_back() {
    let scene = Scene::launched().await;
    let admin = scene.app.admin();
    // What a test does not prove is changed without one.
    for changes in [json!({"monthly_capacity": 50}), json!({"boundaries": {"may": ["mention_study", "hand_over"]}}), json!({})] {
        assert_eq!(admin.patch(&scene.route, "*", &changes).await.expect(200).body["status"], "launched", "{changes}");
    }
    let edited = admin.patch(&scene.route, "*", &json!({"contact_due_hours": 12})).await.expect(200);
    assert_eq!(edited.body["status"], "retest_required");
    assert_eq!(scene.preflight().await, "retest_needed");
    scene.refer().await.expect_problem(409, "route_not_launched");
    assert_eq!(scene.missing().await, ["test_passed"]);
    let refused = scene.launch().await.expect_problem(409, "launch_blocked");
    assert_eq!(refused.body["launch_blockers"][0]["check"], "test_passed");
    // Put back as it was, the proof is of this configuration again; but what stopped is launched by a person.
    let back = admin.patch(&scene.route, "*", &json!({"contact_due_hours": null})).await.expect(200);
    assert_eq!(back.body["status"], "retest_required");
    assert_eq!(scene.missing().await, Vec::<String>::new());
    admin.patch(&scene.route, "*", &json!({"contact_due_hours": 12})).await.expect(200);
    scene.prove().await;
    scene.launch().await.expect(200);
    scene.refer().await.expect(201);
    let told = scene.events().await;
    assert_eq!(told.iter().filter(|told| *told == "route.voided").count(), 1, "it was live once: {told:?}");
    assert_eq!(told.iter().filter(|told| *told == "route.launched").count(), 2);
}

#[actix_web::test]
async fn a_new_test_of_an_unchanged_route_keeps_its_traffic() {
    let scene = Scene::launched().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({"source_tag": null})).await.expect(201);
    scene.refer().await.expect(201);
    scene.let_jobs_run().await;
    assert_eq!(scene.read(&run).await["status"], "failed");
    assert_eq!(scene.read(&scene.route).await["status"], "launched", "the proof that there is still holds");
    assert_eq!(scene.missing().await, Vec::<String>::new());
    scene.refer().await.expect(201);
}

#[actix_web::test]
async fn an_edit_while_a_test_is_under_way_ends_it() {
    let scene = Scene::with_language().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    scene.app.admin().patch(&scene.route, "*", &json!({"acknowledge_due_hours": 3})).await.expect(200);
    assert_eq!(scene.read(&run).await["status"], "cancelled");
    scene.send_test(json!({})).await.expect_problem(403, "no_open_test_run");
    // So do an owner who leaves and a site that moves its intake.
    let (run, lou) =
        (scene.open_run(None).await, json!({"display_name": "Lou", "email": "lou@riverside.example", "role": "coordinator"}));
    let lou = scene.app.admin().post("/v1/members", &lou).await.expect(201).id();
    let leave = format!("/v1/members/{}/deactivate", scene.app.site.coordinator);
    scene.app.admin().post_on(&leave, "*", &json!({"reassign_to": lou})).await.expect(200);
    assert_eq!(scene.read(&run).await["status"], "cancelled");
    scene.app.admin().patch(&scene.route, "*", &json!({"intake_url": null})).await.expect(200);
    let run = format!(
        "/v1/test-runs/{}",
        scene.app.admin().post(&format!("{}/test-referrals", scene.route), &json!({})).await.expect(201).id()
    );
    scene.app.admin().patch("/v1/site", "*", &json!({"intake_url": "https://moved.example/in"})).await.expect(200);
    assert_eq!(scene.read(&run).await["status"], "cancelled");
}
