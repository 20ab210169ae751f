//! The master key is rotated while everything goes on: what was made under the earlier key is good for as long as that one is
//! accepted, on every server, in whatever order they are changed over.

use handoff::auth::token;
use handoff::privacy::digests;
use handoff::privacy::keys::{MasterKey, Purpose};
use serde_json::{Value, json};

use crate::contact_withdrawals::{refer, withdraw};
use crate::support::callers::{Answer, Person, fresh_key, together};
use crate::support::{App, make};

fn key(byte: &str) -> MasterKey {
    MasterKey::from_hex(&byte.repeat(32)).unwrap()
}

/// The key that every test's app starts with.
fn first() -> MasterKey {
    key("5a")
}

fn second() -> MasterKey {
    key("6b")
}

/// The answer to a request that a busy server is asked again.
async fn with_patience(person: Person, path: &'static str, key: String, body: Value) -> Answer {
    for _ in 0..200 {
        let answer = person.post_with_key(path, &key, &body).await;
        if answer.status != 503 && answer.code() != "idempotency_in_flight" {
            return answer;
        }
    }
    panic!("always busy");
}

async fn is_held(app: &App, sent: Answer) -> bool {
    crate::contact_withdrawals::state(app, &sent.expect(201).id()).await == "quarantined contact_withdrawn"
}

/// How many digests of this address are kept under a key.
fn kept(app: &App, table: &str, master: &MasterKey, email: &str) -> i64 {
    let digest = digests::of_email(&master.derive(Purpose::ContactDigest, app.site.id), email).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (digest, key_id) = (hex(&digest.digest), hex(&digest.key_id.0));
    app.db.count(&format!(
        "SELECT count(*) FROM {table} WHERE digest = decode('{digest}', 'hex') AND key_id = decode('{key_id}', 'hex')"
    ))
}

#[actix_web::test]
async fn all_goes_on_under_the_new_key_while_the_earlier_one_is_accepted_and_nothing_does_without_it() {
    let app = App::start().await;
    let (rotated, alone) = (app.server_with_key(&second().accepting([first()])), app.server_with_key(&second()));
    for _ in 0..3 {
        make::sent(&app.partner()).await;
    }
    let coordinator = app.coordinator();
    let first_page = coordinator.get("/v1/referrals?limit=1").await.expect(200);
    let next = format!("/v1/referrals?limit=1&cursor={}", first_page.body["next_cursor"].as_str().unwrap());
    let (retry, body) = (fresh_key(), make::referral_with(json!({"match": {"email": "cleo@mail.example"}})));
    let taken = app.partner().post_with_key("/v1/referrals", &retry, &body).await.expect(201);
    for name in ["ana", "bea"] {
        withdraw(&coordinator, json!({"email": format!("{name}@mail.example")})).await.expect(201);
    }

    // Under the new key alone none of it is recognised: the control that the earlier key matters.
    coordinator.at(alone.address).get("/v1/site").await.expect_problem(401, "invalid_credentials");
    let fresh = token::create(&second(), app.site.id, app.site.coordinator, chrono::Duration::hours(1), app.clock.now()).unwrap();
    let fresh = Person::new(alone.address, Some(&fresh));
    fresh.get(&next).await.expect_problem(400, "invalid_cursor");
    assert!(!is_held(&app, refer(&app.partner().at(alone.address), json!({"email": "bea@mail.example"})).await).await);

    // Beside it, all of it is.
    let after = coordinator.at(rotated.address);
    assert_eq!(after.get(&next).await.expect(200).body["data"], coordinator.get(&next).await.expect(200).body["data"]);
    let partner = app.partner().at(rotated.address);
    let again = partner.post_with_key("/v1/referrals", &retry, &body).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &taken.text));
    let other = partner.post_with_key("/v1/referrals", &retry, &make::referral()).await;
    other.expect_problem(422, "idempotency_key_reused");
    assert!(is_held(&app, refer(&partner, json!({"email": "ana@mail.example"})).await).await);
    let found = withdraw(&after, json!({"email": "cleo@mail.example"})).await.expect(201);
    assert_eq!(found.body["closed_referrals"], json!([taken.id()]));
    // What is new is made under the new key: a server that does not know it refuses it.
    let page = after.get("/v1/referrals?limit=1").await.expect(200);
    let next = format!("/v1/referrals?limit=1&cursor={}", page.body["next_cursor"].as_str().unwrap());
    fresh.get(&next).await.expect(200);
    coordinator.get(&next).await.expect_problem(400, "invalid_cursor");
    // And a key that is a day old by now is a new one.
    app.clock.advance(chrono::Duration::hours(25));
    let later = partner.post_with_key("/v1/referrals", &retry, &make::referral()).await.expect(201);
    assert_eq!(later.header("idempotency-replayed"), None);
}

