//! Events posted to a site's systems: each at least once, thin, signed and the same as in the feed, whatever the receivers do.

mod crashes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use handoff::auth::operator_scope;
use handoff::domain::ids::WebhookEndpointId;
use handoff::domain::webhooks::Schedule;
use handoff::jobs::webhook_delivery;
use handoff::ops::{Context, fan_out_events, lease_webhook_deliveries};
use handoff::outbound::http::Timeouts;
use handoff::outbound::{Allow, Http, Outbound};
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person};
use crate::support::make;
use crate::support::webhook::{Behaviour, Receiver};

const PATH: &str = "/v1/webhook-endpoints";

async fn app() -> App {
    let look_up = std::sync::Arc::new(|_| Box::pin(async { Ok(vec![]) }) as handoff::outbound::http::LookedUp);
    let timeouts = Timeouts { connect: Duration::from_secs(1), total: Duration::from_millis(1_500) };
    let http = Http::resolving(Allow::parse("127.0.0.0/8").unwrap(), timeouts, look_up);
    App::start_sending(Outbound { http, mailer: None, public_url: None, schedule: Schedule::default() }).await
}

/// An endpoint at this receiver; its path and its secret.
async fn endpoint(app: &App, receiver: &Receiver, event_types: Value) -> (String, String) {
    // What happened before has its place.
    app.sequence().await;
    let body = json!({"url": receiver.url(), "event_types": event_types});
    let made = app.admin().post(PATH, &body).await.expect(201);
    (format!("{PATH}/{}", made.id()), made.body["secret"].as_str().unwrap().to_owned())
}

async fn change(app: &App, path: &str, body: &Value) -> Answer {
    app.admin().patch(path, "*", body).await.expect(200)
}

/// Places what happened, and posts what is due.
async fn pass(app: &App) -> usize {
    app.sequence().await;
    webhook_delivery::pass(&app.state).await.unwrap()
}

async fn deliveries(app: &App, path: &str) -> Vec<String> {
    let page = app.admin().get(&format!("{path}/deliveries?limit=200")).await.expect(200).body;
    let word = |delivery: &Value, name: &str| delivery[name].as_str().unwrap_or("-").to_owned();
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {} {}", word(one, "event_type"), word(one, "status"), one["attempts"], word(one, "last_error")))
        .collect()
}

