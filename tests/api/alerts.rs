//! Alerts on their way: to a real SMTP server and a real receiver of webhooks, which fail in every way that they can.

mod crashes;
mod mail;
mod outages;
mod reach;
mod resource;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use handoff::domain::ids::MemberId;
use handoff::domain::webhooks::Schedule;
use handoff::jobs::{alert_delivery, match_duplicates};
use handoff::outbound::http::Timeouts;
use handoff::outbound::{Allow, Http, Mailer, Outbound, SmtpSettings};
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::fresh_key;
use crate::support::db::Database;
use crate::support::make::{self, Site};
use crate::support::smtp::{Mail, PASSWORD, SmtpServer};
use crate::tenancy::texts;

const FROM: &str = "Handoff <handoff@riverside.example>";

/// E-mail by this server, with this password.
fn mailer(smtp: &SmtpServer, password: &str) -> Mailer {
    let settings = SmtpSettings::parse(&smtp.url(password), None, FROM).unwrap();
    Mailer::new(settings).trusting(smtp.authority.clone()).within(Duration::from_secs(3))
}

/// Ways out: to this server, and over http to this machine.
fn outbound(smtp: Option<&SmtpServer>) -> Outbound {
    let allow = Allow::parse("127.0.0.0/8").unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(1), total: Duration::from_millis(1_500) };
    let look_up = std::sync::Arc::new(|_| Box::pin(async { Ok(vec![]) }) as handoff::outbound::http::LookedUp);
    Outbound {
        http: Http::resolving(allow, timeouts, look_up),
        mailer: smtp.map(|smtp| mailer(smtp, PASSWORD)),
        public_url: Some("https://handoff.riverside.example".to_owned()),
        schedule: Schedule::default(),
    }
}

/// A server that sends over this one.
async fn app_with(smtp: &SmtpServer) -> App {
    App::start_sending(outbound(Some(smtp))).await
}

/// Everything that is due now is tried once; how much was.
async fn pass(app: &App) -> usize {
    alert_delivery::pass(&app.state).await.unwrap()
}

/// A test alert to this member; its path.
async fn test_alert(app: &App, member: MemberId) -> String {
    let id = app.admin().post_without_body(&format!("/v1/members/{member}/test-alert")).await.expect(201).id();
    format!("/v1/alerts/{id}")
}

/// The one delivery of an alert, as `status attempts last_error`.
async fn delivery(app: &App, alert: &str) -> String {
    let alert = app.admin().get(alert).await.expect(200).body;
    let delivery = &alert["deliveries"][0];
    let word = |name: &str| delivery[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", word("status"), delivery["attempts"], word("last_error"))
}

/// A referral that the partner sends, and that its owner is told of.
async fn referral(app: &App) -> String {
    let reference = format!("CANARY-{}", fresh_key());
    let body = make::referral_with(json!({"partner_reference": reference}));
    let id = app.partner().post("/v1/referrals", &body).await.expect(201).id();
    match_duplicates::pass(&app.state).await.unwrap();
    id
}

/// Alerts of a site, by id, however they came to be.
fn db_alerts(db: &Database) -> Vec<String> {
    texts(&mut db.superuser(), "SELECT id::text AS text FROM alerts ORDER BY id")
}

/// This many test alerts for the site's coordinator.
fn db_test_alerts(db: &Database, site: &Site, count: usize, created_at: chrono::DateTime<chrono::Utc>) {
    let sql = format!(
        "INSERT INTO alerts SELECT '{}', gen_random_uuid(), '{}', 'test', NULL, '{}', NULL, NULL FROM generate_series(1, {count})",
        site.id,
        site.coordinator,
        created_at.to_rfc3339()
    );
    db.superuser().batch_execute(&sql).unwrap();
}

/// How often each alert arrived.
fn arrivals(mails: &[Mail]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mail in mails {
        *counts.entry(mail.alert()).or_default() += 1;
    }
    counts
}

/// The channels of a member.
async fn choose(app: &App, member: MemberId, channels: Value) {
    app.admin().patch(&format!("/v1/members/{member}"), "*", &json!({"alert_channels": channels})).await.expect(200);
}

/// Sets the site's webhook; its secret.
async fn hook(app: &App, url: &str) -> String {
    let set = app.admin().put("/v1/alert-webhook", "*", &json!({"url": url})).await;
    set.body["secret"].as_str().expect("a secret, the first time").to_owned()
}
