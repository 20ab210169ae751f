//! The alert webhook: thin and signed, rotated with an overlap, disabled by 410, and what a rotated master key does to its secret.

use handoff::jobs::alert_delivery;
use handoff::privacy::keys::MasterKey;
use serde_json::json;

use super::{choose, delivery, hook, outbound, pass, referral, test_alert};
use crate::support::App;
use crate::support::callers::send;
use crate::support::webhook::{Behaviour, Receiver};

const PATH: &str = "/v1/alert-webhook";

async fn hooked() -> (App, Receiver, String) {
    let app = App::start_sending(outbound(None)).await;
    let receiver = Receiver::start();
    let secret = hook(&app, &receiver.url()).await;
    choose(&app, app.site.coordinator, json!(["webhook"])).await;
    (app, receiver, secret)
}

#[actix_web::test]
async fn a_message_is_thin_signed_and_the_same_in_every_attempt() {
    let (app, receiver, secret) = hooked().await;
    receiver.now(Behaviour::Status(500));
    let referral = referral(&app).await;
    for _ in 0..3 {
        pass(&app).await;
        app.clock.advance(chrono::Duration::hours(1));
    }
    receiver.now(Behaviour::Status(202));
    pass(&app).await;
    let messages = receiver.messages();
    let alert = app.admin().get(&format!("/v1/alerts?referral_id={referral}")).await.expect(200).body["data"][0].clone();
    assert_eq!((messages.len(), &alert["deliveries"][0]["status"]), (4, &json!("delivered")));
    let another = handoff::outbound::signature::secret_text(&[9; 32]);
    for message in &messages {
        assert_eq!((&message.id, &message.text), (&messages[0].id, &messages[0].text));
        assert_eq!(message.id, alert["id"]);
        assert!(message.is_signed_with(&secret) && !message.is_signed_with(&another));
        // The reference library finds it right too.
        let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
        assert_eq!(message.signatures, [theirs.sign(&message.id, message.timestamp, message.text.as_bytes()).unwrap()]);
    }
    assert!(messages[0].timestamp < messages[3].timestamp, "the time is that of the attempt");
    let mut names: Vec<&String> = messages[0].body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["alert_id", "created_at", "kind", "member_id", "referral_id", "type"]);
    let expected =
        json!({"type": "alert", "kind": "referral_received", "member_id": app.site.coordinator, "referral_id": referral});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&messages[0].body[name], value, "{name}");
    }
}

#[actix_web::test]
async fn a_redirect_a_refusal_and_a_wrong_address_are_told_apart_and_410_ends_it() {
    let (app, receiver, _) = hooked().await;
    let elsewhere = Receiver::start();
    for (behaviour, code) in [
        (Behaviour::Redirect(elsewhere.url()), "webhook_redirected"),
        (Behaviour::Status(404), "webhook_refused"),
        (Behaviour::Status(500), "webhook_refused"),
    ] {
        receiver.now(behaviour);
        let alert = test_alert(&app, app.site.coordinator).await;
        pass(&app).await;
        assert_eq!(delivery(&app, &alert).await, format!("pending 1 {code}"));
    }
    assert_eq!(elsewhere.messages().len(), 0);
    receiver.now(Behaviour::Status(410));
    let alert = test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!(delivery(&app, &alert).await, "failed 1 webhook_gone");
    let webhook = app.admin().get(PATH).await.expect(200);
    assert_eq!((&webhook.body["enabled"], &webhook.body["disabled_reason"]), (&json!(false), &json!("endpoint_gone")));
    let came = receiver.messages().len();
    app.clock.advance(chrono::Duration::hours(1));
    pass(&app).await;
    let later = test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!((receiver.messages().len(), delivery(&app, &later).await), (came, "pending 1 webhook_disabled".into()));
    // Set again, it is enabled, and what waited arrives.
    receiver.now(Behaviour::Status(200));
    let set = app.admin().put(PATH, &webhook.etag(), &json!({"url": receiver.url()})).await.expect(200);
    assert_eq!((&set.body["enabled"], set.body.get("secret")), (&json!(true), None));
    app.clock.advance(chrono::Duration::hours(12));
    pass(&app).await;
    assert_eq!(delivery(&app, &later).await, "delivered 2 webhook_disabled");
}

