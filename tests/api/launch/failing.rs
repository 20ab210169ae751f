//! Tests that fail, each of them so that somebody knows what to mend.

use handoff::domain::ids::MemberId;
use serde_json::json;

use super::Scene;
use crate::support::smtp::Reaction;
use crate::support::webhook::Behaviour;

async fn what_to_do(scene: &Scene, run: &str, step: &str) -> String {
    let steps = scene.read(run).await["steps"].clone();
    let found = steps.as_array().unwrap().iter().find(|known| known["step"] == step).unwrap();
    found["what_to_do"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn an_alert_that_is_not_delivered_fails_the_test_and_says_what_to_mend() {
    let scene = Scene::with_language().await;
    scene.smtp.at("RCPT", Reaction::Reply("550 5.1.1 no such mailbox"));
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    assert_eq!(scene.read(&run).await["status"], "failed");
    assert!(scene.steps(&run).await.contains(&"owner_alert_delivered alert_undelivered".to_owned()));
    assert!(what_to_do(&scene, &run, "owner_alert_delivered").await.contains("channel for alerts that works"));
    assert!(scene.missing().await.contains(&"owner_reachable".to_owned()), "the launch check says the same");
    scene.send_test(json!({})).await.expect_problem(403, "no_open_test_run");

    // Mended, and tried with a test alert: then the same way passes.
    scene.smtp.recover();
    let member = scene.app.site.coordinator;
    scene.app.admin().post_without_body(&format!("/v1/members/{member}/test-alert")).await.expect(201);
    scene.let_jobs_run().await;
    scene.prove().await;
    scene.launch().await.expect(200);
}

#[actix_web::test]
async fn an_alert_that_is_deferred_fails_the_test_at_its_third_attempt_and_not_at_a_slip() {
    let scene = Scene::with_language().await;
    scene.smtp.at("RCPT", Reaction::Reply("451 4.7.1 try later"));
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    for minutes in [1, 6] {
        assert_eq!(scene.read(&run).await["status"], "open");
        scene.app.clock.advance(chrono::Duration::minutes(minutes));
        scene.let_jobs_run().await;
    }
    assert!(scene.steps(&run).await.contains(&"owner_alert_delivered alert_undelivered".to_owned()));
}

#[actix_web::test]
async fn an_owner_without_a_channel_fails_the_test_at_once() {
    let scene = Scene::with_language().await;
    let coordinator = format!("/v1/members/{}", scene.app.site.coordinator);
    scene.app.admin().patch(&coordinator, "*", &json!({"alert_channels": []})).await.expect(200);
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    assert!(scene.steps(&run).await.contains(&"owner_alert_delivered alert_undelivered".to_owned()));
    assert_eq!(scene.smtp.mails().len(), 0);
}

#[actix_web::test]
async fn a_missing_tag_and_another_tag_fail_the_test_each_by_its_own_name() {
    let scene = Scene::with_language().await;
    for (tag, failure, says) in [
        (json!(null), "missing_source_tag", "sends the route's source tag"),
        (json!("harbour.rset"), "wrong_source_tag", "exactly the route's source tag"),
    ] {
        let run = scene.open_run(None).await;
        scene.send_test(json!({"source_tag": tag})).await.expect(201);
        scene.let_jobs_run().await;
        assert_eq!(scene.read(&run).await["status"], "failed");
        assert!(scene.steps(&run).await.contains(&format!("attribution {failure}")));
        assert!(what_to_do(&scene, &run, "attribution").await.contains(says));
    }
    scene.launch().await.expect_problem(409, "launch_blocked");
}

#[actix_web::test]
async fn a_second_copy_of_somebody_else_is_a_duplicate_that_was_missed() {
    let scene = Scene::with_language().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.send_test(json!({"match": {"email": "another@harbour.example"}})).await.expect(201);
    scene.let_jobs_run().await;
    assert!(scene.steps(&run).await.contains(&"duplicate_check duplicate_missed".to_owned()));
}

#[actix_web::test]
async fn a_route_that_reviews_across_partners_alone_still_proves_that_it_finds_a_copy() {
    let scene = Scene::with_language().await;
    scene.app.admin().patch(&scene.route, "*", &json!({"duplicate_policy": "review_cross_partner"})).await.expect(200);
    scene.prove().await;
}

#[actix_web::test]
async fn a_backup_owner_who_is_away_or_gets_no_alerts_fails_the_test() {
    let scene = Scene::with_language().await;
    let lou = json!({"display_name": "Lou", "email": "lou@riverside.example", "role": "coordinator"});
    let lou: MemberId = scene.app.admin().post("/v1/members", &lou).await.expect(201).id().parse().unwrap();
    scene.app.admin().patch(&scene.route, "*", &json!({"backup_owner_id": lou})).await.expect(200);
    let member = format!("/v1/members/{lou}");
    scene.app.admin().patch(&member, "*", &json!({"alert_channels": []})).await.expect(200);
    let failed = async |scene: &Scene| {
        let run = scene.open_run(None).await;
        scene.send_test(json!({})).await.expect(201);
        scene.let_jobs_run().await;
        assert!(scene.steps(&run).await.contains(&"backup_reached backup_unreachable".to_owned()));
        assert!(what_to_do(scene, &run, "backup_reached").await.contains("backup owner who is there"));
    };
    failed(&scene).await;
    assert_eq!(scene.missing().await, ["backup_owner_reachable", "test_passed"]);
    scene.app.admin().patch(&member, "*", &json!({"alert_channels": ["email"]})).await.expect(200);
    let away = json!({"starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-09T09:00:00Z"});
    scene.app.admin().post(&format!("{member}/away-windows"), &away).await.expect(201);
    failed(&scene).await;
}

#[actix_web::test]
async fn an_intake_that_is_not_there_fails_and_one_that_the_server_cannot_see_waits_for_a_person() {
    let scene = Scene::with_language().await;
    scene.page.now(Behaviour::Status(404));
    let run = scene.open_run(None).await;
    scene.let_jobs_run().await;
    assert!(scene.steps(&run).await.contains(&"intake_link intake_unreachable".to_owned()));
    assert_eq!(scene.read(&run).await["status"], "failed");
    for hidden in [Behaviour::Status(403), Behaviour::Status(503), Behaviour::Slow(std::time::Duration::from_secs(3))] {
        scene.page.now(hidden);
        let run = scene.open_run(None).await;
        scene.let_jobs_run().await;
        assert!(scene.steps(&run).await.contains(&"intake_link waiting".to_owned()));
    }
    let run = scene.open_run(None).await;
    let asked = scene.page.messages().len();
    scene.let_jobs_run().await;
    scene.let_jobs_run().await;
    assert_eq!(scene.page.messages().len(), asked + 1, "a page that does not answer is left alone for a while");
    let confirm = format!("{run}/confirm");
    scene.partner.post_on(&confirm, "*", &json!({})).await.expect_problem(403, "forbidden");
    let etag = scene.app.coordinator().get(&run).await.expect(200).etag();
    scene.app.coordinator().post_on(&confirm, "\"77\"", &json!({})).await.expect_problem(412, "stale_version");
    scene.app.coordinator().post_on(&confirm, &etag, &json!({})).await.expect(200);
    assert!(scene.steps(&run).await.contains(&"intake_link passed".to_owned()));
    // A redirect is an answer: what it leads to is not asked.
    scene.page.now(Behaviour::Redirect("http://127.0.0.1:9/".into()));
    let run = scene.open_run(None).await;
    scene.let_jobs_run().await;
    assert!(scene.steps(&run).await.contains(&"intake_link passed".to_owned()));
}

#[actix_web::test]
async fn each_persona_forces_its_outcome_and_none_of_them_proves_anything() {
    let scene = Scene::with_language().await;
    for (persona, outcome, status) in [
        ("alert_undelivered", "owner_alert_delivered alert_undelivered", "failed"),
        ("tag_missing", "attribution missing_source_tag", "failed"),
        ("owner_away", "backup_reached backup_unreachable", "failed"),
        ("duplicate", "duplicate_check passed", "passed"),
    ] {
        let run = scene.open_run(Some(persona)).await;
        assert_eq!(scene.read(&run).await["persona"], persona);
        scene.send_test(json!({})).await.expect(201);
        scene.let_jobs_run().await;
        if status == "passed" {
            scene.confirm_alert(scene.app.site.coordinator).await;
            scene.let_jobs_run().await;
        }
        assert_eq!(scene.read(&run).await["status"], status, "{persona}: {:?}", scene.steps(&run).await);
        assert!(scene.steps(&run).await.contains(&outcome.to_owned()), "{persona}: {:?}", scene.steps(&run).await);
        assert_eq!(scene.missing().await, ["test_passed"], "{persona}");
    }
    scene.launch().await.expect_problem(409, "launch_blocked");
    assert!(!scene.events().await.contains(&"route.tested".to_owned()));
}
