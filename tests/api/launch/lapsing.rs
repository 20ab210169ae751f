//! What stops a partner that was live, and what brings it back: its language, a pause, its study.

use serde_json::{Value, json};

use super::Scene;

async fn status(scene: &Scene) -> Value {
    let seen = scene.partner.get(&scene.partner_path).await.expect(200).body;
    json!([seen["status"], seen["suspension_reason"]])
}

#[actix_web::test]
async fn language_is_superseded_the_grace_ends_the_partner_is_suspended_acknowledges_and_is_active() {
    let scene = Scene::launched().await;
    let first = scene.refer().await.expect(201).id();
    // Scheduled, so that the partner can read ahead.
    let next = scene.approve(json!({"effective_on": "2026-06-10", "grace_days": 5, "public_name": "Better Rest Study"})).await;
    let go = |days| scene.app.clock.advance(chrono::Duration::days(days));
    go(9);
    scene.language_job().await;
    assert_eq!(scene.preflight().await, "accepting", "within the grace days");
    let within = scene.refer().await.expect(201).id();
    assert_eq!(status(&scene).await, json!(["active", null]));
    go(5);
    // The dates decide, whether or not the job has run.
    assert_eq!(scene.preflight().await, "language_lapsed");
    scene.refer().await.expect_problem(409, "language_lapsed");
    assert_eq!(scene.language_job().await, 1, "the guard suspends");
    assert_eq!(scene.language_job().await, 0, "once");
    assert_eq!(status(&scene).await, json!(["suspended", "language_lapsed"]));
    assert_eq!(scene.preflight().await, "language_lapsed", "and says why");
    let refused = scene.refer().await.expect_problem(409, "language_lapsed");
    assert!(refused.body["detail"].as_str().unwrap().contains("Acknowledge the current version"));
    // No person lifts it past the language.
    scene.step("active").await.expect_problem(409, "state_conflict");
    // What is open goes on.
    let open = format!("/v1/referrals/{first}/transitions");
    scene.app.coordinator().post_on(&open, "*", &json!({"to": "contacting"})).await.expect(200);
    // Staff may still record what happened, and by which words nobody knows.
    let late =
        crate::support::make::referral_with(json!({"study": "rest-2026", "partner": "harbour", "late_reason": "paper_backlog"}));
    let late = scene.app.coordinator().post("/v1/referrals", &late).await.expect(201);
    assert_eq!((&late.body["late_reason"], &late.body["language_version_id"]), (&json!("paper_backlog"), &json!(null)));

    let accepted = scene.acknowledge().await.expect(201);
    assert_eq!(accepted.body["version_id"], json!(next));
    assert_eq!(status(&scene).await, json!(["active", null]), "at once");
    assert_eq!(scene.preflight().await, "accepting");
    let after = scene.refer().await.expect(201).id();
    let words = async |id: &str| scene.read(&format!("/v1/referrals/{id}")).await["language_version_id"].clone();
    assert_ne!(words(&within).await, json!(next), "within the grace it was the version before");
    assert_eq!(words(&after).await, json!(next));
    assert_eq!(scene.language_job().await, 0);
    let told = scene.events().await;
    let changes = told.iter().filter(|told| *told == "partner.status_changed").count();
    assert_eq!(changes, 5, "three steps, the suspension, its end: {told:?}");
}

#[actix_web::test]
async fn a_suspension_ends_also_where_the_site_brings_the_language_back_and_spares_who_is_paused() {
    let scene = Scene::launched().await;
    let admin = scene.app.admin();
    let words =
        admin.get("/v1/language-versions?study=rest-2026&status=approved").await.expect(200).body["data"][0]["id"].clone();
    let retire = format!("/v1/language-versions/{}/retire", words.as_str().unwrap());
    scene.step("paused").await.expect(200);
    admin.post_on(&retire, "*", &json!({"reason": "study_ended"})).await.expect(200);
    assert_eq!(scene.language_job().await, 0);
    assert_eq!(status(&scene).await, json!(["paused", null]), "a paused partner refers nobody anyway");
    scene.step("active").await.expect(200);
    assert_eq!(scene.language_job().await, 1);
    assert_eq!(status(&scene).await, json!(["suspended", "language_lapsed"]));
    // A new version has to be acknowledged, and that lifts it.
    scene.approve(json!({"effective_on": "2026-06-01"})).await;
    assert_eq!(scene.language_job().await, 0);
    scene.acknowledge().await.expect(201);
    assert_eq!(status(&scene).await, json!(["active", null]));
}

#[actix_web::test]
async fn a_partner_that_is_paused_refers_nobody_and_its_open_referrals_go_on() {
    let scene = Scene::launched().await;
    let open = scene.refer().await.expect(201).id();
    scene.step("paused").await.expect(200);
    assert_eq!(scene.preflight().await, "partner_not_active");
    scene.refer().await.expect_problem(409, "partner_not_active");
    let path = format!("/v1/referrals/{open}");
    for to in ["contacting", "connected", "handed_off"] {
        let moved = scene.app.coordinator().post_on(&format!("{path}/transitions"), "*", &json!({"to": to})).await.expect(200);
        assert_eq!(moved.body["status"], to);
    }
    assert_eq!(scene.partner.get(&path).await.expect(200).body["status"], "accepted_for_review");
    scene.step("active").await.expect(200);
    scene.refer().await.expect(201);
}

#[actix_web::test]
async fn a_study_that_stops_accepting_takes_nobody_until_it_is_open_again() {
    let scene = Scene::launched().await;
    let study = |to: &str| (format!("{}/transitions", scene.study), json!({"to": to}));
    let (path, body) = study("paused");
    scene.app.admin().post_on(&path, "*", &body).await.expect(200);
    assert_eq!(scene.preflight().await, "study_not_open");
    scene.refer().await.expect_problem(409, "study_not_open");
    let (path, body) = study("open");
    scene.app.admin().post_on(&path, "*", &body).await.expect(200);
    scene.refer().await.expect(201);
    let (path, body) = study("closed");
    scene.app.admin().post_on(&path, "*", &body).await.expect(200);
    scene.refer().await.expect_problem(409, "study_not_open");
    let run = scene.app.coordinator().post(&format!("{}/test-referrals", scene.route), &json!({})).await;
    run.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn one_study_that_lapses_stops_its_own_route_and_leaves_the_partners_other_one_live() {
    let scene = Scene::launched().await;
    let other = json!({"code": "walk-2026", "public_name": "Walk Study", "short_description": "Walk.", "protocol_code": "WLK-1"});
    scene.app.admin().post("/v1/studies", &other).await.expect(201);
    let mut route = crate::support::make::route(&scene.app.site, "harbour");
    (route["study"], route["source_tag"]) = (json!("walk-2026"), json!("harbour.walk"));
    let route = scene.app.admin().post("/v1/routes", &route).await.expect(201).id();
    crate::support::onboard::db_live(&scene.app, &route);
    let words = scene.app.admin().get("/v1/language-versions?study=rest-2026&status=approved").await.expect(200);
    let retire = format!("/v1/language-versions/{}/retire", words.body["data"][0]["id"].as_str().unwrap());
    scene.app.admin().post_on(&retire, "*", &json!({"reason": "study_ended"})).await.expect(200);
    assert_eq!(scene.language_job().await, 0);
    assert_eq!(status(&scene).await, json!(["active", null]));
    scene.refer().await.expect_problem(409, "language_lapsed");
    let walks = crate::support::make::referral_with(json!({"study": "walk-2026"}));
    scene.partner.post("/v1/referrals", &walks).await.expect(201);
}
