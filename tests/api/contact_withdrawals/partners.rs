//! What a partner can tell from its answers: nothing.

use diesel::connection::SimpleConnection as _;
use handoff::privacy::keys::MasterKey;
use serde_json::{Value, json};

use super::{refer, state, withdraw};
use crate::support::callers::Answer;
use crate::support::db::Database;
use crate::support::{App, make};
use crate::tenancy::texts;

/// An answer without the ids, codes and tags that differ between any two referrals.
pub fn masked(answer: &Answer) -> String {
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let mut text = format!("{} {headers:?} {}", answer.status, answer.text);
    let own = |name: &str| answer.header(name).map(str::to_owned);
    let code = answer.body["handoff"]["code"].as_str().map(str::to_owned);
    for own in [code, answer.body["id"].as_str().map(str::to_owned), own("x-request-id"), own("etag"), own("date")] {
        let Some(own) = own else { continue };
        // Of one length, so that what surrounds them must be the same to the byte.
        text = text.replace(own.trim_matches('"'), &"X".repeat(own.trim_matches('"').len()));
    }
    text
}

#[actix_web::test]
async fn a_partners_answers_are_the_same_to_the_byte_whether_or_not_a_person_withdrew() {
    let app = App::start().await;
    let details = |name: &str| json!({"email": format!("{name}@mail.example"), "phone": "+1 415 555 2671"});
    let (known, new) = (
        json!({"email": "ana@mail.example", "phone": "+1 415 555 2671"}),
        json!({"email": "bea@mail.example", "phone": "+1 415 555 2389"}),
    );
    let open = refer(&app.sibling_partner(), known.clone()).await.expect(201);
    withdraw(&app.coordinator(), known.clone()).await.expect(201);
    let held = refer(&app.partner(), known.clone()).await.expect(201);
    let free = refer(&app.partner(), new).await.expect(201);
    assert_eq!(
        (state(&app, &held.id()).await.as_str(), state(&app, &free.id()).await.as_str()),
        ("quarantined contact_withdrawn", "received")
    );
    assert_eq!(masked(&held), masked(&free));
    let read = async |id: &str| app.partner().get(&format!("/v1/referrals/{id}")).await.expect(200);
    assert_eq!(masked(&read(&held.id()).await), masked(&read(&free.id()).await));
    // The one that was closed reads, to its partner, as it did when it was sent.
    let closed = app.sibling_partner().get(&format!("/v1/referrals/{}", open.id())).await.expect(200);
    assert_eq!((closed.text, closed.headers.get("etag")), (open.text, open.headers.get("etag")));
    // A refusal says nothing either: it comes before the look-up, or is the same.
    let refused = async |details: Value| {
        let body = make::referral_with(json!({"match": details, "study": "no-such-study"}));
        masked(&app.partner().post("/v1/referrals", &body).await.expect(422))
    };
    assert_eq!(refused(known).await, refused(details("cleo")).await);
    // The control: the mask hides no difference that matters.
    assert_ne!(masked(&held), masked(&app.coordinator().get(&format!("/v1/referrals/{}", held.id())).await));
    assert_ne!(masked(&held), masked(&Answer { status: 200, ..free }));
}

/// Statements that connections of this site's requests sent so far, by the server's own log.
fn statements(site: &str) -> Option<usize> {
    let log = Database::server_log()?;
    let process = |line: &str| line.split_once('[')?.1.split_once(']').map(|(pid, _)| pid.to_owned());
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("LOG:  statement:") || line.contains("LOG:  execute ")).collect();
    let ours: std::collections::BTreeSet<String> =
        lines.iter().filter(|line| line.contains(site)).filter_map(|line| process(line)).collect();
    Some(lines.iter().filter(|line| process(line).is_some_and(|pid| ours.contains(&pid))).count())
}

#[actix_web::test]
async fn a_partners_request_takes_the_same_round_trips_whether_or_not_a_person_withdrew() {
    let app = App::start().await;
    withdraw(&app.coordinator(), json!({"email": "ana@mail.example"})).await.expect(201);
    let name = texts(&mut app.db.superuser(), "SELECT current_database()::text AS text").concat();
    app.db.superuser().batch_execute(&format!("ALTER DATABASE {name} SET log_statement = 'all'")).unwrap();
    let site = app.site.id.to_string();
    let next = MasterKey::from_hex(&"6b".repeat(32)).unwrap().accepting([app.master.clone()]);
    // Connections that are made from now on log what they are asked. The second server also moves digests to its own key.
    for (server, name) in [(app.another_server(), "one key"), (app.server_with_key(&next), "two keys")] {
        let partner = app.partner().at(server.address);
        let mut counted = Vec::new();
        for round in 0..3 {
            for details in [json!({"email": "ana@mail.example"}), json!({"email": format!("new-{round}@mail.example")})] {
                let Some(before) = statements(&site) else { return };
                refer(&partner, details).await.expect(201);
                counted.push(statements(&site).unwrap() - before);
            }
        }
        let before = statements(&site).unwrap();
        make::sent(&partner).await;
        let without = statements(&site).unwrap() - before;
        println!("round trips of a partner's referral, {name}: {counted:?} with contact details, {without} without");
        // The first ones also ask for the types of the database.
        assert!(
            counted[2..].iter().all(|count| *count == counted[2] && *count > without),
            "{counted:?}, {without} without details"
        );
    }
    app.db.superuser().batch_execute(&format!("ALTER DATABASE {name} RESET log_statement")).unwrap();
}

#[actix_web::test]
async fn the_partners_limit_is_back_before_anything_is_written() {
    let app = App::start().await;
    app.db
        .superuser()
        .batch_execute(
            "CREATE FUNCTION partners_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF current_partner_id() IS NULL THEN RAISE EXCEPTION 'no limit'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER partners_only BEFORE INSERT ON referrals FOR EACH ROW EXECUTE FUNCTION partners_only();
             CREATE TRIGGER partners_only BEFORE INSERT ON referral_digests FOR EACH ROW EXECUTE FUNCTION partners_only()",
        )
        .unwrap();
    refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201);
    // The control: a request of the site has no limit.
    app.coordinator().post("/v1/referrals", &make::referral_of("lakeside")).await.expect(500);
}
