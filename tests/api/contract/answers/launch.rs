//! A route is tested and launched, and then its language lapses.

use serde_json::json;

use super::super::witness::Witness;
use super::{get, post, post_on};
use crate::support::{App, make, onboard};

const STUDY: &str = "rest-2026";

/// From the first look at what is missing to the first referral that comes too late.
pub async fn launch(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    let study = json!({"code": STUDY, "public_name": "Rest Study", "short_description": "Rest.", "protocol_code": "RST-1"});
    admin.post("/v1/studies", &study).await.expect(201);
    let mut route = make::route(&app.site, "lakeside");
    (route["study"], route["source_tag"]) = (json!(STUDY), json!("lakeside.rest"));
    let path = format!("/v1/routes/{}", admin.post("/v1/routes", &route).await.expect(201).id());
    let missing = get(witness, &app.coordinator(), &format!("{path}/launch-check")).await.expect(200);
    assert_eq!(missing.body["ready"], false);
    let refused = post_on(witness, &admin, &format!("{path}/launch"), "*", None).await;
    let blockers = refused.expect_problem(409, "launch_blocked").body["launch_blockers"].clone();
    assert!(blockers.as_array().unwrap().len() >= 5, "{blockers}");

    admin.put("/v1/alert-webhook", "*", &json!({"url": "https://hooks.site.example/handoff"})).await.expect(201);
    for member in [app.site.admin, app.site.coordinator] {
        admin.patch(&format!("/v1/members/{member}"), "*", &json!({"alert_channels": ["webhook"]})).await.expect(200);
    }
    onboard::db_ready(app, &path);
    let (test, runs) = (app.person(&app.site.partner.test_key), format!("{path}/test-referrals"));
    let rehearsed = post(witness, &app.coordinator(), &runs, &json!({"persona": "tag_missing"})).await.expect(201);
    let run = format!("/v1/test-runs/{}", rehearsed.id());
    for (who, view) in [(&admin, "site"), (&test, "partner")] {
        assert_eq!(get(witness, who, &run).await.expect(200).body["view"], view);
        get(witness, who, "/v1/test-runs?status=open&limit=1").await.expect(200);
    }
    let confirmed = post_on(witness, &admin, &format!("{run}/confirm"), &rehearsed.etag(), None).await.expect(200);
    let cancelled = post_on(witness, &admin, &format!("{run}/cancel"), &confirmed.etag(), None).await.expect(200);
    post_on(witness, &admin, &format!("{run}/cancel"), &cancelled.etag(), None).await.expect_problem(409, "state_conflict");
    post(witness, &app.coordinator(), &runs, &json!({})).await.expect(201);
    let referral = make::referral_with(json!({"study": STUDY, "match": {"email": "try@lakeside.example"}}));
    post(witness, &test, "/v1/referrals", &referral).await.expect(201);
    onboard::db_proven(app, &path);
    let ready = get(witness, &admin, &format!("{path}/launch-check")).await.expect(200);
    assert_eq!((&ready.body["ready"], ready.body["proof"].is_object()), (&json!(true), true), "{}", ready.text);
    post_on(witness, &admin, &format!("{path}/launch"), &ready.etag(), None).await.expect(200);

    let words = admin.get(&format!("/v1/language-versions?study={STUDY}")).await.expect(200).body["data"][0]["id"].clone();
    let retire = format!("/v1/language-versions/{}/retire", words.as_str().unwrap());
    admin.post_on(&retire, "*", &json!({"reason": "study_ended"})).await.expect(200);
    post(witness, &app.partner(), "/v1/referrals", &referral).await.expect_problem(409, "language_lapsed");
}
