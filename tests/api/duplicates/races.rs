//! Two at once: each pair is found once, none is missed, and a merge beside other work leaves no illegal state.

use std::collections::BTreeMap;

use actix_web::web::Data;
use handoff::domain::ids::SiteId;
use handoff::jobs::match_duplicates;
use handoff::state::AppState;
use serde_json::json;

use super::{find, resolve_as, reviews};
use crate::contact_withdrawals::refer;
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, together};

/// Sends until the server is not too busy for it.
async fn insist(person: Person, path: String, body: serde_json::Value) -> Answer {
    for _ in 0..200 {
        let answer = person.post_on(&path, "*", &body).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("always too busy: {path}");
}

/// Pairs of open live referrals that share a digest, and those of them that have a review.
fn pairs(app: &App, site: SiteId) -> (i64, i64) {
    let shared = format!(
        "FROM (SELECT DISTINCT least(a.referral_id, b.referral_id) AS one, greatest(a.referral_id, b.referral_id) AS other
                 FROM referral_digests a JOIN referral_digests b ON a.site_id = b.site_id AND a.kind = b.kind AND a.digest = b.digest
                WHERE a.site_id = '{site}' AND a.referral_id < b.referral_id) pairs"
    );
    let found = format!(
        "SELECT count(*) {shared} WHERE EXISTS (SELECT 1 FROM duplicate_reviews r
          WHERE r.first_referral_id = pairs.one AND r.second_referral_id = pairs.other)"
    );
    (app.db.count(&format!("SELECT count(*) {shared}")), app.db.count(&found))
}

/// Passes of two servers, over and over, until they are told to stop.
fn passes(states: [Data<AppState>; 2]) -> (std::rc::Rc<std::cell::Cell<bool>>, Vec<actix_web::rt::task::JoinHandle<usize>>) {
    let stop = std::rc::Rc::new(std::cell::Cell::new(false));
    let run = |state: Data<AppState>| {
        let stop = stop.clone();
        actix_web::rt::spawn(async move {
            let mut matched = 0;
            while !stop.get() {
                // One that meets somebody's lock leaves its work to the next.
                matched += match_duplicates::pass(&state).await.unwrap_or_default();
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            matched
        })
    };
    let jobs = states.into_iter().map(run).collect();
    (stop, jobs)
}

#[actix_web::test]
async fn of_referrals_that_come_at_once_while_two_servers_look_each_pair_is_reviewed_once() {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    let other = app.another_server();
    let (stop, jobs) = passes([app.state.clone(), other.state.clone()]);
    let rounds = 12;
    for round in 0..rounds {
        let details = json!({"email": format!("person-{round}@mail.example")});
        let senders = (0..4).map(|number| {
            let people = [app.partner(), app.sibling_partner().at(other.address)];
            let (person, details) = (people[number % 2].clone(), details.clone());
            async move { refer(&person, details).await.expect(201).id() }
        });
        together(senders).await;
    }
    stop.set(true);
    let mut matched = Vec::new();
    for job in jobs {
        matched.push(job.await.unwrap());
    }
    let left = find(&app).await;
    let (shared, found) = pairs(&app, app.site.id);
    println!(
        "two servers match beside {} creates: {matched:?} and {left} later; {found} of {shared} pairs, {} reviews",
        rounds * 4,
        found
    );
    assert_eq!((shared, found), (rounds * 6, shared));
    assert_eq!(app.db.count("SELECT count(*) FROM duplicate_reviews"), shared, "each pair once");
    assert_eq!(app.db.count("SELECT count(*) FROM alerts"), rounds * 4, "each owner is told once");
    assert_eq!(app.db.count("SELECT count(*) FROM match_results WHERE matched_at IS NULL"), 0);
    let blocked = "SELECT count(*) FROM events WHERE event_type = 'referral.blocked'";
    assert_eq!(app.db.count(blocked), app.db.count("SELECT count(*) FROM referrals WHERE blocker = 'duplicate_review'"));
    // The control: the comparison sees a pair that was missed.
    use diesel::connection::SimpleConnection as _;
    app.db
        .superuser()
        .batch_execute("DELETE FROM duplicate_reviews WHERE id = (SELECT min(id::text)::uuid FROM duplicate_reviews)")
        .unwrap();
    assert_eq!(pairs(&app, app.site.id), (shared, shared - 1));
}

/// Six reviews of four records, decided by four people at once, beside withdrawals by partners and moves by the site.
#[actix_web::test]
async fn decisions_at_once_make_no_chain_and_merge_nothing_twice() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let mut seen = BTreeMap::new();
    for round in 0..6 {
        let mut ids = Vec::new();
        for number in 0..4 {
            let person = [app.partner(), app.sibling_partner()][number % 2].clone();
            ids.push(refer(&person, json!({"email": format!("person-{round}@mail.example")})).await.expect(201).id());
        }
        find(&app).await;
        let open = reviews(&app, "open").await;
        let decisions = open.iter().enumerate().map(|(number, review)| {
            let (who, path) = (app.coordinator(), format!("/v1/duplicate-reviews/{}/resolve", review["id"].as_str().unwrap()));
            let resolution = if (number + round) % 5 == 4 { "different" } else { "same" };
            actix_web::rt::spawn(insist(who, path, json!({"resolution": resolution})))
        });
        let moves = ids.iter().map(|id| {
            let path = format!("/v1/referrals/{id}/transitions");
            actix_web::rt::spawn(insist(app.admin(), path, json!({"to": "contacting"})))
        });
        let running: Vec<_> = decisions.chain(moves).collect();
        let job = match_duplicates::pass(&app.state);
        let _ = job.await;
        for task in running {
            let answer = task.await.unwrap();
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            *seen.entry(answer.status).or_insert(0) += 1;
        }
        let standing = format!(
            "SELECT count(*) FROM referrals r JOIN referral_digests d ON d.referral_id = r.id WHERE r.merged_into_id IS NULL AND r.id IN ('{}')",
            ids.join("','")
        );
        assert!(app.db.count(&standing) >= 1, "somebody goes on");
        for review in reviews(&app, "open").await {
            resolve_as(&app.coordinator(), &review, "*", json!({"resolution": "different"})).await.expect(200);
        }
    }
    println!("decisions at once: {seen:?}, no chain, nobody merged twice");
    assert!(seen.get(&409).is_some_and(|refused| *refused > 0), "they met: {seen:?}");
    let chained =
        "SELECT count(*) FROM referrals a JOIN referrals b ON a.merged_into_id = b.id WHERE b.merged_into_id IS NOT NULL";
    assert_eq!(app.db.count(chained), 0);
    let waiting = "SELECT count(*) FROM referrals WHERE blocker = 'duplicate_review'";
    assert_eq!(app.db.count(waiting), 0, "nobody waits for a review that is decided");
    let merged = "SELECT count(*) FROM referrals WHERE merged_into_id IS NOT NULL AND status = 'closed'";
    assert_eq!(app.db.count("SELECT count(*) FROM referrals WHERE close_reason = 'duplicate'"), app.db.count(merged));
}
