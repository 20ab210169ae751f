//! Launches and tests that are refused, with everything that stands against them.

use serde_json::{Value, json};

use super::{STUDY, Scene};

fn checks(blockers: &Value) -> Vec<&str> {
    blockers.as_array().unwrap().iter().map(|blocker| blocker["check"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn a_launch_is_refused_with_all_its_reasons_at_once() {
    let scene = Scene::set().await;
    let admin = scene.app.admin();
    for member in [scene.app.site.admin, scene.app.site.coordinator] {
        admin.patch(&format!("/v1/members/{member}"), "*", &json!({"alert_channels": []})).await.expect(200);
    }
    admin.post_on(&format!("{}/transitions", scene.study), "*", &json!({"to": "paused"})).await.expect(200);
    let before = scene.read(&scene.route).await;
    let refused = scene.launch().await.expect_problem(409, "launch_blocked");
    let blockers = &refused.body["launch_blockers"];
    let all = [
        "study_open",
        "partner_ready",
        "language_approved",
        "language_acknowledged",
        "owner_reachable",
        "backup_owner_reachable",
        "test_passed",
    ];
    assert_eq!(checks(blockers), all);
    assert!(blockers.as_array().unwrap().iter().all(|blocker| blocker["what_to_do"].as_str().unwrap().ends_with('.')));
    assert_eq!(scene.missing().await, all, "the launch check says the same");
    assert_eq!(scene.read(&scene.route).await, before, "nothing has changed");
    for who in [scene.app.coordinator(), scene.app.site_key(), scene.partner.clone(), scene.test.clone()] {
        who.post_on(&format!("{}/launch", scene.route), "*", &json!({})).await.expect_problem(403, "forbidden");
    }
    scene.partner.get(&format!("{}/launch-check", scene.route)).await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn an_owner_who_may_own_nothing_any_more_keeps_a_route_from_its_launch() {
    use diesel::connection::SimpleConnection as _;
    let scene = Scene::with_language().await;
    scene.prove().await;
    // No operation leaves a route with such an owner; should it ever happen, the launch sees it.
    let sql = format!("UPDATE members SET active = false WHERE id = '{}'", scene.app.site.coordinator);
    scene.app.db.superuser().batch_execute(&sql).unwrap();
    let refused = scene.launch().await.expect_problem(409, "launch_blocked");
    assert_eq!(checks(&refused.body["launch_blockers"]), ["owner_active", "owner_reachable"]);
}

#[actix_web::test]
async fn language_within_its_grace_lets_referrals_in_and_launches_nothing() {
    let scene = Scene::with_language().await;
    scene.prove().await;
    scene.approve(json!({"effective_on": "2026-06-01", "locale": "es-US"})).await;
    assert_eq!(scene.missing().await, Vec::<String>::new(), "another locale takes nothing away");
    scene.app.clock.advance(chrono::Duration::days(1));
    scene.approve(json!({"effective_on": "2026-06-02", "grace_days": 14})).await;
    let refused = scene.launch().await.expect_problem(409, "launch_blocked");
    assert_eq!(checks(&refused.body["launch_blockers"]), ["language_acknowledged"]);
    scene.acknowledge().await.expect(201);
    scene.launch().await.expect(200);
}

#[actix_web::test]
async fn a_test_is_not_opened_where_it_could_prove_nothing() {
    let scene = Scene::set().await;
    let (path, coordinator) = (format!("{}/test-referrals", scene.route), scene.app.coordinator());
    let refused = coordinator.post(&path, &json!({})).await.expect_problem(409, "state_conflict");
    assert!(refused.body["detail"].as_str().unwrap().contains("acknowledges"), "{}", refused.text);
    for who in [&scene.partner, &scene.test, &scene.feed] {
        who.post(&path, &json!({})).await.expect_problem(403, "forbidden");
    }
    let unknown = coordinator.post(&path, &json!({"persona": "thunderstorm"})).await.expect_problem(422, "invalid_body");
    assert_eq!(unknown.faults(), ["/persona unknown_value"]);
    let nobody = "/v1/routes/0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48/test-referrals";
    coordinator.post(nobody, &json!({})).await.expect_problem(404, "not_found");
    let other = scene.app.member(&scene.app.other_site, scene.app.other_site.coordinator);
    other.post(&path, &json!({})).await.expect_problem(404, "not_found");
    scene.app.admin().post_on(&format!("{}/retire", scene.route), "*", &json!({})).await.expect(200);
    coordinator.post(&path, &json!({})).await.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn what_a_test_key_sends_beside_its_run_is_refused_with_what_to_do() {
    let scene = Scene::with_language().await;
    scene.send_test(json!({})).await.expect_problem(403, "no_open_test_run");
    let run = scene.open_run(None).await;
    let faults = |answer: crate::support::callers::Answer| answer.expect_problem(422, "invalid_body").faults();
    assert_eq!(faults(scene.send_test(json!({"match": null})).await), ["/match missing_field"]);
    assert_eq!(faults(scene.send_test(json!({"channel": "phone_handoff"})).await), ["/channel inconsistent"]);
    assert_eq!(faults(scene.send_test(json!({"contact_basis": "site_workforce"})).await), ["/contact_basis inconsistent"]);
    // Its own run, and no other study, partner or live referral.
    scene.send_test(json!({"study": "heart-2026"})).await.expect_problem(403, "no_open_test_run");
    let sibling = scene.app.person(&scene.app.site.sibling.test_key);
    sibling.post("/v1/referrals", &scene.referral()).await.expect_problem(403, "no_open_test_run");
    sibling.get(&run).await.expect_problem(404, "not_found");
    assert!(sibling.get("/v1/test-runs").await.expect(200).body["data"].as_array().unwrap().is_empty());
    scene.refer().await.expect_problem(409, "route_not_launched");
    let question = json!({"study": STUDY, "channel": "secure_form"});
    scene.test.post("/v1/routes/preflight", &question).await.expect_problem(403, "no_open_test_run");
    scene
        .test
        .post("/v1/language/acknowledgements", &json!({"version_id": scene.app.site.study}))
        .await
        .expect_problem(403, "forbidden");
    assert_eq!(scene.steps(&run).await[1], "referral_received waiting", "nothing of it counts");

    scene.send_test(json!({"partner_reference": "TRY-1"})).await.expect(201);
    scene.send_test(json!({"partner_reference": "TRY-1"})).await.expect_problem(409, "partner_reference_used");
    scene.send_test(json!({})).await.expect(201);
    let third = scene.send_test(json!({})).await.expect_problem(409, "state_conflict");
    assert!(third.body["detail"].as_str().unwrap().contains("have arrived"), "{}", third.text);
}
