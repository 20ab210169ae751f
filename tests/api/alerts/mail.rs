//! E-mail: what it says and does not say, over each kind of connection, and the code of each failure.

use std::process::Command;

use handoff::db::APP_ROLE;
use handoff::jobs::{alert_delivery, escalation};
use handoff::outbound::Outbound;
use serde_json::json;

use super::{FROM, app_with, delivery, mailer, outbound, pass, referral, test_alert};
use crate::support::db::Database;
use crate::support::smtp::{PASSWORD, Reaction, Secured, SmtpServer, USER};
use crate::support::{App, log};

/// Whatever a referral, its partner and its study could tell, and what is nobody's business on the way.
const CANARIES: &[&str] =
    &["CANARY", "lakeside", "heart", "Heart", "specialty", "NCT", "HRT", "Dana", "person_uses_intake", PASSWORD];

#[actix_web::test]
async fn an_owner_is_told_by_e_mail_with_ids_and_links_alone() {
    for tls in [Secured::Implicit, Secured::StartTls, Secured::None] {
        let smtp = SmtpServer::start(tls).await;
        let app = app_with(&smtp).await;
        let referral = referral(&app).await;
        assert_eq!(pass(&app).await, 1, "one channel");
        // Nobody acts, so that it is escalated step by step.
        for _ in 0..3 {
            app.clock.advance(chrono::Duration::days(7));
            escalation::pass(&app.state).await.unwrap();
            pass(&app).await;
        }
        let mails = smtp.mails();
        let alerts = app.admin().get(&format!("/v1/alerts?referral_id={referral}")).await.expect(200).body;
        let told: Vec<(String, String)> = mails.iter().map(|mail| (mail.header("Subject").unwrap(), mail.to.clone())).collect();
        let (dana, robin) = ("dana@riverside.example".to_owned(), "robin@riverside.example".to_owned());
        assert_eq!(told[0], ("Handoff: a referral came in".to_owned(), dana.clone()));
        assert_eq!(told[1], ("Handoff: an action is due".to_owned(), dana));
        assert_eq!(told[2], ("Handoff: a referral was escalated to you".to_owned(), robin));
        assert_eq!(mails.len(), alerts["data"].as_array().unwrap().len());
        for (mail, alert) in mails.iter().zip(alerts["data"].as_array().unwrap().iter().rev()) {
            let id = alert["id"].as_str().unwrap();
            assert_eq!(mail.header("Message-ID").unwrap(), format!("<{id}@riverside.example>"));
            assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
            assert_eq!(mail.header("From").as_deref(), Some(FROM));
            assert!(mail.from.starts_with("MAIL FROM:<handoff@riverside.example>"), "{}", mail.from);
            assert!(mail.text.contains(&format!("https://handoff.riverside.example/v1/referrals/{referral}")), "{}", mail.text);
            assert!(mail.text.contains(&format!("https://handoff.riverside.example/v1/alerts/{id}")));
            assert_eq!(alert["status"], "delivered");
            for canary in CANARIES {
                assert!(!mail.text.contains(canary), "{canary} in {}", mail.text);
            }
        }
        assert!(mails[0].header("Date").unwrap().contains("1 Jun 2026"), "the server's own clock");
    }
}

/// What the server does, and what it is called.
#[actix_web::test]
async fn each_failure_of_the_smtp_server_has_its_code_and_only_a_refused_recipient_is_final() {
    use Reaction::{Drop, Hang, Reply};
    let mut smtp = SmtpServer::start(Secured::Implicit).await;
    let app = app_with(&smtp).await;
    for (step, reaction, expected) in [
        ("RCPT", Reply("550 5.1.1 no such user"), "failed 1 smtp_recipient_refused"),
        ("RCPT", Reply("552 5.2.2 mailbox full"), "pending 1 smtp_deferred"),
        ("RCPT", Reply("450 4.2.1 later"), "pending 1 smtp_deferred"),
        ("RCPT", Reply("530 5.7.0 sign in"), "pending 1 smtp_authentication_failed"),
        ("MAIL", Reply("550 5.7.1 sender"), "pending 1 smtp_refused"),
        ("DATA", Reply("554 5.3.0 no"), "pending 1 smtp_refused"),
        ("END", Reply("554 5.7.1 spam"), "pending 1 smtp_refused"),
        ("END", Reply("451 4.3.0 disk"), "pending 1 smtp_deferred"),
        ("AUTH", Reply("454 4.7.0 later"), "pending 1 smtp_deferred"),
        ("CONNECT", Reply("421 4.3.2 busy"), "pending 1 smtp_deferred"),
        ("CONNECT", Reply("554 5.3.2 nobody home"), "pending 1 smtp_refused"),
        ("CONNECT", Drop, "pending 1 smtp_connection_failed"),
        ("END", Drop, "pending 1 smtp_connection_failed"),
        ("RCPT", Hang, "pending 1 smtp_timed_out"),
    ] {
        smtp.at(step, reaction);
        let alert = test_alert(&app, app.site.coordinator).await;
        pass(&app).await;
        assert_eq!(delivery(&app, &alert).await, expected, "at {step}");
        smtp.recover();
        // The control: nothing but this stood in the way.
        app.clock.advance(chrono::Duration::minutes(1));
        pass(&app).await;
        let last = expected.split(' ').nth(2).unwrap();
        let after = if expected.starts_with("failed") { expected.to_owned() } else { format!("delivered 2 {last}") };
        assert_eq!(delivery(&app, &alert).await, after, "at {step}");
    }
    smtp.go_down().await;
    let alert = test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(delivery(&app, &alert).await, "pending 1 smtp_connection_failed");
}

