//! A person who is erased: what recognises them goes, what was counted stays, and a restore does not bring them back.

use diesel::connection::SimpleConnection as _;
use handoff::jobs::erasures;
use serde_json::{Value, json};

use crate::contact_withdrawals::{go, refer, state, withdraw};
use crate::sealed_details::process;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person};
use crate::support::{App, make};
use crate::tenancy::texts;

/// The place of a file of erasures, gone with the test.
struct Place(&'static str);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("handoff-erasures-{}.ndjson", uuid::Uuid::now_v7()));
        Self(Box::leak(path.to_str().unwrap().to_owned().into_boxed_str()))
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.0).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

async fn erase(person: &Person, details: Value) -> Answer {
    person.post("/v1/erasures", &json!({"match": details})).await
}

fn erased(answer: &Answer) -> Vec<String> {
    serde_json::from_value(answer.body["erased_referrals"].clone()).unwrap()
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids = ids.map(String::clone).to_vec();
    ids.sort();
    ids
}

const DIGESTS: &str = "SELECT count(*) FROM referral_digests";
const SEALED: &str = "SELECT count(*) FROM sealed_details";
const CLOSED: &str = "closed person_requested_no_contact";

#[actix_web::test]
async fn nothing_that_leads_to_the_person_stays_and_every_count_does() {
    let app = App::start().await;
    let ana = json!({"email": "ana@mail.example", "phone": "(415) 555-2671"});
    let open = refer(&app.partner(), ana.clone()).await.expect(201).id();
    let ended = refer(&app.sibling_partner(), json!({"phone": "+1 415 555 2671"})).await.expect(201).id();
    go(&app, &ended, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    // Merged with hers, and known by another address alone: it is hers.
    let alias = refer(&app.partner(), json!({"email": "a.second@mail.example"})).await.expect(201).id();
    let pair = json!({"referral_ids": [open, alias]});
    let review = app.coordinator().post("/v1/duplicate-reviews", &pair).await.expect(201);
    let same = json!({"resolution": "same", "keep": open});
    app.coordinator().post_on(&format!("/v1/duplicate-reviews/{}/resolve", review.id()), "*", &same).await.expect(200);
    let other = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.expect(201).id();
    refer(&app.person(&app.other_site.partner.key), ana.clone()).await.expect(201);
    let (referrals, before) = (app.db.count("SELECT count(*) FROM referrals"), app.db.count(DIGESTS));
    assert_eq!(before, 7, "two of hers, one by phone, one by the other address, Bo's, and two at the other site");

    let done = erase(&app.admin(), json!({"phone": "415.555.2671"})).await.expect(201);
    assert_eq!(erased(&done), sorted([&open, &ended, &alias]));
    assert_eq!((done.header("location"), done.header("etag")), (None, None), "it cannot be read again");
    assert_eq!(app.db.count(DIGESTS), 3, "Bo's, and the other site's");
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), referrals, "what was counted stays counted");
    assert_eq!(state(&app, &open).await, CLOSED);
    assert_eq!(state(&app, &ended).await, "closed wrong_study");
    assert_eq!(state(&app, &other).await, "received");

    // Whoever comes with one of her details, also one that was not named, is held; nobody is matched with what was erased.
    for details in
        [json!({"email": "ana@mail.example"}), json!({"email": "a.second@mail.example"}), json!({"phone": "4155552671"})]
    {
        let again = refer(&app.partner(), details).await.expect(201).id();
        assert_eq!(state(&app, &again).await, "quarantined contact_withdrawn");
    }
    // Said again it erases what has come in since.
    let again = erase(&app.admin(), ana).await.expect(201);
    assert_eq!(erased(&again).len(), 2, "by the named details: the third is known by the other address alone");
    let nobody = erase(&app.admin(), json!({"email": "nobody@mail.example"})).await.expect(201);
    assert_eq!(erased(&nobody), Vec::<String>::new());

    let mut conn = app.db.superuser();
    let told = texts(
        &mut conn,
        &format!(
            "SELECT subject_id::text AS text FROM events WHERE event_type = 'referral.erased' AND subject_id IN ('{open}', '{ended}', '{alias}') ORDER BY 1"
        ),
    );
    assert_eq!(told, sorted([&open, &ended, &alias]), "each once");
}