#[actix_web::test]
async fn digests_move_to_the_new_key_when_the_person_comes_by_again() {
    let app = App::start().await;
    let rotated = app.server_with_key(&second().accepting([first()]));
    let alone = app.server_with_key(&second());
    let (ana, bea) = (json!({"email": "ana@mail.example"}), json!({"email": "bea@mail.example"}));
    for details in [&ana, &bea] {
        refer(&app.partner(), details.clone()).await.expect(201);
        withdraw(&app.coordinator(), details.clone()).await.expect(201);
    }
    let counts = |email: &str| {
        [first(), second()]
            .map(|key| (kept(&app, "referral_digests", &key, email), kept(&app, "contact_withdrawals", &key, email)))
    };
    assert_eq!(counts("ana@mail.example"), [(1, 1), (0, 0)]);
    // By a partner's referral too, which reads neither table.
    assert!(is_held(&app, refer(&app.sibling_partner().at(rotated.address), ana.clone()).await).await);
    assert_eq!(counts("ana@mail.example"), [(0, 0), (2, 1)]);
    assert!(
        is_held(&app, refer(&app.partner().at(alone.address), ana.clone()).await).await,
        "the earlier key is not needed any more"
    );
    // Who did not come by stays under the earlier key, and a withdrawal said again moves it as well.
    assert_eq!(counts("bea@mail.example"), [(1, 1), (0, 0)]);
    withdraw(&app.coordinator().at(rotated.address), bea.clone()).await.expect(201);
    assert_eq!(counts("bea@mail.example"), [(0, 0), (1, 1)]);
    assert_eq!(app.db.count("SELECT count(*) FROM contact_withdrawals"), 2, "moved, not added");

    // A digest from before keys had names is recognised like any other, and named.
    use diesel::connection::SimpleConnection as _;
    app.db
        .superuser()
        .batch_execute("UPDATE contact_withdrawals SET key_id = NULL; UPDATE referral_digests SET key_id = NULL")
        .unwrap();
    assert!(is_held(&app, refer(&app.partner().at(rotated.address), ana).await).await);
    assert_eq!(counts("ana@mail.example"), [(0, 0), (4, 1)]);
}

/// A withdrawal copied from a closed referral may be under another key than one that is there: the two never collide.
#[actix_web::test]
async fn one_person_withdrawn_under_two_keys_stays_withdrawn() {
    let app = App::start().await;
    let rotated = app.server_with_key(&second().accepting([first()]));
    let alone = app.server_with_key(&second());
    let ana = json!({"email": "ana@mail.example"});
    let old = refer(&app.partner(), ana.clone()).await.expect(201).id();
    withdraw(&app.person(&app.site.key).at(alone.address), ana.clone()).await.expect(201);
    let close = json!({"to": "closed", "reason": "person_requested_no_contact"});
    crate::contact_withdrawals::go(&app, &old, close).await.expect(200);
    assert_eq!(app.db.count("SELECT count(*) FROM contact_withdrawals"), 2);
    for server in [&rotated, &alone, &rotated] {
        assert!(is_held(&app, refer(&app.partner().at(server.address), ana.clone()).await).await);
    }
}

/// The three steps of the README: at each, a server that has been changed over works beside one that has not.
#[actix_web::test]
async fn servers_are_changed_over_one_by_one_and_share_everything_at_each_step() {
    let app = App::start().await;
    let (both, swapped) = (first().accepting([second()]), second().accepting([first()]));
    for (step, (before, after)) in [(first(), both.clone()), (both, swapped.clone()), (swapped, second())].into_iter().enumerate()
    {
        let servers = [app.server_with_key(&before), app.server_with_key(&after)];
        for (here, there) in [(0, 1), (1, 0)] {
            let what = format!("step {}, from {here} to {there}", step + 1);
            let (here, there) = (&servers[here], &servers[there]);
            let (partner, elsewhere) = (app.partner().at(here.address), app.partner().at(there.address));
            for _ in 0..2 {
                make::sent(&partner).await;
            }
            let page = partner.get("/v1/referrals?limit=1").await.expect(200);
            let next = format!("/v1/referrals?limit=1&cursor={}", page.body["next_cursor"].as_str().unwrap());
            assert_eq!(elsewhere.get(&next).await.status, 200, "{what}");
            let email = format!("person-{step}-{}@mail.example", here.address.port());
            withdraw(&app.site_key().at(here.address), json!({"email": email})).await.expect(201);
            assert!(is_held(&app, refer(&elsewhere, json!({"email": email})).await).await, "{what}");
            let (key, body) = (fresh_key(), make::referral());
            let sent = partner.post_with_key("/v1/referrals", &key, &body).await.expect(201);
            let again = elsewhere.post_with_key("/v1/referrals", &key, &body).await.expect(201);
            assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &sent.text), "{what}");
        }
        // A retry that reaches both at once is one referral all the same.
        let before = app.db.count("SELECT count(*) FROM referrals");
        for _ in 0..4 {
            let key = fresh_key();
            let people = servers.iter().flat_map(|server| vec![app.partner().at(server.address); 6]);
            let requests: Vec<_> =
                people.map(|person| with_patience(person, "/v1/referrals", key.clone(), make::referral())).collect();
            let answers = together(requests).await;
            assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "step {}", step + 1);
        }
        assert_eq!(app.db.count("SELECT count(*) FROM referrals"), before + 4, "step {}", step + 1);
        // And a withdrawal at one waits for the referrals at the other.
        let details = json!({"email": format!("both-{step}@mail.example")});
        let body = make::referral_with(json!({"match": details}));
        let referrals = servers.iter().flat_map(|server| vec![app.partner().at(server.address); 4]);
        let referrals = referrals.map(|person| with_patience(person, "/v1/referrals", fresh_key(), body.clone()));
        let withdrawals = servers.iter().map(|server| app.site_key().at(server.address));
        let withdrawals =
            withdrawals.map(|person| with_patience(person, "/v1/contact-withdrawals", fresh_key(), json!({"match": details})));
        let all: Vec<std::pin::Pin<Box<dyn Future<Output = Answer>>>> =
            referrals.map(|request| Box::pin(request) as _).chain(withdrawals.map(|request| Box::pin(request) as _)).collect();
        assert!(together(all).await.iter().all(|answer| answer.status == 201));
        let open = "SELECT count(*) FROM referrals r JOIN referral_digests d ON d.referral_id = r.id WHERE r.status NOT IN ('closed', 'quarantined')";
        assert_eq!(app.db.count(open), 0, "step {}", step + 1);
    }
}
