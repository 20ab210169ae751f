//! A test referral is marked for ever, and nobody meets it in the live view.

use serde_json::{Value, json};

use super::Scene;
use crate::tenancy::texts;

#[actix_web::test]
async fn a_test_referral_never_appears_in_the_lists_the_queue_the_feed_and_the_reviews_of_the_live_view() {
    let scene = Scene::with_language().await;
    scene.open_run(None).await;
    let first = scene.send_test(json!({"partner_reference": "TRY-1"})).await.expect(201);
    let second = scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    let ids = [first.id(), second.id()];
    let code = first.body["handoff"]["code"].as_str().unwrap().to_owned();
    let (admin, coordinator) = (scene.app.admin(), scene.app.coordinator());
    let places = ["/v1/referrals", "/v1/queue", "/v1/duplicate-reviews", "/v1/alerts", "/v1/events", "/v1/queue/counts"];
    scene.app.sequence().await;
    let mut asked = 0;
    for who in [&admin, &coordinator, &scene.feed, &scene.partner] {
        for place in places {
            let seen = who.get(place).await;
            asked += usize::from(seen.status == 200);
            for hidden in ids.iter().chain([&code]) {
                assert!(!seen.text.contains(hidden.as_str()), "{place}: {}", seen.text);
            }
        }
        for id in &ids {
            assert!(matches!(who.get(&format!("/v1/referrals/{id}")).await.status, 403 | 404));
            assert!(matches!(who.get(&format!("/v1/referrals/{id}/events")).await.status, 403 | 404));
        }
    }
    assert!(asked >= 12, "{asked}");
    let counts = coordinator.get("/v1/queue/counts").await.expect(200);
    assert!(!counts.text.contains("\"count\":1"), "{}", counts.text);
    // It waits for nobody and cannot be promoted.
    for id in &ids {
        let path = format!("/v1/referrals/{id}");
        coordinator
            .post_on(&format!("{path}/transitions"), "*", &json!({"to": "contacting"}))
            .await
            .expect_problem(404, "not_found");
        coordinator.patch(&path, "*", &json!({"external_ref": "CRM-1"})).await.expect_problem(404, "not_found");
    }
    let intake = json!({"handoff_code": code, "study": "rest-2026", "external_ref": "CRM-9"});
    let arrived = coordinator.post("/v1/intake", &intake).await.expect(201).body;
    assert_eq!((&arrived["attached"], &arrived["referral"]["partner"]), (&json!(false), &Value::Null));
    // The partner's test key sees its own, and its live key does not.
    assert_eq!(scene.test.get(&format!("/v1/referrals/{}", ids[0])).await.expect(200).body["partner_reference"], "TRY-1");

    // The control: what was looked for is there.
    let kept = "SELECT id::text || ' ' || status AS text FROM referrals WHERE is_test AND partner_reference = 'TRY-1'";
    assert_eq!(texts(&mut scene.app.db.superuser(), kept), [format!("{} received", ids[0])]);
    let told = "SELECT DISTINCT is_test::text AS text FROM events WHERE event_type = 'referral.received' AND is_test";
    assert_eq!(texts(&mut scene.app.db.superuser(), told), ["true"]);
}

#[actix_web::test]
async fn test_referrals_end_with_their_run_and_never_come_back() {
    let scene = Scene::with_language().await;
    scene.prove().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.app.coordinator().post_on(&format!("{run}/cancel"), "*", &json!({})).await.expect(200);
    let ends = "SELECT status || ' ' || close_reason || ' ' || coalesce(next_action, '-') AS text FROM referrals WHERE is_test ORDER BY 1";
    assert_eq!(texts(&mut scene.app.db.superuser(), ends), ["closed test_referral -"; 3]);
    // Details of a test match no live referral.
    let scene_partner = crate::support::make::referral_with(json!({"match": {"email": "try@harbour.example"}}));
    scene.app.partner().post("/v1/referrals", &scene_partner).await.expect(201);
    scene.let_jobs_run().await;
    let reviews = scene.app.coordinator().get("/v1/duplicate-reviews").await.expect(200);
    assert!(reviews.body["data"].as_array().unwrap().is_empty(), "{}", reviews.text);
    // The month's places are for people.
    let counted = "SELECT coalesce(sum(recorded), 0)::text AS text FROM route_counts";
    assert_eq!(texts(&mut scene.app.db.superuser(), counted), ["0"]);
}