async fn feed(who: &Person) -> Vec<Value> {
    who.get("/v1/events?limit=200").await.expect(200).body["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn every_event_from_then_on_is_posted_once_as_the_feed_shows_it() {
    let app = app().await;
    make::sent(&app.partner()).await;
    let (all, some) = (Receiver::start(), Receiver::start());
    let (path, secret) = endpoint(&app, &all, json!([])).await;
    let (narrow, _) = endpoint(&app, &some, json!(["referral.transitioned"])).await;
    let before = feed(&app.admin()).await.len();
    let sent = make::sent(&app.partner()).await;
    let move_on = json!({"to": "contacting"});
    app.coordinator().post_on(&format!("/v1/referrals/{}/transitions", sent.id()), "*", &move_on).await.expect(200);
    // Another site's are none of them, nor are test referrals'.
    make::sent(&app.person(&app.other_site.partner.key)).await;
    assert_eq!(pass(&app).await, 3, "two of one endpoint, one of the other");
    assert_eq!(pass(&app).await, 0);

    let told = feed(&app.admin()).await[before..].to_vec();
    let messages = all.messages();
    let mut bodies: Vec<Value> = messages.iter().map(|message| message.body.clone()).collect();
    bodies.sort_by_key(|body| body["position"].as_i64());
    assert_eq!(bodies, told, "byte by byte what the feed says");
    for message in &messages {
        assert_eq!(message.id, message.body["id"]);
        assert!(message.is_signed_with(&secret));
        let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
        assert_eq!(message.signatures, [theirs.sign(&message.id, message.timestamp, message.text.as_bytes()).unwrap()]);
    }
    assert_eq!(some.messages().len(), 1);
    assert_eq!(some.messages()[0].body["type"], "referral.transitioned");
    assert_eq!(deliveries(&app, &narrow).await, ["referral.transitioned delivered 1 -"]);
    let shown = app.admin().get(&path).await.expect(200).body;
    assert_eq!(shown["position"], told.last().unwrap()["position"]);
    assert!(shown.get("secret").is_none());
}

#[actix_web::test]
async fn what_fails_is_tried_by_the_schedule_and_given_up_and_sent_again_when_asked_for() {
    let app = app().await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&app, &receiver, json!([])).await;
    make::sent(&app.partner()).await;
    receiver.now(Behaviour::Status(500));
    pass(&app).await;
    assert_eq!(deliveries(&app, &path).await, ["referral.received pending 1 webhook_refused"]);
    assert_eq!(pass(&app).await, 0, "not before its time");
    for wait in [6, 330, 1_980, 7_920, 19_800, 39_600] {
        app.clock.advance(chrono::Duration::seconds(wait));
        assert_eq!(pass(&app).await, 1, "after {wait} s");
    }
    let shown = app.admin().get(&path).await.expect(200).body;
    assert_eq!((&shown["enabled"], &shown["failing_since"]), (&json!(true), &json!("2026-06-01T09:00:00Z")));
    app.clock.advance(chrono::Duration::seconds(39_600));
    pass(&app).await;
    assert_eq!(deliveries(&app, &path).await, ["referral.received failed 8 webhook_refused"]);
    app.clock.advance(chrono::Duration::days(1));
    assert_eq!(pass(&app).await, 0);

    receiver.now(Behaviour::Status(200));
    let replay = format!("{path}/replay");
    let too_far = app.admin().post_on(&replay, "*", &json!({"after_position": 99})).await.expect_problem(422, "invalid_body");
    assert_eq!(too_far.faults(), ["/after_position out_of_range"]);
    let position = shown["position"].as_i64().unwrap();
    app.admin().post_on(&replay, "*", &json!({"after_position": position - 1})).await.expect(200);
    pass(&app).await;
    assert_eq!(deliveries(&app, &path).await, ["referral.received delivered 9 -"]);
    let ids: BTreeSet<String> = receiver.messages().into_iter().map(|message| message.id).collect();
    assert_eq!((receiver.messages().len(), ids.len()), (9, 1), "one id in all attempts");
    assert_eq!(app.admin().get(&path).await.body["failing_since"], json!(null));
}

#[actix_web::test]
async fn an_endpoint_that_wants_nothing_or_takes_nothing_for_days_is_disabled_and_the_lead_is_told() {
    let app = app().await;
    let (gone, failing) = (Receiver::start(), Receiver::start());
    let (gone_path, _) = endpoint(&app, &gone, json!([])).await;
    let (failing_path, _) = endpoint(&app, &failing, json!([])).await;
    gone.now(Behaviour::Status(410));
    failing.now(Behaviour::Redirect("http://127.0.0.1:9/".into()));
    make::sent(&app.partner()).await;
    pass(&app).await;
    let shown = app.admin().get(&gone_path).await.expect(200).body;
    assert_eq!((&shown["enabled"], &shown["disabled_reason"]), (&json!(false), &json!("endpoint_gone")));
    assert_eq!(deliveries(&app, &gone_path).await, ["referral.received failed 1 webhook_gone"]);
    assert_eq!(deliveries(&app, &failing_path).await, ["referral.received pending 1 webhook_redirected"]);
    let alerts = || async { app.admin().get("/v1/alerts").await.expect(200).body["data"].as_array().unwrap().clone() };
    let told = alerts().await;
    let about: Vec<_> = told.iter().filter(|alert| alert["kind"] == "webhook_disabled").collect();
    assert_eq!((about.len(), &about[0]["member_id"]), (1, &json!(app.site.admin)), "the site lead");

    // A failure of the next days, at another event each.
    for _ in 0..2 {
        app.clock.advance(chrono::Duration::hours(35));
        make::sent(&app.partner()).await;
        pass(&app).await;
    }
    assert_eq!(app.admin().get(&failing_path).await.body["enabled"], json!(true));
    app.clock.advance(chrono::Duration::hours(3));
    pass(&app).await;
    let shown = app.admin().get(&failing_path).await.expect(200).body;
    assert_eq!(shown["disabled_reason"], json!("failing"));
    assert_eq!(alerts().await.iter().filter(|alert| alert["kind"] == "webhook_disabled").count(), 2);

    // Once it is enabled again it gets what waits and what happened meanwhile.
    make::sent(&app.partner()).await;
    let came = failing.messages().len();
    failing.now(Behaviour::Status(204));
    assert_eq!(pass(&app).await, 0);
    assert_eq!(failing.messages().len(), came);
    let enabled = change(&app, &failing_path, &json!({"enabled": true})).await.body;
    assert_eq!((&enabled["disabled_at"], &enabled["disabled_reason"]), (&json!(null), &json!(null)));
    app.clock.advance(chrono::Duration::hours(12));
    pass(&app).await;
    assert!(
        deliveries(&app, &failing_path).await.iter().all(|one| one.contains(" delivered ")),
        "{:?}",
        deliveries(&app, &failing_path).await
    );
}