#[actix_web::test]
async fn sealed_details_go_too_and_the_audit_trail_says_what_without_a_value() {
    let app = App::start().await;
    process(&app, &["age_band"]).await;
    let body = json!({"details": {"age_band": "from_65_to_79"}, "match": {"email": "ana@mail.example"}});
    let id = app.partner().post("/v1/referrals", &make::referral_with(body)).await.expect(201).id();
    assert_eq!(app.db.count(SEALED), 1);
    let done = erase(&app.admin(), json!({"email": "ANA@mail.example"})).await.expect(201);
    assert_eq!(erased(&done), [id]);
    assert_eq!((app.db.count(SEALED), app.db.count(DIGESTS)), (0, 0));
    let entries = texts(
        &mut app.db.superuser(),
        "SELECT subject_kind || ' ' || coalesce(before, '') || coalesce(after, '') AS text
           FROM audit_entries WHERE operation = 'create_erasure' ORDER BY 1",
    );
    assert!(entries.iter().any(|entry| entry.starts_with("erasure ") && entry.contains("email")), "{entries:?}");
    assert!(entries.iter().any(|entry| entry.contains("sealed_details")), "{entries:?}");
    assert!(!entries.iter().any(|entry| entry.contains("mail.example")), "{entries:?}");
}

#[actix_web::test]
async fn a_restored_backup_is_erased_again_by_the_file_alone() {
    let place = Place::new();
    let app = App::start_with(Setup { erasures: Some(place.0), ..Setup::default() }).await;
    let id = refer(&app.partner(), json!({"email": "ana@mail.example", "phone": "+1 415 555 2671"})).await.expect(201).id();
    let bo = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.expect(201).id();
    let mut owner = app.db.superuser();
    owner
        .batch_execute("CREATE TABLE backup_digests AS TABLE referral_digests; CREATE TABLE backup_referrals AS TABLE referrals")
        .unwrap();
    erase(&app.admin(), json!({"email": "ana@mail.example"})).await.expect(201);
    assert_eq!(erasures::pass(&app.state).await.unwrap(), 0, "it is written down, and nothing is done again");
    assert_eq!(place.lines().len(), 2, "her address and her number");
    let text = std::fs::read_to_string(place.0).unwrap();
    assert!(!text.contains(&id) && !text.contains("mail.example") && !text.contains("415"), "no line leads to her: {text}");
    assert_eq!(erasures::pass(&app.state).await.unwrap(), 0);
    assert_eq!(place.lines().len(), 2, "once");

    // An older backup comes back: she is in it, and nothing says that she was erased.
    let restore = "DELETE FROM erased_digests; DELETE FROM contact_withdrawals; DELETE FROM referral_digests;
        INSERT INTO referral_digests SELECT * FROM backup_digests;
        UPDATE referrals r SET status = b.status, close_reason = b.close_reason, closed_at = b.closed_at, next_action = b.next_action,
            next_action_due_at = b.next_action_due_at FROM backup_referrals b WHERE b.id = r.id";
    owner.batch_execute(restore).unwrap();
    assert_eq!(app.db.count(DIGESTS), 3);
    // The control: a server without the file lets it be.
    let without = app.state_beside();
    assert_eq!(erasures::pass(&without).await.unwrap(), 0);
    assert_eq!((app.db.count(DIGESTS), state(&app, &id).await), (3, "received".to_owned()));

    // A server that starts anew reads the file.
    let started = app.state_with(Setup { erasures: Some(place.0), ..Setup::default() });
    assert_eq!(erasures::pass(&started).await.unwrap(), 2, "her address and her number");
    assert_eq!(app.db.count(DIGESTS), 1, "Bo's");
    assert_eq!((state(&app, &id).await.as_str(), state(&app, &bo).await.as_str()), (CLOSED, "received"));
    let again = refer(&app.partner(), json!({"phone": "+1 415 555 2671"})).await.expect(201).id();
    assert_eq!(state(&app, &again).await, "quarantined contact_withdrawn");
    assert_eq!(erasures::pass(&started).await.unwrap(), 0, "once is enough");
    assert_eq!(place.lines().len(), 2);
}

