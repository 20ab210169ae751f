//! A retry is not a duplicate (QUALITY.md R2).

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::jobs::housekeeping;
use handoff::ops::issue_key::Holder;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, fresh_key, send, together};
use crate::support::{App, make};

const REFERRALS: &str = "SELECT count(*) FROM referrals";
const KEYS: &str = "SELECT count(*) FROM idempotency_keys";

async fn create(person: &Person, key: &str, body: &Value) -> Answer {
    person.post_with_key("/v1/referrals", key, body).await
}

/// Sends until the key is no longer in flight, as a client would: after `Retry-After` (shortened), with the same key.
async fn create_with_patience(person: Person, key: String, body: Value) -> Answer {
    for _ in 0..200 {
        let answer = create(&person, &key, &body).await;
        if answer.status != 409 {
            return answer;
        }
        let refused = answer.expect_problem(409, "idempotency_in_flight");
        assert_eq!(refused.header("retry-after"), Some("1"));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the key is in flight for ever");
}

#[track_caller]
fn assert_same(first: &Answer, second: &Answer) {
    assert_eq!((first.status, &first.text), (second.status, &second.text));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), second.header(header), "{header}");
    }
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
}

#[actix_web::test]
async fn a_retry_answers_the_first_answer_byte_for_byte_and_creates_nothing() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let body = make::referral_with(json!({"partner_reference": "LC-1", "match": {"email": "person@mail.example"}}));
    let first = create(&partner, &key, &body).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_same(&first, &create(&partner, &key, &body).await);

    // The same body in another order and with other white space is the same body.
    let reordered = r#" {"match" : {"email":"person@mail.example"}, "contact_path":"person_uses_intake",
        "partner_reference":"LC-1", "contact_basis":"permission_to_contact","channel":"secure_form", "study":"heart-2026" } "#;
    let request = partner.request(Method::POST, "/v1/referrals").header("Idempotency-Key", &key);
    assert_same(&first, &send(request.header("Content-Type", "application/json").body(reordered)).await);

    // The first answer it remains, whatever has happened to the referral since.
    let path = format!("/v1/referrals/{}/transitions", first.id());
    app.coordinator().post_on(&path, "*", &json!({"to": "closed", "reason": "wrong_site"})).await.expect(200);
    assert_same(&first, &create(&partner, &key, &body).await);
    assert_eq!((app.db.count(REFERRALS), app.db.count(KEYS)), (1, 1));
}

#[actix_web::test]
async fn fresh_keys_do_duplicate() {
    let app = App::start().await;
    let partner = app.partner();
    together((0..8).map(|_| {
        let partner = partner.clone();
        async move { create(&partner, &fresh_key(), &make::referral()).await.expect(201) }
    }))
    .await;
    assert_eq!(app.db.count(REFERRALS), 8, "the control: without its key, a retry is a duplicate");
}

#[actix_web::test]
async fn the_same_key_with_another_body_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let first = create(&partner, &key, &make::referral()).await.expect(201);
    for other in [
        json!({"partner_reference": "LC-2"}),
        json!({"channel": "self_referral"}),
        json!({"match": {"email": "person@mail.example"}}),
        // Not sent and sent as null are two intents.
        json!({"partner_reference": null}),
    ] {
        create(&partner, &key, &make::referral_with(other)).await.expect_problem(422, "idempotency_key_reused");
    }
    assert_same(&first, &create(&partner, &key, &make::referral()).await);
    assert_eq!(app.db.count(REFERRALS), 1);
}

#[actix_web::test]
async fn creating_a_referral_without_a_key_or_with_a_malformed_one_is_refused() {
    let app = App::start().await;
    let partner = app.partner();
    let request = || partner.request(Method::POST, "/v1/referrals").json(&make::referral());
    send(request()).await.expect_problem(400, "idempotency_key_required");
    let (long, over) = ("k".repeat(128), "k".repeat(129));
    for malformed in [
        "",
        " ",
        "short-7",
        over.as_str(),
        "has a space in it",
        "semi;colon-key",
        "slash/slash-key",
        "ключ-ключ-ключ",
        "key-\u{1F600}-key",
    ] {
        send(request().header("Idempotency-Key", malformed.as_bytes())).await.expect_problem(400, "idempotency_key_invalid");
    }
    let twice = request().header("Idempotency-Key", "twice-key-1").header("Idempotency-Key", "twice-key-1");
    send(twice).await.expect_problem(400, "idempotency_key_invalid");
    assert_eq!(app.db.count(REFERRALS), 0);
    for good in ["eight-ch", long.as_str(), "A.b_c:d-9", "\"as-the-draft-writes-it\""] {
        send(request().header("Idempotency-Key", good)).await.expect(201);
    }
    assert_eq!(app.db.count(REFERRALS), 4);
}