#[actix_web::test]
async fn what_is_switched_off_gets_nothing_and_then_everything() {
    let app = app().await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&app, &receiver, json!(["referral.received"])).await;
    let off = change(&app, &path, &json!({"enabled": false})).await.body;
    assert_eq!(off["disabled_reason"], "switched_off");
    make::sent(&app.partner()).await;
    make::sent(&app.partner()).await;
    assert_eq!((pass(&app).await, receiver.messages().len()), (0, 0));
    change(&app, &path, &json!({"enabled": true})).await;
    pass(&app).await;
    assert_eq!(receiver.messages().len(), 2);
    app.admin().delete(&path, "*").await.expect(204);
    make::sent(&app.partner()).await;
    assert_eq!(pass(&app).await, 0);
    app.admin().get(&path).await.expect_problem(404, "not_found");
    assert_eq!(app.db.count("SELECT count(*) AS count FROM webhook_deliveries"), 0);
}

#[actix_web::test]
async fn secrets_overlap_while_one_is_rotated_and_a_test_message_tells_at_once() {
    let app = app().await;
    let receiver = Receiver::start();
    let (path, first) = endpoint(&app, &receiver, json!([])).await;
    let rotated = app.admin().post_on(&format!("{path}/rotate-secret"), "*", &json!({"overlap_hours": 2})).await.expect(200);
    let second = rotated.body["secret"].as_str().unwrap().to_owned();
    app.admin().post_on(&format!("{path}/rotate-secret"), "*", &json!({})).await.expect_problem(409, "rotation_in_progress");
    let test = || async { app.admin().post_without_body(&format!("{path}/tests")).await.expect(201).body };
    assert_eq!(test().await, json!({"delivered": true, "error": null}));
    let message = receiver.messages().pop().unwrap();
    assert_eq!(message.body["type"], "webhook.test");
    assert!(message.is_signed_with(&first) && message.is_signed_with(&second));
    app.clock.advance(chrono::Duration::hours(3));
    test().await;
    let message = receiver.messages().pop().unwrap();
    assert!(!message.is_signed_with(&first) && message.is_signed_with(&second));
    receiver.now(Behaviour::Status(403));
    assert_eq!(test().await, json!({"delivered": false, "error": "webhook_refused"}));
    assert_eq!(deliveries(&app, &path).await, Vec::<String>::new(), "a test is no delivery");
}

#[actix_web::test]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    let app = app().await;
    let (hangs, works) = (Receiver::start(), Receiver::start());
    endpoint(&app, &hangs, json!([])).await;
    endpoint(&app, &works, json!([])).await;
    hangs.now(Behaviour::Slow(Duration::from_secs(20)));
    for _ in 0..30 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    let begun = Instant::now();
    webhook_delivery::round(&app.state).await.unwrap();
    while works.messages().len() < 30 {
        assert!(begun.elapsed() < Duration::from_secs(5), "{} of 30", works.messages().len());
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(hangs.messages().len() <= 8, "as many as are in flight");
}

