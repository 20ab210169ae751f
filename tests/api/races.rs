//! Two at once, where one decides what the other may do; and sixteen at once on everything that a referral's owner does: `storm` has
//! those who race, `judge` says what went wrong, `controls` that it can.

mod controls;
mod judge;
mod storm;

use std::rc::Rc;

use handoff::domain::ids::MemberId;
use serde_json::{Value, json};

use crate::invariants::db_violations;
use crate::support::app::Setup;
use crate::support::callers::together;
use crate::support::onboard;
use crate::support::{App, make};
use judge::{Case, judge};
use storm::{CLIENTS, Client, Field, Tally};

/// A site with four who may own work and twelve referrals of two partners.
async fn field(app: &App, servers: [std::net::SocketAddr; 2]) -> Field {
    let mut owners = vec![app.site.admin, app.site.coordinator];
    for name in ["kim", "lee"] {
        let body = json!({"display_name": name, "email": format!("{name}@riverside.example"), "role": "coordinator"});
        owners.push(app.admin().post("/v1/members", &body).await.expect(201).id().parse::<MemberId>().unwrap());
    }
    // Kim and Lee stand on the routes too, so that those change hands with them.
    let own = format!("/v1/routes/{}", app.site.partner.route);
    let siblings = format!("/v1/routes/{}", app.site.sibling.route);
    for (route, places) in [(own, json!({"owner_id": owners[2]})), (siblings, json!({"backup_owner_id": owners[3]}))] {
        app.admin().patch(&route, "*", &places).await.expect(200);
        onboard::db_live(app, &route);
    }
    let mut referrals = Vec::new();
    for number in 0..12 {
        let partner = if number % 2 == 0 { app.partner() } else { app.sibling_partner() };
        referrals.push(make::sent(&partner).await.id());
    }
    Field { servers, referrals, owners, study: format!("/v1/studies/{}", app.site.study) }
}

/// Races for so many rounds, and judges.
async fn race(rounds: usize, seed: u64) {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    let neighbour = app.another_server();
    let field = Rc::new(field(&app, [app.address, neighbour.address]).await);
    let tally = Rc::new(Tally::default());
    let movers = [
        actix_web::rt::spawn(tally.clone().pause_and_open(app.admin(), field.clone())),
        actix_web::rt::spawn(tally.clone().leave_and_return(app.admin().at(neighbour.address), field.clone())),
    ];
    let began = std::time::Instant::now();
    let clients = (0..CLIENTS).map(|number| Client::new(&app, number, seed, &field, &tally).run(rounds.div_ceil(CLIENTS)));
    together(clients.collect::<Vec<_>>()).await;
    tally.over.set(true);
    for mover in movers {
        mover.await.unwrap();
    }
    let case = Case::read(&app, tally.attempts.take());
    let found = judge(&case);
    let done = case.attempts.iter().filter(|attempt| matches!(attempt.outcome, judge::Outcome::Done(_))).count();
    println!(
        "races: {} rounds by {CLIENTS} clients at 2 servers in {:.1?} (seed {seed}), {done} of {} writes accepted, {} entries; lost updates {}, illegal states {}, ownerless {}, refused and written {}, violations {}",
        tally.rounds.get(),
        began.elapsed(),
        case.attempts.len(),
        case.history.len(),
        found.lost_updates.len(),
        found.illegal_states.len(),
        found.ownerless.len(),
        found.refused_written.len(),
        db_violations(&app),
    );
    for ((kind, status, code), count) in tally.answers.borrow().iter() {
        println!("races: {kind} {status} {code}: {count}");
    }
    assert_eq!((found.counts(), db_violations(&app)), ([0; 4], 0), "{found:#?}");
    // The race was run: each kind of act was done, and lost against another.
    for (kind, status) in [
        ("transition", 200),
        ("transition", 412),
        ("patch", 200),
        ("patch", 412),
        ("bulk", 200),
        ("withdraw", 200),
        ("study", 200),
        ("deactivate", 200),
        ("reactivate", 200),
    ] {
        assert!(tally.count(kind, status) > 0, "no {kind} was answered {status}");
    }
    let studies: Value = app.admin().get(&field.study).await.expect(200).body;
    assert_eq!(studies["status"], "open");
}

#[actix_web::test]
async fn sixteen_clients_lose_no_update_and_leave_no_referral_in_a_wrong_state_or_without_an_owner() {
    race(480, 1).await;
}

#[actix_web::test]
#[ignore = "long: cargo test --test api -- --ignored --nocapture ten_thousand_rounds"]
async fn sixteen_clients_lose_no_update_in_ten_thousand_rounds() {
    race(10_000, 2).await;
}

/// A referral is admitted by the states of its route, study and partner: whatever closes while it is on its way, it either
/// came before (and is held with the others) or is refused.
#[actix_web::test]
async fn nothing_is_received_in_a_study_that_is_paused_beside_it() {
    let app = App::start().await;
    let study = format!("/v1/studies/{}", app.site.study);
    let transitions = format!("{study}/transitions");
    let (mut taken, mut refused) = (0, 0);
    for round in 0..12 {
        let send = |_| {
            let partner = app.partner();
            actix_web::rt::spawn(async move { partner.post("/v1/referrals", &make::referral()).await.status })
        };
        // Some are on their way before the pause, some come with it; each round they meet at another moment.
        let mut senders: Vec<_> = (0..round).map(send).collect();
        let (admin, path) = (app.admin(), transitions.clone());
        let pause = actix_web::rt::spawn(async move { admin.post_on(&path, "*", &json!({"to": "paused"})).await });
        senders.extend((0..12).map(send));
        pause.await.unwrap().expect(200);
        for sender in senders {
            match sender.await.unwrap() {
                201 => taken += 1,
                409 | 503 => refused += 1,
                status => panic!("{status}"),
            }
        }
        let left = app.db.count("SELECT count(*) FROM referrals WHERE status = 'received'");
        assert_eq!(left, 0, "a referral is received in a paused study");
        app.admin().post_on(&transitions, "*", &json!({"to": "open"})).await.expect(200);
    }
    println!("pause beside {} creates: {taken} taken, {refused} refused, 0 left behind", taken + refused);
    assert!(taken > 0 && refused > 0, "the race was run: {taken} taken, {refused} refused");
}