#[actix_web::test]
async fn a_line_that_broke_off_is_written_again_and_what_is_no_line_counts_for_nothing() {
    let place = Place::new();
    let app = App::start_with(Setup { erasures: Some(place.0), ..Setup::default() }).await;
    std::fs::write(place.0, "{\"site_id\": \"\n{\"site_id\":\"0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48\",\"kind\":\"email\",\"digest\":\"00\",\"key_id\":null}\nwords")
        .unwrap();
    refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201);
    erase(&app.admin(), json!({"email": "ana@mail.example"})).await.expect(201);
    assert_eq!(erasures::pass(&app.state).await.unwrap(), 0);
    assert_eq!(place.lines().last().unwrap()["kind"], "email");
    let started = app.state_with(Setup { erasures: Some(place.0), ..Setup::default() });
    assert_eq!(erasures::pass(&started).await.unwrap(), 0, "file and database agree");
}

#[actix_web::test]
async fn a_digest_whose_key_has_a_name_in_one_place_alone_is_the_same_digest() {
    let place = Place::new();
    let app = App::start_with(Setup { erasures: Some(place.0), ..Setup::default() }).await;
    erase(&app.admin(), json!({"email": "ana@mail.example"})).await.expect(201);
    assert_eq!(erasures::pass(&app.state).await.unwrap(), 0);
    let mut lines = place.lines();
    assert!(lines[0]["key_id"].is_string());
    lines[0]["key_id"] = Value::Null;
    std::fs::write(place.0, lines[0].to_string()).unwrap();
    let started = app.state_with(Setup { erasures: Some(place.0), ..Setup::default() });
    assert_eq!(erasures::pass(&started).await.unwrap(), 0, "there is nothing to do again, now or at any pass");
    assert_eq!(place.lines().len(), 1, "and nothing to write");
}

#[actix_web::test]
async fn many_are_erased_again_a_few_at_a_time() {
    let place = Place::new();
    let app = App::start_with(Setup { erasures: Some(place.0), ..Setup::default() }).await;
    let line =
        |number: usize| json!({"site_id": app.site.id, "kind": "phone", "digest": format!("{number:064x}"), "key_id": null});
    let lines: Vec<String> = (0..450).map(|number| line(number).to_string()).collect();
    std::fs::write(place.0, lines.join("\n")).unwrap();
    assert_eq!(erasures::pass(&app.state).await.unwrap(), 450);
    assert_eq!(app.db.count("SELECT count(*) FROM erased_digests"), 450);
    assert_eq!(app.db.count("SELECT count(*) FROM contact_withdrawals"), 450);
    assert_eq!((erasures::pass(&app.state).await.unwrap(), place.lines().len()), (0, 450));
}

#[actix_web::test]
async fn erasing_and_referring_the_same_person_at_once_leaves_nothing_unheld() {
    let app = App::start().await;
    for round in 0..10 {
        let details = json!({"email": format!("ana{round}@mail.example")});
        let (partner, admin, same) = (app.partner(), app.admin(), details.clone());
        let sending = actix_web::rt::spawn(async move { refer(&partner, same).await });
        let done = erase(&admin, details).await.expect(201);
        let id = sending.await.unwrap().expect(201).id();
        let is = state(&app, &id).await;
        if erased(&done).contains(&id) {
            assert_eq!(is, CLOSED);
        } else {
            assert_eq!(is, "quarantined contact_withdrawn");
        }
    }
    assert_eq!(app.db.count("SELECT count(*) FROM erased_digests"), 10);
}

#[actix_web::test]
async fn details_that_are_none_are_refused_and_nothing_is_erased() {
    let app = App::start().await;
    let id = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    for body in [
        json!({}),
        json!({"match": {}}),
        json!({"match": {"phone": "555"}}),
        json!({"match": {"email": "ana@mail.example", "phone": "x"}}),
    ] {
        let refused = app.admin().post("/v1/erasures", &body).await.expect_problem(422, "invalid_body");
        assert!(!refused.text.contains("555") && !refused.text.contains("ana@"), "{}", refused.text);
    }
    withdraw(&app.coordinator(), json!({"email": "bo@mail.example"})).await.expect(201);
    erase(&app.coordinator(), json!({"email": "ana@mail.example"})).await.expect_problem(403, "forbidden");
    erase(&app.partner(), json!({"email": "ana@mail.example"})).await.expect_problem(403, "forbidden");
    assert_eq!(state(&app, &id).await, "received");
    assert_eq!(app.db.count(DIGESTS), 1);
}
