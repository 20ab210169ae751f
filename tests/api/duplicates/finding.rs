//! Which pairs are found, on which grounds, and what happens to the newer record.

use diesel::connection::SimpleConnection as _;
use handoff::privacy::keys::MasterKey;
use serde_json::json;

use super::{find, in_order, pair, resolve, review, reviews, waits};
use crate::contact_withdrawals::{refer, state};
use crate::support::onboard;
use crate::support::{App, make};
use crate::tenancy::texts;

const ALERTS: &str = "SELECT count(*) FROM alerts WHERE kind = 'referral_received'";

#[actix_web::test]
async fn two_partners_send_one_person_and_the_newer_referral_waits_for_the_review() {
    let app = App::start().await;
    let first = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    app.clock.advance(chrono::Duration::hours(1));
    let second =
        refer(&app.sibling_partner(), json!({"email": "Ana@Mail.Example", "phone": "+1 415 555 2671"})).await.expect(201).id();
    let stranger = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.expect(201).id();
    let without = make::sent(&app.partner()).await.id();
    let queued = "SELECT count(*) FROM match_results WHERE matched_at IS NULL AND candidates IS NULL";
    assert_eq!(app.db.count(queued), 4, "a row for each, whatever is known");
    assert_eq!(reviews(&app, "open").await.len(), 0, "nothing is looked at in a request");

    assert_eq!((find(&app).await, find(&app).await), (4, 0));
    let found = review(&app).await;
    assert_eq!(found["grounds"], json!(["email"]));
    assert_eq!(
        [found["referrals"][0]["id"].as_str().unwrap(), found["referrals"][1]["id"].as_str().unwrap()],
        [&*first, &*second]
    );
    assert_eq!((&found["referrals"][0]["partner"], &found["referrals"][1]["partner"]), (&json!("lakeside"), &json!("voices")));
    assert_eq!(waits(&app, &second).await, json!(["duplicate_review", "resolve_duplicate"]));
    assert_eq!(state(&app, &second).await, "received", "its status stays");
    for id in [&first, &stranger, &without] {
        assert_eq!(waits(&app, id).await, json!([null, "acknowledge"]));
    }
    let counts = texts(&mut app.db.superuser(), "SELECT candidates::text AS text FROM match_results ORDER BY referral_id");
    assert_eq!(counts.iter().filter(|count| *count == "1").count(), 2);
    // Each owner was told once that a referral came, and the feed that one waits.
    assert_eq!(app.db.count(ALERTS), 4);
    app.sequence().await;
    let blocked = app.admin().get("/v1/events?type=referral.blocked").await.expect(200);
    assert_eq!(blocked.body["data"].as_array().unwrap().len(), 1);
    // The control: the query that counts candidates is the one that found them.
    assert_eq!(app.db.count("SELECT count(*) FROM duplicate_reviews"), 1);
}

#[actix_web::test]
async fn a_household_that_shares_a_telephone_is_told_apart_once_and_for_all() {
    let app = App::start().await;
    let phone = "+1 415 555 2671";
    for _ in 0..3 {
        let sent = refer(&app.partner(), json!({"phone": phone})).await.expect(201).id();
        crate::contact_withdrawals::go(&app, &sent, json!({"to": "on_hold", "blocker": "awaiting_partner_completion"}))
            .await
            .expect(200);
    }
    find(&app).await;
    let open = reviews(&app, "open").await;
    assert_eq!(open.len(), 3);
    assert!(open.iter().all(|review| review["grounds"] == json!(["phone"])), "{open:?}");
    for review in &open {
        resolve(&app, review, json!({"resolution": "different"})).await.expect(200);
    }
    // More of each is known by and by: they are looked at again, and none is flagged.
    let turn = app.partner().get("/v1/referrals").await.expect(200).body["data"].as_array().unwrap().clone();
    for (number, referral) in turn.iter().enumerate() {
        let path = format!("/v1/referrals/{}/complete", referral["id"].as_str().unwrap());
        let body = json!({"match": {"email": format!("person-{number}@mail.example"), "phone": phone}});
        app.partner().post_on(&path, "*", &body).await.expect(200);
    }
    assert_eq!(find(&app).await, 3);
    assert_eq!((reviews(&app, "open").await.len(), reviews(&app, "different").await.len()), (0, 3));
    assert_eq!(app.db.count(ALERTS), 3, "nobody is told twice that a referral came");
    // The control: a fourth of the household is flagged, with each of the three.
    refer(&app.sibling_partner(), json!({"phone": phone})).await.expect(201);
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 3);
}

#[actix_web::test]
async fn what_is_brought_later_and_the_sites_own_reference_find_a_pair_too() {
    let app = App::start().await;
    let one = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    let other = make::sent(&app.sibling_partner()).await.id();
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 0);
    crate::contact_withdrawals::go(&app, &other, json!({"to": "on_hold", "blocker": "awaiting_partner_completion"}))
        .await
        .expect(200);
    let brought = json!({"match": {"email": "ana@mail.example"}});
    app.sibling_partner().post_on(&format!("/v1/referrals/{other}/complete"), "*", &brought).await.expect(200);
    assert_eq!(find(&app).await, 1);
    assert_eq!(review(&app).await["grounds"], json!(["email"]));
    for id in [&one, &other] {
        app.coordinator().patch(&format!("/v1/referrals/{id}"), "*", &json!({"external_ref": "CRM-1"})).await.expect(200);
    }
    assert_eq!(find(&app).await, 2);
    assert_eq!(review(&app).await["grounds"], json!(["email", "external_ref"]), "an open review learns what else they share");
}

