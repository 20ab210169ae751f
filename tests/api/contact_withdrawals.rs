//! A person who does not want to be contacted: what is open is closed, what comes later is held, and no partner sees a difference.

pub mod partners;
mod races;

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, fresh_key};
use crate::support::{App, make};

pub const WITHDRAWN: &str = "SELECT count(*) FROM contact_withdrawals";

/// A referral of whoever has these contact details.
pub async fn refer(person: &Person, details: Value) -> Answer {
    person.post("/v1/referrals", &make::referral_with(json!({"match": details}))).await
}

pub async fn withdraw(person: &Person, details: Value) -> Answer {
    person.post("/v1/contact-withdrawals", &json!({"match": details})).await
}

/// The site's view of a referral.
pub async fn seen(app: &App, id: &str) -> Value {
    app.coordinator().get(&format!("/v1/referrals/{id}")).await.expect(200).body
}

/// Status and, where there is one, the reason for it.
pub async fn state(app: &App, id: &str) -> String {
    let seen = seen(app, id).await;
    let reason = seen["close_reason"].as_str().or(seen["quarantine_reason"].as_str()).unwrap_or_default();
    format!("{} {reason}", seen["status"].as_str().unwrap()).trim().to_owned()
}

pub async fn go(app: &App, id: &str, body: Value) -> Answer {
    app.coordinator().post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await
}

/// The referrals that a withdrawal closed: by id, and so by age.
fn closed(withdrawn: &Answer) -> Vec<String> {
    serde_json::from_value(withdrawn.body["closed_referrals"].clone()).unwrap()
}

/// Ids of one moment are in no order of their making.
fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids = ids.map(String::clone).to_vec();
    ids.sort();
    ids
}

const CLOSED: &str = "closed person_requested_no_contact";
const HELD: &str = "quarantined contact_withdrawn";