#[actix_web::test]
async fn a_wrong_password_a_strange_certificate_and_missing_tls_are_told_apart_and_never_printed() {
    let (smtp, plain) = (SmtpServer::start(Secured::Implicit).await, SmtpServer::start(Secured::None).await);
    let app = app_with(&smtp).await;
    let wrong = "wrong-password-zq";
    let untrusting = |url: &str| {
        let settings = handoff::outbound::SmtpSettings::parse(url, None, FROM).unwrap();
        handoff::outbound::Mailer::new(settings).within(std::time::Duration::from_secs(3))
    };
    let starttls = format!("smtp://{USER}:{PASSWORD}@{}?tls=required", plain.address);
    for (sends, code, mails) in [
        (Some(mailer(&smtp, wrong)), "smtp_authentication_failed", 0),
        (Some(untrusting(&smtp.url(PASSWORD))), "smtp_tls_failed", 0),
        (Some(untrusting(&starttls)), "smtp_tls_failed", 0),
        (None, "email_not_configured", 0),
        (Some(mailer(&smtp, PASSWORD)), "-", 1),
    ] {
        if let Some(mailer) = &sends {
            let probed = mailer.probe().await.map_err(|error| error.to_string());
            assert_eq!(probed.err().unwrap_or_else(|| "-".into()), code);
        }
        let state = app.state_sending(&app.master, Outbound { mailer: sends, ..outbound(None) });
        let alert = test_alert(&app, app.site.coordinator).await;
        alert_delivery::pass(&state).await.unwrap();
        let status = if code == "-" { "delivered" } else { "pending" };
        assert_eq!(delivery(&app, &alert).await, format!("{status} 1 {code}"));
        assert_eq!(smtp.mails().len() + plain.mails().len(), mails, "{code}");
    }
    let lines = log::lines().join("\n");
    assert!(lines.contains("smtp_authentication_failed"), "the operator hears of it");
    for secret in [wrong, PASSWORD, "dana@riverside.example", "robin@riverside.example"] {
        assert!(!lines.contains(secret), "{secret} in the log");
    }
}

#[actix_web::test]
async fn what_was_confirmed_or_closed_meanwhile_is_not_sent_any_more() {
    let mut smtp = SmtpServer::start(Secured::None).await;
    let app: App = app_with(&smtp).await;
    smtp.go_down().await;
    let (confirmed, kept) = (test_alert(&app, app.site.coordinator).await, test_alert(&app, app.site.coordinator).await);
    let referral = referral(&app).await;
    pass(&app).await;
    let of_referral = app.admin().get(&format!("/v1/alerts?referral_id={referral}")).await.expect(200).body;
    let of_referral = format!("/v1/alerts/{}", of_referral["data"][0]["id"].as_str().unwrap());
    for alert in [&confirmed, &kept, &of_referral] {
        assert_eq!(delivery(&app, alert).await, "pending 1 smtp_connection_failed");
    }
    app.coordinator().post_without_body(&format!("{confirmed}/confirm")).await.expect(200);
    assert_eq!(delivery(&app, &confirmed).await, "cancelled 1 smtp_connection_failed", "at once");
    let close = json!({"to": "closed", "reason": "entered_in_error"});
    app.coordinator().post_on(&format!("/v1/referrals/{referral}/transitions"), "*", &close).await.expect(200);
    smtp.come_back().await;
    app.clock.advance(chrono::Duration::minutes(1));
    pass(&app).await;
    assert_eq!(delivery(&app, &of_referral).await, "cancelled 1 smtp_connection_failed");
    assert_eq!(app.admin().get(&of_referral).await.body["status"], "cancelled");
    // The control: the third one goes its way.
    assert_eq!(delivery(&app, &kept).await, "delivered 2 smtp_connection_failed");
    assert_eq!(smtp.mails().len(), 1);
}

#[actix_web::test]
async fn check_says_in_one_sentence_whether_mail_would_go_out() {
    let db = Database::new();
    db.quiet_log();
    let mut smtp = SmtpServer::start(Secured::None).await;
    let check = async |password: &str, smtp: &SmtpServer| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
        command.arg("check").env_clear().env("DATABASE_URL", db.url(APP_ROLE)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command.env("HANDOFF_SMTP_URL", smtp.url(password)).env("HANDOFF_SMTP_FROM", FROM);
        let output = actix_web::rt::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("-password-"), "{said}");
        (output.status.success(), said)
    };
    let (good, said) = check(PASSWORD, &smtp).await;
    assert!(good && said.contains("HANDOFF_SMTP_URL: the server takes us."), "{said}");
    let (good, said) = check("wrong-password-zq", &smtp).await;
    assert!(!good && said.contains("does not take the user name and the password (smtp_authentication_failed)"), "{said}");
    smtp.go_down().await;
    let (good, said) = check(PASSWORD, &smtp).await;
    assert!(!good && said.contains("no connection") && said.contains("smtp_connection_failed"), "{said}");
    assert_eq!(smtp.mails().len(), 0);
}
