//! A receiver that is down for three days of the clock: everything arrives afterwards, at least once and with the same id, and
//! escalation goes on meanwhile. One that hangs delays nobody else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::Duration as Span;
use handoff::domain::alerting::TRIED_FOR;
use handoff::jobs::{alert_delivery, escalation};
use serde_json::json;

use super::{app_with, arrivals, choose, db_alerts, delivery, hook, outbound, pass, referral, test_alert};
use crate::support::App;
use crate::support::smtp::{Secured, SmtpServer};
use crate::support::webhook::{Behaviour, Receiver};

/// An hour of the clock, with everything that runs in it.
async fn hour(app: &App) -> usize {
    app.clock.advance(Span::hours(1));
    let steps = escalation::pass(&app.state).await.unwrap();
    pass(app).await;
    steps
}

#[actix_web::test]
async fn after_three_days_without_a_receiver_every_alert_arrives_with_its_id() {
    let mut smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let receiver = Receiver::start();
    let secret = hook(&app, &receiver.url()).await;
    choose(&app, app.site.coordinator, json!(["email", "webhook"])).await;
    choose(&app, app.site.admin, json!(["webhook", "email"])).await;
    smtp.go_down().await;
    receiver.now(Behaviour::Status(503));
    let mut steps = 0;
    for number in 0..72 {
        if number % 24 == 0 {
            referral(&app).await;
        }
        steps += hour(&app).await;
    }
    let written: BTreeSet<String> = db_alerts(&app.db).into_iter().collect();
    assert!(steps >= 6 && written.len() == 3 + steps, "escalation waited: {steps} steps, {} alerts", written.len());
    assert_eq!(smtp.mails().len(), 0);
    let failing = app.admin().get(&format!("/v1/members/{}", app.site.coordinator)).await.expect(200).body;
    assert_eq!(failing["alert_reachability"], "undeliverable");
    let tried = receiver.messages().len();

    smtp.come_back().await;
    receiver.now(Behaviour::Status(200));
    for _ in 0..12 {
        app.clock.advance(Span::hours(1));
        pass(&app).await;
    }
    let mailed = arrivals(&smtp.mails());
    let posted: BTreeSet<String> = receiver.messages()[tried..].iter().map(|message| message.id.clone()).collect();
    assert_eq!(mailed.keys().cloned().collect::<BTreeSet<_>>(), written);
    assert_eq!(posted, written);
    assert!(mailed.values().all(|times| *times == 1), "nothing failed after it was taken, so that nothing came twice");
    let messages = receiver.messages();
    assert!(messages.iter().all(|message| message.is_signed_with(&secret) && written.contains(&message.id)));
    let ids: BTreeSet<&String> = messages[..tried].iter().map(|message| &message.id).collect();
    assert!(ids.iter().all(|id| posted.contains(*id)), "each attempt of an alert has its one id");
    let again = app.admin().get(&format!("/v1/members/{}", app.site.coordinator)).await.expect(200).body;
    assert_eq!(again["alert_reachability"], "reachable");
    println!("outage: {} alerts over 72 h, {tried} attempts refused, each arrived once over both channels", written.len());
}

#[actix_web::test]
async fn after_seven_days_an_alert_has_failed_for_good_and_says_so() {
    let mut smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    smtp.go_down().await;
    let alert = test_alert(&app, app.site.coordinator).await;
    let mut hours = 0;
    while delivery(&app, &alert).await.starts_with("pending") || hours == 0 {
        app.clock.advance(Span::hours(1));
        pass(&app).await;
        hours += 1;
        assert!(hours <= 24 * 7 + 1, "it never ends");
    }
    let body = app.admin().get(&alert).await.expect(200).body;
    assert_eq!(
        (&body["status"], &body["deliveries"][0]["last_error"]),
        (&json!("undeliverable"), &json!("smtp_connection_failed"))
    );
    assert!(body["deliveries"][0]["next_attempt_at"].is_null() && Span::hours(hours) > TRIED_FOR - Span::hours(12));
    smtp.come_back().await;
    app.clock.advance(Span::days(1));
    pass(&app).await;
    assert_eq!(smtp.mails().len(), 0, "nothing comes after that");
    println!("an alert without a receiver: {} attempts within {hours} h", body["deliveries"][0]["attempts"]);
}

#[actix_web::test]
async fn a_receiver_that_hangs_delays_no_other_site_and_no_other_channel() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = App::start_sending(outbound(Some(&smtp))).await;
    let (hanging, healthy) = (Receiver::start(), Receiver::start());
    hanging.now(Behaviour::Slow(Duration::from_secs(60)));
    hook(&app, &hanging.url()).await;
    let other = app.member(&app.other_site, app.other_site.admin);
    other.put("/v1/alert-webhook", "*", &json!({"url": healthy.url()})).await.expect(201);
    for (admin, site) in [(app.admin(), &app.site), (other, &app.other_site)] {
        let channels = json!({"alert_channels": ["email", "webhook"]});
        admin.patch(&format!("/v1/members/{}", site.coordinator), "*", &channels).await.expect(200);
        super::db_test_alerts(&app.db, site, 20, app.clock.now());
    }
    let begun = Instant::now();
    alert_delivery::round(&app.state).await.unwrap();
    while healthy.messages().len() < 20 || smtp.mails().len() < 40 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} posts, {} mails", healthy.messages().len(), smtp.mails().len());
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    let (healthy_after, in_flight) = (begun.elapsed(), hanging.messages().len());
    assert!(in_flight <= 4, "{in_flight} at the hanging one at once");
    // The control: it does hang, and its own wait for it.
    assert!(!app.state.deliveries.settle(Duration::from_millis(10)).await);
    app.state.deliveries.settle(Duration::from_secs(60)).await;
    let all = begun.elapsed();
    assert!(all > healthy_after * 2 && all > Duration::from_secs(5), "{healthy_after:?} and {all:?}");
    println!("one hanging receiver: 20 posts and 40 mails of the others in {healthy_after:?}, its own 20 attempts in {all:?}");
}