#[actix_web::test]
async fn a_withdrawal_closes_what_is_open_of_the_person_and_holds_what_comes_later() {
    let app = App::start().await;
    let ana = json!({"email": "ana@mail.example", "phone": "(415) 555-2671"});
    let by_mail = refer(&app.partner(), ana.clone()).await.expect(201).id();
    let by_phone = refer(&app.sibling_partner(), json!({"phone": "+1 415 555 2671"})).await.expect(201).id();
    let on_hold = refer(&app.partner(), json!({"email": "ANA@mail.example"})).await.expect(201).id();
    go(&app, &on_hold, json!({"to": "on_hold", "blocker": "awaiting_person_reply"})).await.expect(200);
    let handed_off = refer(&app.partner(), ana.clone()).await.expect(201).id();
    go(&app, &handed_off, json!({"to": "connected"})).await.expect(200);
    go(&app, &handed_off, json!({"to": "handed_off"})).await.expect(200);
    let ended = refer(&app.partner(), ana.clone()).await.expect(201).id();
    go(&app, &ended, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    let other = refer(&app.partner(), json!({"email": "bo@mail.example", "phone": "+1 415 555 2389"})).await.expect(201).id();
    let unknown = make::sent(&app.partner()).await.id();

    let body = json!({"match": {"email": "Ana@Mail.Example", "phone": "415.555.2671"}, "received_at": "2026-06-01T08:00:00Z"});
    let done = app.coordinator().post("/v1/contact-withdrawals", &body).await.expect(201);
    assert_eq!(closed(&done), sorted([&by_mail, &by_phone, &on_hold, &handed_off]));
    let times = json!([done.body["received_at"], done.body["recorded_at"]]);
    assert_eq!(times, json!(["2026-06-01T08:00:00Z", "2026-06-01T09:00:00Z"]));
    assert_eq!((done.header("location"), done.header("etag")), (None, None), "it cannot be read again");
    for id in [&by_mail, &by_phone, &on_hold, &handed_off] {
        assert_eq!(state(&app, id).await, CLOSED);
    }
    let open = seen(&app, &other).await;
    assert_eq!((&open["status"], state(&app, &ended).await.as_str()), (&json!("received"), "closed wrong_study"));
    assert_eq!(state(&app, &unknown).await, "received");

    // Whoever sends the person again, in whatever spelling, and by either detail alone.
    for (person, details) in [
        (app.partner(), json!({"email": "ana@MAIL.example"})),
        (app.sibling_partner(), json!({"phone": "1-415-555-2671"})),
        (app.partner(), json!({"email": "new@mail.example", "phone": "+1 (415) 555-2671"})),
    ] {
        let held = refer(&person, details.clone()).await;
        assert_eq!(state(&app, &held.expect(201).id()).await, HELD, "{details}");
    }
    let by_site = make::referral_with(json!({"partner": "lakeside", "match": {"email": "ana@mail.example"}}));
    let by_site = app.coordinator().post("/v1/referrals", &by_site).await.expect(201);
    assert_eq!(by_site.body["quarantine_reason"], "contact_withdrawn");
    // The controls: somebody else, and a referral without contact details.
    let bo = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.expect(201).id();
    assert_eq!(state(&app, &bo).await, "received");
    assert_eq!(state(&app, &make::sent(&app.partner()).await.id()).await, "received");

    // A person decides.
    go(&app, &by_site.id(), json!({"to": "received"})).await.expect(200);
    assert_eq!(state(&app, &by_site.id()).await, "received");
    let again = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    assert_eq!(state(&app, &again).await, HELD, "permission stays withdrawn");
}

#[actix_web::test]
async fn said_twice_nothing_is_kept_twice_and_what_is_open_by_then_is_closed() {
    let app = App::start().await;
    let details = json!({"email": "ana@mail.example", "phone": "+1 415 555 2671"});
    let first = withdraw(&app.site_key(), details.clone()).await.expect(201);
    assert_eq!((first.body["closed_referrals"].clone(), app.db.count(WITHDRAWN)), (json!([]), 2));
    let held = refer(&app.partner(), details.clone()).await.expect(201).id();
    app.clock.advance(Duration::hours(30));
    let second = withdraw(&app.admin(), details.clone()).await.expect(201);
    assert_eq!((second.body["closed_referrals"].clone(), app.db.count(WITHDRAWN)), (json!([held]), 2));
    assert_ne!(first.id(), second.id());
    assert_eq!(
        app.db.count(&format!("{WITHDRAWN} WHERE recorded_at = '2026-06-01T00:00:00Z'")),
        2,
        "the first withdrawal stands, by its day: its time would lead to the referrals that it closed"
    );
    // Under one idempotency key it is one withdrawal, with one answer.
    let (key, body) = (fresh_key(), json!({"match": {"email": "bo@mail.example"}}));
    let once = app.site_key().post_with_key("/v1/contact-withdrawals", &key, &body).await.expect(201);
    let again = app.site_key().post_with_key("/v1/contact-withdrawals", &key, &body).await.expect(201);
    assert_eq!((once.text, again.header("idempotency-replayed")), (again.text.clone(), Some("true")));
    let other = json!({"match": {"email": "bea@mail.example"}});
    let reused = app.site_key().post_with_key("/v1/contact-withdrawals", &key, &other).await;
    reused.expect_problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn closing_a_referral_for_it_withdraws_its_details_and_a_reopen_does_not_give_them_back() {
    let app = App::start().await;
    let details = json!({"email": "ana@mail.example", "phone": "+1 415 555 2671"});
    let (one, two) = (refer(&app.partner(), details.clone()).await.id(), refer(&app.sibling_partner(), details).await.id());
    let close = json!({"to": "closed", "reason": "person_requested_no_contact"});
    go(&app, &one, close.clone()).await.expect(200);
    assert_eq!(app.db.count(WITHDRAWN), 2);
    assert_eq!(state(&app, &two).await, "received", "what is open elsewhere is closed by a withdrawal with the details");
    for details in [json!({"email": "ana@mail.example"}), json!({"phone": "415 555 2671"})] {
        assert_eq!(state(&app, &refer(&app.partner(), details).await.id()).await, HELD);
    }
    go(&app, &one, json!({"to": "received", "reason": "person_returned"})).await.expect(200);
    let later = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    assert_eq!(state(&app, &later).await, HELD);
    // Closed again: nothing new. For another reason, or without contact details: nothing at all.
    go(&app, &one, close.clone()).await.expect(200);
    let bo = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.id();
    go(&app, &bo, json!({"to": "closed", "reason": "no_longer_interested"})).await.expect(200);
    go(&app, &make::sent(&app.partner()).await.id(), close).await.expect(200);
    assert_eq!(app.db.count(WITHDRAWN), 2);
    let told = "SELECT count(*) FROM audit_entries WHERE subject_kind = 'contact_withdrawal'";
    assert_eq!(app.db.count(told), 1);
}

#[actix_web::test]
async fn what_was_done_is_in_the_trail_and_the_feed_and_who_it_was_about_is_nowhere() {
    let app = App::start().await;
    let details = json!({"email": "Quendolin.Trauervogel@mail.example", "phone": "+1 415 555 2389"});
    let sent = refer(&app.partner(), details.clone()).await.expect(201);
    let done = withdraw(&app.coordinator(), details.clone()).await.expect(201);
    let held = refer(&app.partner(), details).await.expect(201);
    let entries = format!(
        "SELECT count(*) FROM audit_entries WHERE operation = 'create_contact_withdrawal' AND actor_id = '{}' AND
         (subject_id, reason, subject_kind) IN (('{}', NULL, 'contact_withdrawal'), ('{}', 'person_requested_no_contact', 'referral'))",
        app.site.coordinator,
        done.id(),
        sent.id()
    );
    assert_eq!(app.db.count(&entries), 1, "NULL equals nothing: the referral's entry");
    let facts = "SELECT count(*) FROM audit_entries WHERE subject_kind = 'contact_withdrawal' AND before IS NULL
        AND after = '{\"is_test\":false,\"kinds\":[\"email\",\"phone\"],\"received_at\":\"2026-06-01T09:00:00.000000Z\"}'";
    assert_eq!(app.db.count(facts), 1);
    let event =
        format!("SELECT count(*) FROM events WHERE event_type = 'referral.transitioned' AND subject_id = '{}'", sent.id());
    assert_eq!(app.db.count(&event), 1);
    let everything =
        [app.db.dump(), sent.text.clone(), done.text.clone(), held.text.clone(), crate::support::log::lines().join("\n")];
    let everything = everything.join("\n").to_lowercase();
    for trace in ["trauervogel", "quendolin", "4155552389", "5552389", "555-2389", "555 2389"] {
        assert!(!crate::support::traces::holds(&everything, trace), "{trace}");
    }
    assert!(everything.contains(&sent.id()), "the control: what is kept is found");
    // No row of a withdrawal names a referral.
    let rows = app.db.count(&format!("{WITHDRAWN} w WHERE w::text LIKE '%{}%' OR w::text LIKE '%{}%'", sent.id(), held.id()));
    assert_eq!((rows, app.db.count(WITHDRAWN)), (0, 2));
}

#[actix_web::test]
async fn a_body_that_names_nobody_is_refused_at_its_place_and_keeps_nothing() {
    let app = App::start().await;
    for (body, faults) in [
        (json!({}), &["/match missing_field"][..]),
        (json!({"match": null}), &["/match null_not_allowed"]),
        (json!({"match": {}}), &["/match inconsistent"]),
        (json!({"match": {"email": null, "phone": null}}), &["/match inconsistent"]),
        (json!({"match": {"email": "nobody", "phone": "call me"}}), &["/match/email bad_format", "/match/phone bad_format"]),
        (json!({"match": {"email": "a@mail.example"}, "received_at": "2026-06-01T09:30:00Z"}), &["/received_at out_of_range"]),
        (json!({"match": {"email": "a@mail.example"}, "received_at": "1957-03-02T00:00:00Z"}), &["/received_at out_of_range"]),
    ] {
        let refused = app.site_key().post("/v1/contact-withdrawals", &body).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), faults, "{body}");
    }
    for person in [app.partner(), app.viewer(), app.person(&app.site.narrow_key)] {
        withdraw(&person, json!({"email": "a@mail.example"})).await.expect(403);
    }
    assert_eq!(app.db.count(WITHDRAWN), 0);
}

