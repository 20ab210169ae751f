//! Whether alerts reach a member: what it chose, what there is, and whether that works.

use serde_json::{Value, json};

use super::{app_with, choose, hook, outbound, pass, test_alert};
use crate::support::App;
use crate::support::smtp::{Reaction, Secured, SmtpServer};
use crate::support::webhook::{Behaviour, Receiver};

async fn reach(app: &App) -> (String, Value) {
    let member = app.admin().get(&format!("/v1/members/{}", app.site.coordinator)).await.expect(200).body;
    let listed = app.admin().get("/v1/members?role=coordinator").await.expect(200).body["data"][0].clone();
    assert_eq!(listed, member, "the list says the same");
    (member["alert_reachability"].as_str().unwrap().to_owned(), member["unreachable_since"].clone())
}

#[actix_web::test]
async fn a_member_is_reachable_by_what_it_chose_as_far_as_that_is_offered() {
    let nobody = App::start_sending(outbound(None)).await;
    assert_eq!(reach(&nobody).await.0, "no_channel", "the server sends no mail");
    hook(&nobody, "http://127.0.0.1:9/x").await;
    assert_eq!(reach(&nobody).await.0, "no_channel", "it chose mail alone");
    choose(&nobody, nobody.site.coordinator, json!(["email", "webhook"])).await;
    assert_eq!(reach(&nobody).await.0, "reachable");
    nobody.admin().delete("/v1/alert-webhook", "*").await.expect(204);
    assert_eq!(reach(&nobody).await.0, "no_channel");

    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    assert_eq!(reach(&app).await.0, "reachable", "mail is what everybody has at first");
    choose(&app, app.site.coordinator, json!([])).await;
    assert_eq!(reach(&app).await.0, "no_channel");
    let alert = test_alert(&app, app.site.coordinator).await;
    assert_eq!(app.admin().get(&alert).await.body["status"], "waiting");
    pass(&app).await;
    let body = app.admin().get(&alert).await.body;
    assert_eq!((&body["status"], &body["deliveries"], smtp.mails().len()), (&json!("undeliverable"), &json!([]), 0));
    let path = format!("/v1/members/{}", app.site.coordinator);
    for (channels, fault) in [
        (json!(["email", "email"]), "/alert_channels inconsistent"),
        (json!(["telex"]), "/alert_channels/0 unknown_value"),
        (json!(["email", "webhook", "email"]), "/alert_channels too_many_items"),
        (json!(null), "/alert_channels null_not_allowed"),
    ] {
        let refused = app.admin().patch(&path, "*", &json!({"alert_channels": channels})).await;
        assert_eq!(refused.expect_problem(422, "invalid_body").faults(), [fault]);
    }
    app.coordinator().patch(&path, "*", &json!({"alert_channels": ["email"]})).await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn a_member_is_undeliverable_since_its_last_channel_fails_and_reachable_once_one_works() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let receiver = Receiver::start();
    hook(&app, &receiver.url()).await;
    choose(&app, app.site.coordinator, json!(["email", "webhook"])).await;
    // One slip is none.
    smtp.at("RCPT", Reaction::Reply("450 later"));
    test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(reach(&app).await.0, "reachable");
    // A refused recipient is known at once, and the webhook still works.
    smtp.at("RCPT", Reaction::Reply("550 no such user"));
    test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(reach(&app).await.0, "reachable");
    receiver.now(Behaviour::Status(500));
    app.clock.advance(chrono::Duration::hours(1));
    let since = app.clock.now();
    test_alert(&app, app.site.coordinator).await;
    for _ in 0..3 {
        pass(&app).await;
        app.clock.advance(chrono::Duration::hours(1));
    }
    let (standing, at) = reach(&app).await;
    assert_eq!((standing.as_str(), at), ("undeliverable", json!(since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))));
    // The other members are not touched by that.
    let admin = app.admin().get(&format!("/v1/members/{}", app.site.admin)).await.expect(200).body;
    assert_eq!(admin["alert_reachability"], "reachable");
    // Another address: not known yet, and so not failing.
    let path = format!("/v1/members/{}", app.site.coordinator);
    app.admin().patch(&path, "*", &json!({"email": "dana.new@riverside.example"})).await.expect(200);
    assert_eq!(reach(&app).await.0, "reachable");
    test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(reach(&app).await.0, "undeliverable");
    smtp.recover();
    test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(reach(&app).await, ("reachable".to_owned(), json!(null)));
    assert_eq!(smtp.mails().last().unwrap().to, "dana.new@riverside.example");
}