#[actix_web::test]
async fn a_route_that_reviews_across_partners_flags_no_pair_of_one_partner_and_studies_never_meet() {
    let app = App::start().await;
    let route = format!("/v1/routes/{}", app.site.partner.route);
    onboard::edit(&app, &route, json!({"duplicate_policy": "review_cross_partner"})).await;
    let ana = json!({"email": "ana@mail.example"});
    for _ in 0..2 {
        refer(&app.partner(), ana.clone()).await.expect(201);
        app.clock.advance(chrono::Duration::minutes(1));
    }
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 0);
    refer(&app.sibling_partner(), ana.clone()).await.expect(201);
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 2, "the sibling's route reviews all");

    let study = json!({"code": "sleep", "public_name": "Sleep", "short_description": "Rest.", "protocol_code": "S-1"});
    app.admin().post("/v1/studies", &study).await.expect(201);
    let mut new = make::route(&app.site, "lakeside");
    (new["study"], new["source_tag"]) = (json!("sleep"), json!("lakeside.sleep"));
    let new = app.admin().post("/v1/routes", &new).await.expect(201).id();
    onboard::db_live(&app, &new);
    let sent = make::referral_with(json!({"study": "sleep", "match": ana}));
    let elsewhere = app.partner().post("/v1/referrals", &sent).await.expect(201).id();
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 2);
    let here = reviews(&app, "open").await[0]["referrals"][0]["id"].as_str().unwrap().to_owned();
    pair(&app, &here, &elsewhere).await.expect_problem(409, "across_studies");
}

/// No contact detail is in the database, and the digests are under two keys: that the person comes by again moves the old one.
#[actix_web::test]
async fn one_person_is_found_across_a_rotation_of_the_master_key() {
    let app = App::start().await;
    let next = MasterKey::from_hex(&"6b".repeat(32)).unwrap();
    let (rotated, alone) = (app.server_with_key(&next.clone().accepting([app.master.clone()])), app.server_with_key(&next));
    for name in ["ana", "bo"] {
        refer(&app.partner(), json!({"email": format!("{name}@mail.example")})).await.expect(201);
    }
    app.clock.advance(chrono::Duration::hours(1));
    refer(&app.sibling_partner().at(rotated.address), json!({"email": "ana@mail.example"})).await.expect(201);
    // The control: a server that does not accept the earlier key cannot know.
    refer(&app.sibling_partner().at(alone.address), json!({"email": "bo@mail.example"})).await.expect(201);
    assert_eq!(find(&app).await, 4);
    assert_eq!(review(&app).await["grounds"], json!(["email"]));
    assert!(!app.db.dump().contains("mail.example\""), "no contact detail is kept");
}

#[actix_web::test]
async fn a_pair_by_hand_is_of_two_live_referrals_that_are_there() {
    let app = App::start().await;
    let (one, other) = (make::sent(&app.partner()).await.id(), make::sent(&app.sibling_partner()).await.id());
    let foreign = make::sent(&app.person(&app.other_site.partner.key)).await.id();
    let itself = pair(&app, &one, &one.to_uppercase()).await.expect_problem(422, "invalid_body");
    assert_eq!(itself.faults(), ["/referral_ids duplicate_item"]);
    let unknown = uuid::Uuid::from_u128(7).to_string();
    for strange in [&foreign, &unknown] {
        assert_eq!(pair(&app, &one, strange).await.expect(422).faults(), ["/referral_ids/1 unknown_reference"]);
    }
    let mut superuser = app.db.superuser();
    superuser.batch_execute(&format!("UPDATE referrals SET is_test = true, escalate_at = NULL WHERE id = '{other}'")).unwrap();
    assert_eq!(pair(&app, &one, &other).await.expect(422).faults(), ["/referral_ids/1 unknown_reference"]);
    superuser.batch_execute(&format!("UPDATE referrals SET is_test = false WHERE id = '{other}'")).unwrap();

    let made = pair(&app, &one, &other).await.expect(201);
    let newer = in_order(&one, &other)[1];
    assert_eq!(
        (&made.body["grounds"], waits(&app, newer).await),
        (&json!(["staff"]), json!(["duplicate_review", "resolve_duplicate"]))
    );
    let again = pair(&app, &other, &one).await.expect(200);
    assert_eq!((again.id(), again.etag()), (made.id(), made.etag()));
    resolve(&app, &made.body, json!({"resolution": "different"})).await.expect(200);
    assert_eq!(waits(&app, newer).await, json!([null, "acknowledge"]));
    // What a person said by mistake a person takes back.
    let reopened = pair(&app, &one, &other).await.expect(200);
    assert_eq!((reopened.id(), &reopened.body["status"], reopened.etag()), (made.id(), &json!("open"), "\"3\"".to_owned()));
}

#[actix_web::test]
async fn what_waits_for_something_else_or_for_a_decision_stays_as_it_is() {
    let app = App::start().await;
    let ana = json!({"email": "ana@mail.example"});
    let first = refer(&app.partner(), ana.clone()).await.expect(201).id();
    app.clock.advance(chrono::Duration::hours(1));
    let waiting = refer(&app.partner(), ana.clone()).await.expect(201).id();
    app.coordinator().patch(&format!("/v1/referrals/{waiting}"), "*", &json!({"blocker": "awaiting_records"})).await.expect(200);
    let ended = refer(&app.partner(), ana.clone()).await.expect(201).id();
    crate::contact_withdrawals::go(&app, &ended, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 3);
    assert_eq!(waits(&app, &waiting).await, json!(["awaiting_records", "acknowledge"]));
    assert_eq!((waits(&app, &first).await, waits(&app, &ended).await), (json!([null, "acknowledge"]), json!([null, null])));
    assert_eq!(app.db.count(ALERTS), 2, "nobody is told of one that has ended");
}