#[actix_web::test]
async fn addresses_are_checked_kinds_are_closed_and_a_test_key_hears_of_test_referrals_alone() {
    let app = app().await;
    for (url, code) in [
        ("http://8.8.8.8/x", "address_not_allowed"),
        ("https://169.254.169.254/x", "address_not_allowed"),
        ("https://user:pass@crm.site.example/x", "bad_format"),
    ] {
        let refused = app.admin().post(PATH, &json!({"url": url})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/url {code}")], "{url}");
    }
    app.sequence().await;
    let receiver = Receiver::start();
    let unknown = json!({"url": receiver.url(), "event_types": ["referral.imagined"]});
    app.admin().post(PATH, &unknown).await.expect_problem(422, "invalid_body");

    use handoff::domain::vocabulary::Scope;
    use handoff::ops::issue_key::Holder;
    let key = |scope, is_test| make::db_key(&app.db, &app.site, &Holder::Site(vec![scope]), is_test);
    let (live, test) = (app.person(&key(Scope::WebhooksManage, false)), app.person(&key(Scope::WebhooksManage, true)));
    let made = live.post(PATH, &json!({"url": receiver.url()})).await.expect(201);
    let own = format!("{PATH}/{}", made.id());
    test.get(&own).await.expect_problem(404, "not_found");
    let of_test = test.post(PATH, &json!({"url": receiver.url()})).await.expect(201);
    live.get(&format!("{PATH}/{}", of_test.id())).await.expect_problem(404, "not_found");
    assert_eq!(test.get(PATH).await.body["data"].as_array().unwrap().len(), 1);
    app.person(&key(Scope::EventsRead, false)).get(PATH).await.expect_problem(403, "insufficient_scope");
    make::sent(&app.partner()).await;
    pass(&app).await;
    assert_eq!(receiver.messages().len(), 1, "a live referral, to the live endpoint");
    // No more than twenty.
    for _ in 0..18 {
        app.admin().post(PATH, &json!({"url": receiver.url()})).await.expect(201);
    }
    app.admin().post(PATH, &json!({"url": receiver.url()})).await.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn what_went_with_its_month_before_it_was_sent_is_sent_no_more_and_holds_nothing_up() {
    let app = app().await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&app, &receiver, json!([])).await;
    for _ in 0..2 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    let context = Context::of_system(operator_scope(app.site.id), app.clock.now());
    app.state.db.transact(context.scope, app.state.deadline(), move |conn| fan_out_events::run(conn, &context)).await.unwrap();
    let first = "DELETE FROM events WHERE id = (SELECT event_id FROM webhook_deliveries ORDER BY position LIMIT 1)";
    diesel::sql_query(first).execute(&mut app.db.superuser()).unwrap();
    assert_eq!(pass(&app).await, 1);
    assert_eq!(deliveries(&app, &path).await, ["referral.received delivered 1 -"]);
}

#[actix_web::test]
async fn what_was_being_sent_when_its_server_died_is_sent_again_and_what_ended_is_forgotten_after_thirty_days() {
    let app = app().await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&app, &receiver, json!([])).await;
    make::sent(&app.partner()).await;
    pass(&app).await;
    make::sent(&app.partner()).await;
    // Taken by a server that never says what came of it.
    app.sequence().await;
    let context = Context::of_system(operator_scope(app.site.id), app.clock.now());
    let id: WebhookEndpointId = path.rsplit('/').next().unwrap().parse().unwrap();
    app.state
        .db
        .transact(context.scope, app.state.deadline(), {
            let context = context.clone();
            move |conn| {
                fan_out_events::run(conn, &context)?;
                lease_webhook_deliveries::run(conn, &context, id, 8).map(drop)
            }
        })
        .await
        .unwrap();
    assert_eq!(pass(&app).await, 0, "it is held");
    app.clock.advance(chrono::Duration::seconds(59));
    assert_eq!(pass(&app).await, 0);
    app.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(pass(&app).await, 1);
    let delivered = ["referral.received delivered 2 -", "referral.received delivered 1 -"];
    assert_eq!(deliveries(&app, &path).await, delivered);

    app.clock.advance(chrono::Duration::days(30) - chrono::Duration::seconds(30));
    pass(&app).await;
    assert_eq!(deliveries(&app, &path).await, delivered[..1], "the first one ended a minute before the second");
    app.clock.advance(chrono::Duration::minutes(1));
    pass(&app).await;
    assert_eq!(deliveries(&app, &path).await, Vec::<String>::new());
    assert_eq!(
        feed(&app.admin()).await.iter().filter(|event| event["type"] == "referral.received").count(),
        2,
        "the feed keeps them"
    );
}
