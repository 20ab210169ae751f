//! Alerts over HTTP: who sees them, who confirms them, and the test alert.

use serde_json::json;

use super::{app_with, delivery, pass, referral, test_alert};
use crate::support::smtp::{Secured, SmtpServer};

#[actix_web::test]
async fn a_test_alert_goes_its_way_and_its_member_alone_confirms_it() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let path = format!("/v1/members/{}/test-alert", app.site.coordinator);
    let made = app.coordinator().post_without_body(&path).await.expect(201);
    let alert = made.header("location").unwrap().to_owned();
    assert_eq!(
        (&made.body["kind"], &made.body["status"], &made.body["referral_id"]),
        (&json!("test"), &json!("waiting"), &json!(null))
    );
    pass(&app).await;
    let mails = smtp.mails();
    assert_eq!(
        (mails.len(), mails[0].to.as_str(), mails[0].header("Subject").unwrap().as_str()),
        (1, "dana@riverside.example", "Handoff: test alert")
    );
    let read = app.coordinator().get(&alert).await.expect(200);
    assert_eq!((&read.body["status"], read.etag() == made.etag()), (&json!("delivered"), false));

    let confirm = format!("{alert}/confirm");
    app.admin().post_without_body(&confirm).await.expect_problem(403, "forbidden");
    let kim = json!({"display_name": "Kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &kim).await.expect(201).id().parse().unwrap();
    for stranger in [app.member(&app.site, kim), app.member(&app.other_site, app.other_site.admin)] {
        stranger.post_without_body(&confirm).await.expect_problem(404, "not_found");
        stranger.get(&alert).await.expect_problem(404, "not_found");
    }
    for refused in [app.viewer(), app.site_key(), app.partner()] {
        refused.post_without_body(&confirm).await.expect_problem(403, "forbidden");
    }
    assert_eq!(app.admin().get(&alert).await.body["confirmed_at"], json!(null), "nothing of that counted");
    let confirmed = app.coordinator().post_without_body(&confirm).await.expect(200);
    assert_eq!(confirmed.body["status"], "confirmed");
    app.clock.advance(chrono::Duration::hours(1));
    let again = app.coordinator().post_without_body(&confirm).await.expect(200);
    assert_eq!(again.body, confirmed.body, "once more changes nothing");
    let told = "SELECT count(*) FROM audit_entries WHERE operation IN ('create_test_alert', 'deliver_alert', 'confirm_alert')";
    assert_eq!(app.db.count(told), 3);
}

#[actix_web::test]
async fn a_coordinator_sees_its_own_alerts_and_an_admin_everybodys() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let (own, other) = (test_alert(&app, app.site.coordinator).await, test_alert(&app, app.site.admin).await);
    let referral = referral(&app).await;
    let ids = async |who: &crate::support::callers::Person, query: &str| {
        let page = who.get(&format!("/v1/alerts{query}")).await.expect(200).body;
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alert| format!("/v1/alerts/{}", alert["id"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let all = ids(&app.admin(), "").await;
    assert!(all.len() == 3 && all.contains(&own) && all.contains(&other));
    let of_dana = format!("?member_id={}", app.site.coordinator);
    let danas = ids(&app.coordinator(), "").await;
    assert!(danas.len() == 2 && danas.contains(&own) && !danas.contains(&other));
    assert_eq!(ids(&app.coordinator(), &of_dana).await, danas);
    assert_eq!(ids(&app.admin(), &of_dana).await, danas);
    assert_eq!(ids(&app.admin(), &format!("?referral_id={referral}")).await.len(), 1);
    app.coordinator().get(&format!("/v1/alerts?member_id={}", app.site.admin)).await.expect_problem(403, "forbidden");
    app.coordinator().get(&other).await.expect_problem(404, "not_found");
    app.coordinator()
        .post_without_body(&format!("/v1/members/{}/test-alert", app.site.admin))
        .await
        .expect_problem(403, "forbidden");
    assert_eq!(ids(&app.member(&app.other_site, app.other_site.admin), "").await, [] as [String; 0]);
    // Page by page, each once.
    let first = app.admin().get("/v1/alerts?limit=2").await.expect(200).body;
    let rest = ids(&app.admin(), &format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((first["data"].as_array().unwrap().len(), rest.len()), (2, 1));
}

#[actix_web::test]
async fn a_member_who_left_is_told_nothing() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let kim = json!({"display_name": "Kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &kim).await.expect(201).id();
    let alert = test_alert(&app, kim.parse().unwrap()).await;
    app.admin().post_on(&format!("/v1/members/{kim}/deactivate"), "*", &json!({})).await.expect(200);
    pass(&app).await;
    assert_eq!((delivery(&app, &alert).await, smtp.mails().len()), ("cancelled 0 -".into(), 0));
    app.admin().post_without_body(&format!("/v1/members/{kim}/test-alert")).await.expect_problem(409, "state_conflict");
    app.admin()
        .post_without_body("/v1/members/0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48/test-alert")
        .await
        .expect_problem(404, "not_found");
}