#[actix_web::test]
async fn sixty_four_at_once_with_one_key_make_one_referral_and_one_answer() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let body = make::referral_with(json!({"partner_reference": "LC-64"}));
    let answers = together((0..64).map(|_| create_with_patience(partner.clone(), key.clone(), body.clone()))).await;
    let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_some()).count();
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    println!("idempotency: {} at once with one key, {} rows, {replayed} replays", answers.len(), app.db.count(REFERRALS));
    assert_eq!((app.db.count(REFERRALS), replayed), (1, 63));
}

#[actix_web::test]
async fn two_servers_on_one_database_share_keys() {
    let app = App::start().await;
    let other = app.another_server();
    let (here, there, key) = (app.partner(), app.partner().at(other.address), fresh_key());
    let answers = together((0..32).map(|number| {
        let person = if number % 2 == 0 { here.clone() } else { there.clone() };
        create_with_patience(person, key.clone(), make::referral())
    }))
    .await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    assert_eq!(app.db.count(REFERRALS), 1);
    create(&there, &key, &make::referral_with(json!({"partner_reference": "x"})))
        .await
        .expect_problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn a_key_in_flight_answers_409_soon_and_leaves_other_callers_alone() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let first = create(&partner, &key, &make::referral()).await.expect(201);
    // Somebody holds the key: what a request under way in another process looks like.
    let mut holder = app.db.superuser();
    holder.batch_execute("BEGIN; SELECT * FROM idempotency_keys FOR UPDATE").unwrap();

    let begun = std::time::Instant::now();
    let storm = together((0..40).map(|_| {
        let (partner, key) = (partner.clone(), key.clone());
        async move { create(&partner, &key, &make::referral()).await }
    }));
    let sibling = app.sibling_partner();
    let bystander = async { make::sent(&sibling).await };
    let (refused, _) = tokio::join!(storm, bystander);
    for answer in refused {
        assert_eq!(answer.expect_problem(409, "idempotency_in_flight").header("retry-after"), Some("1"));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "a short wait, not a deadline");

    holder.batch_execute("ROLLBACK").unwrap();
    assert_same(&first, &create(&partner, &key, &make::referral()).await);
    assert_eq!(app.db.count(REFERRALS), 2);
}

#[actix_web::test]
async fn a_claim_that_was_never_committed_leaves_no_trace() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    create(&partner, &key, &make::referral()).await.expect(201);
    // Back to the moment before the commit: the claim is there, uncommitted, and then its server dies.
    let mut dying = app.db.superuser();
    dying
        .batch_execute(
            "CREATE TEMP TABLE claims AS SELECT * FROM idempotency_keys; UPDATE claims SET status = NULL, location = NULL, etag = NULL, body = NULL;
             DELETE FROM idempotency_keys; DELETE FROM referrals",
        )
        .unwrap();
    dying.batch_execute("BEGIN; INSERT INTO idempotency_keys SELECT * FROM claims").unwrap();
    create(&partner, &key, &make::referral()).await.expect_problem(409, "idempotency_in_flight");
    drop(dying);
    let made = create_with_patience(partner.clone(), key.clone(), make::referral()).await.expect(201);
    assert_eq!(made.header("idempotency-replayed"), None, "nothing was kept, so nothing is replayed");
    assert_same(&made, &create(&partner, &key, &make::referral()).await);
    assert_eq!(app.db.count(REFERRALS), 1);
}

#[actix_web::test]
async fn a_key_belongs_to_its_caller_and_its_operation() {
    let app = App::start().await;
    let key = fresh_key();
    let body = make::referral_of("lakeside");
    let own = create(&app.partner(), &key, &make::referral()).await.expect(201);
    let callers = [
        (app.sibling_partner(), make::referral()),
        (app.coordinator(), body.clone()),
        (app.admin(), body.clone()),
        (app.site_key(), body),
    ];
    for (caller, body) in &callers {
        let answer = create(caller, &key, body).await.expect(201);
        assert_eq!(answer.header("idempotency-replayed"), None);
        assert_same(&answer, &create(caller, &key, body).await);
    }
    assert_eq!(app.db.count(REFERRALS), 5);

    // The other site's partner of the same name is somebody else.
    let stranger = app.person(&app.other_site.partner.key);
    assert_eq!(create(&stranger, &key, &make::referral()).await.expect(201).header("idempotency-replayed"), None);

    // A partner's second key is the same caller: rotation breaks no retry.
    let second = make::db_key(&app.db, &app.site, &Holder::Partner("lakeside".parse().unwrap()), false);
    assert_same(&own, &create(&app.person(&second), &key, &make::referral()).await);

    // The same key for another operation, or on another resource, is another key.
    let coordinator = app.coordinator();
    let other = make::sent(&app.partner()).await;
    for id in [own.id(), other.id()] {
        let path = format!("/v1/referrals/{id}/transitions");
        let request = || {
            let request = coordinator.request(Method::POST, &path).header("Idempotency-Key", &key);
            request.header("If-Match", "\"1\"").json(&json!({"to": "acknowledged"}))
        };
        let moved = send(request()).await.expect(200);
        assert_eq!(moved.header("idempotency-replayed"), None);
        assert_same(&moved, &send(request()).await);
    }
}