#[actix_web::test]
async fn a_secret_is_rotated_with_an_overlap_of_two_and_shown_once() {
    let (app, receiver, first) = hooked().await;
    let rotate = format!("{PATH}/rotate-secret");
    let etag = app.admin().get(PATH).await.etag();
    let key = crate::support::callers::fresh_key();
    let ask = |etag: &str| {
        let request =
            app.admin().request(reqwest::Method::POST, &rotate).header("Idempotency-Key", &key).header("If-Match", etag);
        send(request.json(&json!({"overlap_hours": 2})))
    };
    let rotated = ask(&etag).await.expect(200);
    let second = rotated.body["secret"].as_str().unwrap().to_owned();
    let replayed = ask(&etag).await.expect(200);
    assert_eq!((&replayed.body["secret"], &replayed.body["secret_already_shown"]), (&json!(null), &json!(true)));
    assert!(first.starts_with("whsec_") && first != second);
    let busy = json!({"overlap_hours": 1});
    app.admin().post_on(&rotate, &rotated.etag(), &busy).await.expect_problem(409, "rotation_in_progress");
    app.admin().post_on(&rotate, &etag, &busy).await.expect_problem(412, "stale_version");

    let signed = async |first_signs: bool, second_signs: bool| {
        test_alert(&app, app.site.coordinator).await;
        pass(&app).await;
        let message = receiver.messages().pop().unwrap();
        assert_eq!((message.is_signed_with(&first), message.is_signed_with(&second)), (first_signs, second_signs));
    };
    signed(true, true).await;
    app.clock.advance(chrono::Duration::hours(2));
    signed(false, true).await;
    // A secret that leaked ends at once.
    let third = app.admin().post_on(&rotate, &rotated.etag(), &json!({"overlap_hours": 0})).await.expect(200);
    signed(false, false).await;
    assert!(receiver.messages().pop().unwrap().is_signed_with(third.body["secret"].as_str().unwrap()));
    let told = crate::tenancy::texts(
        &mut app.db.superuser(),
        "SELECT coalesce(before, '') || coalesce(after, '') AS text FROM audit_entries",
    );
    let rows = crate::tenancy::texts(&mut app.db.superuser(), "SELECT w::text AS text FROM alert_webhooks w");
    for secret in [&first, &second] {
        let bytes = secret.trim_start_matches("whsec_");
        assert!(!told.iter().chain(&rows).any(|text| text.contains(bytes)), "a secret is kept");
    }
    assert!(!told.iter().any(|text| text.contains(&receiver.url())), "its place is the site's own");
}

#[actix_web::test]
async fn a_secret_outlives_a_rotated_master_key_while_that_is_accepted_and_its_loss_is_told() {
    let (app, receiver, secret) = hooked().await;
    let fresh = MasterKey::from_hex(&"6b".repeat(32)).unwrap();
    for (master, expected, signed) in [
        (fresh.clone().accepting([app.master.clone()]), "delivered 1 -", true),
        (app.master.clone().accepting([fresh.clone()]), "delivered 1 -", true),
        (fresh, "pending 1 webhook_secret_lost", false),
    ] {
        let state = app.state_sending(&master, outbound(None));
        let (alert, before) = (test_alert(&app, app.site.coordinator).await, receiver.messages().len());
        alert_delivery::pass(&state).await.unwrap();
        assert_eq!(delivery(&app, &alert).await, expected);
        let came: Vec<_> = receiver.messages().drain(before..).collect();
        assert_eq!((came.len(), came.iter().all(|message| message.is_signed_with(&secret))), (usize::from(signed), true));
    }
}

#[actix_web::test]
async fn a_webhook_is_set_moved_and_deleted_by_admins_and_points_at_no_private_place() {
    let app = App::start().await;
    let admin = app.admin();
    admin.get(PATH).await.expect_problem(404, "not_found");
    admin.delete(PATH, "*").await.expect_problem(404, "not_found");
    admin.put(PATH, "\"1\"", &json!({"url": "https://hooks.site.example/x"})).await.expect_problem(412, "stale_version");
    for (url, fault) in [
        ("https://127.0.0.1/x", "/url address_not_allowed"),
        ("https://2130706433/x", "/url address_not_allowed"),
        ("https://127.1:8443/x", "/url address_not_allowed"),
        ("https://169.254.169.254/latest", "/url address_not_allowed"),
        ("http://10.0.0.8:8080/x", "/url address_not_allowed"),
        ("http://hooks.site.example/x", "/url address_not_allowed"),
        ("https://hooks.site.example/x#y", "/url bad_format"),
        ("https://u:p@hooks.site.example/x", "/url bad_format"),
        ("https://[::1]/x", "/url bad_format"),
        ("ftp://hooks.site.example/x", "/url bad_format"),
    ] {
        let refused = admin.put(PATH, "*", &json!({"url": url})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [fault], "{url}");
        assert!(!refused.text.contains(url), "a value was echoed");
    }
    admin.get(PATH).await.expect_problem(404, "not_found");
    let set = admin.put(PATH, "*", &json!({"url": "https://hooks.site.example/x"})).await.expect(201);
    assert_eq!(set.header("location"), Some(PATH));
    let moved = admin.put(PATH, &set.etag(), &json!({"url": "https://hooks.site.example/y"})).await.expect(200);
    assert!(moved.body.get("secret").is_none());
    admin.put(PATH, &set.etag(), &json!({"url": "https://hooks.site.example/z"})).await.expect_problem(412, "stale_version");
    assert_eq!(admin.get(PATH).await.expect(200).body["url"], "https://hooks.site.example/y");
    let foreign = app.member(&app.other_site, app.other_site.admin);
    foreign.get(PATH).await.expect_problem(404, "not_found");
    app.coordinator().get(PATH).await.expect_problem(403, "forbidden");
    admin.delete(PATH, &set.etag()).await.expect_problem(412, "stale_version");
    admin.delete(PATH, &moved.etag()).await.expect(204);
    admin.get(PATH).await.expect_problem(404, "not_found");
}
