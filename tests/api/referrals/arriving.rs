//! Referrals that one key sends at the same time: taken together, and each answered as if it had come alone.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::contact_withdrawals::{state, withdraw};
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, send, together};
use crate::support::{App, make};

/// What is sent: under which key, in which request, and what.
#[derive(Clone)]
struct Sent {
    key: String,
    request_id: String,
    body: Value,
}

impl Sent {
    fn new(changes: Value) -> Self {
        Self { key: Uuid::now_v7().to_string(), request_id: Uuid::now_v7().to_string(), body: make::referral_with(changes) }
    }

    async fn by(&self, person: &Person) -> Answer {
        let request = person.request(Method::POST, "/v1/referrals").header("Idempotency-Key", &self.key);
        send(request.header("X-Request-Id", &self.request_id).json(&self.body)).await
    }
}

/// Sends all at once while the route is held for a moment, so that they gather.
async fn sent_at_once(app: &App, sent: &[Sent]) -> Vec<Answer> {
    let partner = app.partner();
    partner.get("/v1/referrals").await.expect(200);
    let mut holder = app.db.superuser();
    holder.batch_execute("BEGIN; SELECT FROM handoff_routes FOR UPDATE").unwrap();
    let release = async {
        actix_web::rt::time::sleep(Duration::from_millis(120)).await;
        holder.batch_execute("COMMIT").unwrap();
    };
    let answers = together(sent.iter().cloned().map(|sent| {
        let partner = partner.clone();
        async move { sent.by(&partner).await }
    }));
    tokio::join!(answers, release).0
}

/// In how many transactions answers were kept.
fn transactions(app: &App) -> i64 {
    app.db.count("SELECT count(DISTINCT xmin::text) AS count FROM idempotency_keys WHERE operation = 'create_referral'")
}

#[actix_web::test]
async fn those_that_come_at_the_same_time_are_taken_together_and_each_is_answered_for_itself() {
    let app = App::start_with(Setup { connections: 16, ..Setup::default() }).await;
    let gone = json!({"email": "gone@mail.example"});
    withdraw(&app.coordinator(), gone.clone()).await.expect(201);
    let used = app.partner().post("/v1/referrals", &make::referral_with(json!({"partner_reference": "USED"}))).await.expect(201);
    let before = transactions(&app);

    let mut sent: Vec<Sent> = (0..20).map(|number| Sent::new(json!({"partner_reference": format!("T-{number}")}))).collect();
    sent.push(Sent::new(json!({"match": gone})));
    sent.push(Sent::new(json!({"partner_reference": "USED"})));
    sent.push(Sent::new(json!({"partner_reference": "TWICE"})));
    sent.push(Sent::new(json!({"partner_reference": "TWICE"})));
    sent.push(Sent::new(json!({"received_at": "2036-06-01T09:00:00Z"})));
    let answers = sent_at_once(&app, &sent).await;

    let taken: Vec<(&Sent, &Answer)> = sent.iter().zip(&answers).filter(|(_, answer)| answer.status == 201).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(taken.len(), 22, "{statuses:?}");
    assert!(statuses[..21].iter().all(|status| *status == 201), "{statuses:?}");
    assert_eq!((answers[21].code(), &answers[21].body["referral_id"]), ("partner_reference_used", &used.body["id"]));
    let twice = [&answers[22], &answers[23]];
    assert_eq!(twice.iter().filter(|answer| answer.status == 201).count(), 1, "{statuses:?}");
    assert!(twice.iter().any(|answer| answer.status == 409 && answer.code() == "partner_reference_used"), "{statuses:?}");
    assert_eq!((answers[24].status, answers[24].code()), (422, "invalid_body"));

    for (sent, answer) in &taken {
        let id = answer.body["id"].as_str().unwrap();
        assert_eq!(answer.body["partner_reference"], sent.body["partner_reference"], "its own answer");
        let audited = format!(
            "SELECT count(*) FROM audit_entries WHERE operation = 'create_referral' AND subject_id = '{id}' AND request_id = '{}'",
            sent.request_id
        );
        assert_eq!(app.db.count(&audited), 1, "{id} in its own request");
        assert_eq!(app.db.count(&format!("SELECT count(*) FROM events WHERE subject_id = '{id}'")), 1);
        let again = sent.by(&app.partner()).await;
        assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, Some("true"), &answer.body));
    }
    assert_eq!(state(&app, answers[20].body["id"].as_str().unwrap()).await, "quarantined contact_withdrawn");
    assert_eq!(state(&app, answers[0].body["id"].as_str().unwrap()).await, "received");
    assert_eq!(app.db.count("SELECT count(*) FROM idempotency_keys WHERE status IS NULL"), 0, "no claim without an answer");
    assert_eq!(app.db.count("SELECT count(*) FROM referrals WHERE NOT is_test"), 23);
    let together = transactions(&app) - before;
    assert!(together <= 10, "22 in {together} transactions: they were not taken together");
    println!("referrals: 25 at once, 22 taken in {together} transactions, each in its own request");
}

/// The control of the one above: with one connection each has a transaction of its own, and the count says so.
#[actix_web::test]
async fn with_one_connection_each_is_taken_alone() {
    let app = App::start_with(Setup { connections: 1, waiting: 100, ..Setup::default() }).await;
    let before = transactions(&app);
    let sent: Vec<Sent> = (0..8).map(|number| Sent::new(json!({"partner_reference": format!("T-{number}")}))).collect();
    for answer in sent_at_once(&app, &sent).await {
        answer.expect(201);
    }
    assert_eq!(transactions(&app) - before, 8);
}