#[actix_web::test]
async fn sites_do_not_share_who_withdrew() {
    let app = App::start().await;
    let details = json!({"email": "ana@mail.example", "phone": "+1 415 555 2671"});
    let here = refer(&app.partner(), details.clone()).await.expect(201).id();
    let away = app.member(&app.other_site, app.other_site.admin);
    let done = withdraw(&away, details.clone()).await.expect(201);
    assert_eq!(done.body["closed_referrals"], json!([]));
    let later = refer(&app.partner(), details.clone()).await.expect(201).id();
    assert_eq!((state(&app, &here).await, state(&app, &later).await), ("received".into(), "received".into()));
    // The control: at its own site the same withdrawal holds.
    let held = refer(&app.person(&app.other_site.partner.key), details).await.expect(201).id();
    assert_eq!(away.get(&format!("/v1/referrals/{held}")).await.expect(200).body["status"], "quarantined");
    // And not by the keys of the sites alone: the same digest at another site is out of reach.
    app.db
        .superuser()
        .batch_execute(&format!(
            "UPDATE contact_withdrawals w SET digest = d.digest FROM referral_digests d WHERE d.referral_id = '{here}' AND d.kind = w.kind"
        ))
        .unwrap();
    let later = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    assert_eq!(state(&app, &later).await, "received");
}

#[actix_web::test]
async fn a_test_keys_withdrawal_is_about_test_referrals_alone() {
    let app = App::start().await;
    let scopes = || Holder::Site(vec![Scope::ReferralsRead, Scope::ReferralsWrite]);
    let tester = app.person(&make::db_key(&app.db, &app.site, &scopes(), true));
    let details = json!({"email": "ana@mail.example"});
    let live = refer(&app.partner(), details.clone()).await.expect(201).id();
    let test = make::db_test_twin(&app.db, &live);
    app.db
        .superuser()
        .batch_execute(&format!(
            "INSERT INTO referral_digests SELECT site_id, '{test}', partner_id, kind, digest, key_id FROM referral_digests"
        ))
        .unwrap();
    let done = withdraw(&tester, details.clone()).await.expect(201);
    assert_eq!((done.body["closed_referrals"].clone(), state(&app, &live).await), (json!([test]), "received".into()));
    let later = refer(&app.partner(), details.clone()).await.expect(201).id();
    assert_eq!(state(&app, &later).await, "received", "a test holds nobody who is real");
    let done = withdraw(&app.site_key(), details).await.expect(201);
    assert_eq!(done.body["closed_referrals"], json!(sorted([&live, &later])));
    assert_eq!(app.db.count(WITHDRAWN), 2, "one of the test, one that counts");
}
