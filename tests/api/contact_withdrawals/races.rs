//! A withdrawal beside referrals of the same person: each of them either came before and is closed, or after and is held.

use serde_json::{Value, json};

use super::{go, refer, state, withdraw};
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person};

const OPEN_AND_NOT_HELD: &str = "SELECT count(*) FROM referrals WHERE status NOT IN ('closed', 'quarantined')";

/// Sends until the server is not too busy for it.
async fn refer_with_patience(person: Person, details: Value) -> Answer {
    for _ in 0..200 {
        let answer = refer(&person, details.clone()).await;
        if answer.status != 503 {
            return answer.expect(201);
        }
    }
    panic!("always too busy");
}

async fn withdraw_with_patience(person: Person, details: Value) -> Answer {
    for _ in 0..200 {
        let answer = withdraw(&person, details.clone()).await;
        if answer.status != 503 {
            return answer.expect(201);
        }
    }
    panic!("always too busy");
}

#[actix_web::test]
async fn of_sixteen_referrals_beside_a_withdrawal_none_stays_open() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let other = app.another_server();
    let (mut closed, mut held) = (0, 0);
    for round in 0..8 {
        let details = |number: usize| match number % 3 {
            0 => json!({"email": format!("person-{round}@mail.example")}),
            1 => json!({"phone": format!("+1 415 555 {:04}", 2000 + round)}),
            _ => json!({"phone": format!("+1 415 555 {:04}", 2000 + round), "email": format!("person-{round}@mail.example")}),
        };
        let send = |number: usize| {
            let person = [app.partner(), app.sibling_partner().at(other.address)][number % 2].clone();
            actix_web::rt::spawn(refer_with_patience(person, details(number)))
        };
        // Each round they meet at another moment.
        let mut senders: Vec<_> = (0..round * 2).map(send).collect();
        let withdrawal = actix_web::rt::spawn(withdraw_with_patience(app.site_key(), details(2)));
        senders.extend((round * 2..16).map(send));
        let answer = withdrawal.await.unwrap();
        for sender in senders {
            sender.await.unwrap();
        }
        closed += answer.body["closed_referrals"].as_array().unwrap().len();
        assert_eq!(app.db.count(OPEN_AND_NOT_HELD), 0, "round {round}");
        held = app.db.count("SELECT count(*) FROM referrals WHERE status = 'quarantined'");
    }
    println!("withdrawal beside referrals: {closed} closed, {held} held, 0 open");
    assert_eq!(closed as i64 + held, 8 * 16);
    assert!(closed > 0 && held > 0, "{closed} and {held}: they never met");
}

/// Both ways of withdrawing at once, over the same referrals: neither waits for the other in a circle, and all end closed or held.
#[actix_web::test]
async fn a_withdrawal_and_moves_with_its_reason_do_not_stand_in_each_others_way() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    for round in 0..4 {
        let details =
            json!({"email": format!("person-{round}@mail.example"), "phone": format!("+1 415 555 {:04}", 2000 + round)});
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(refer(&app.partner(), details.clone()).await.expect(201).id());
        }
        let moves: Vec<_> = ids
            .iter()
            .map(|id| {
                let (person, path) = (app.coordinator(), format!("/v1/referrals/{id}/transitions"));
                let close = json!({"to": "closed", "reason": "person_requested_no_contact"});
                actix_web::rt::spawn(async move { person.post_on(&path, "*", &close).await.status })
            })
            .collect();
        let withdrawals: Vec<_> =
            (0..3).map(|_| actix_web::rt::spawn(withdraw_with_patience(app.site_key(), details.clone()))).collect();
        for moved in moves {
            // Closed by the one or by the other.
            assert!(matches!(moved.await.unwrap(), 200 | 409 | 503));
        }
        for withdrawal in withdrawals {
            withdrawal.await.unwrap();
        }
        for id in &ids {
            assert_eq!(state(&app, id).await, "closed person_requested_no_contact");
        }
        assert_eq!(app.db.count(super::WITHDRAWN), 2 * (round + 1));
        go(&app, &ids[0], json!({"to": "received", "reason": "closed_by_mistake"})).await.expect(200);
    }
    assert_eq!(app.db.count(OPEN_AND_NOT_HELD), 4, "the control: an open one is seen");
}