#[actix_web::test]
async fn operations_that_accept_a_key_replay_too_and_need_none() {
    let app = App::start().await;
    let (admin, key) = (app.admin(), fresh_key());
    let study = json!({"code": "sleep-2026", "public_name": "Sleep Study", "short_description": "A study of sleep.", "protocol_code": "SLP-1"});
    let made = admin.post_with_key("/v1/studies", &key, &study).await.expect(201);
    assert_same(&made, &admin.post_with_key("/v1/studies", &key, &study).await);
    // Without the key the same request is a new one, and the code is taken.
    send(admin.request(Method::POST, "/v1/studies").json(&study)).await.expect_problem(409, "already_exists");

    let path = format!("/v1/routes/{}/pause", app.site.partner.route);
    let pause = || send(admin.request(Method::POST, &path).header("Idempotency-Key", &key).header("If-Match", "*"));
    let paused = pause().await.expect(200);
    assert_same(&paused, &pause().await);
}

#[actix_web::test]
async fn a_refusal_is_not_kept_and_may_be_corrected_under_the_same_key() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let mut unknown = make::referral();
    unknown["favourite_colour"] = json!("blue");
    create(&partner, &key, &unknown).await.expect_problem(422, "unknown_field");
    create(&partner, &key, &make::referral_with(json!({"study": "no-such-study"}))).await.expect_problem(422, "invalid_body");
    create(&partner, &key, &make::referral_with(json!({"channel": "pigeon"}))).await.expect_problem(422, "invalid_body");
    let route = format!("/v1/routes/{}", app.site.partner.route);
    app.admin().post_on(&format!("{route}/pause"), "*", &json!({})).await.expect(200);
    create(&partner, &key, &make::referral()).await.expect_problem(409, "route_not_launched");
    assert_eq!((app.db.count(KEYS), app.db.count(REFERRALS)), (0, 0));
    app.admin().post_on(&format!("{route}/resume"), "*", &json!({})).await.expect(200);
    let made = create(&partner, &key, &make::referral()).await.expect(201);
    assert_same(&made, &create(&partner, &key, &make::referral()).await);
    assert_eq!((app.db.count(KEYS), app.db.count(REFERRALS)), (1, 1));
}

#[actix_web::test]
async fn a_key_is_kept_for_24_hours_and_then_a_new_one() {
    let app = App::start().await;
    let (partner, key) = (app.partner(), fresh_key());
    let first = create(&partner, &key, &make::referral()).await.expect(201);
    app.clock.advance(Duration::hours(24));
    assert_same(&first, &create(&partner, &key, &make::referral()).await);
    app.clock.advance(Duration::seconds(1));
    // Taken over, also with another body, and kept for 24 hours of its own.
    let other = make::referral_with(json!({"partner_reference": "LC-later"}));
    let second = create(&partner, &key, &other).await.expect(201);
    assert_eq!(second.header("idempotency-replayed"), None);
    assert_ne!(first.id(), second.id());
    app.clock.advance(Duration::hours(23));
    assert_same(&second, &create(&partner, &key, &other).await);
    create(&partner, &key, &make::referral()).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!((app.db.count(KEYS), app.db.count(REFERRALS)), (1, 2));
}

#[actix_web::test]
async fn housekeeping_forgets_what_is_older_than_a_day_at_every_site() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    make::sent(&app.person(&app.other_site.partner.key)).await;
    app.clock.advance(Duration::hours(23));
    make::sent(&app.partner()).await;
    assert_eq!(housekeeping::pass(&app.state).await.unwrap(), 0, "the control: nothing is old yet");
    app.clock.advance(Duration::hours(2));
    assert_eq!(housekeeping::pass(&app.state).await.unwrap(), 2);
    assert_eq!((app.db.count(KEYS), app.db.count(REFERRALS)), (1, 3));
}

#[actix_web::test]
async fn nothing_of_a_key_or_a_body_is_kept_but_digests() {
    let app = App::start().await;
    let key = "secret-looking-key-4711";
    create(&app.partner(), key, &make::referral_with(json!({"match": {"email": "digest-me@mail.example"}}))).await.expect(201);
    let dump = app.db.dump();
    assert!(!dump.contains(key) && !dump.contains("digest-me"));
    assert!(dump.contains("create_referral"), "the control: the claim is in the dump");
}
