//! The central resource: sent, seen, moved.

use serde_json::json;

use crate::support::{App, make};

#[actix_web::test]
async fn a_partner_sends_a_referral_and_a_coordinator_moves_it() {
    let app = App::start().await;
    let sent = app.partner().post("/v1/referrals", &make::referral()).await.expect(201);
    assert_eq!(sent.header("location"), Some(format!("/v1/referrals/{}", sent.id()).as_str()));
    assert_eq!(sent.body["status"], "accepted_for_review");
    assert_eq!(sent.body["handoff"]["intake_url"], "https://intake.riverside.example/start");
    assert_eq!(sent.body["handoff"]["code"].as_str().unwrap().len(), 10);

    let path = format!("/v1/referrals/{}", sent.id());
    let seen = app.coordinator().get(&path).await.expect(200);
    assert_eq!((&seen.body["status"], &seen.body["owner_id"]), (&json!("received"), &json!(app.site.coordinator)));
    let moved =
        app.coordinator().post_on(&format!("{path}/transitions"), &seen.etag(), &json!({"to": "contacting"})).await.expect(200);
    assert_eq!(moved.body["status"], "contacting");
    assert_eq!(moved.body["acknowledged_at"], moved.body["contacting_at"], "a skipped step takes the time of the move");

    let view = app.partner().get(&path).await.expect(200);
    assert_eq!(view.etag(), sent.etag(), "what a partner cannot see does not change its tag");
}
