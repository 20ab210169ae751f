//! Many actions at once over the same referrals: nobody waits in a circle, and each version is made once.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::{PATH, go, results, sent};
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, together};
use crate::tenancy::texts;

/// Versions of referrals that were made twice or left out, by their events of these types.
fn faults(app: &App) -> Vec<String> {
    texts(
        &mut app.db.superuser(),
        "SELECT r.id || ' v' || r.version || ' ' || array_agg(e.version ORDER BY e.version)::text AS text
           FROM referrals r JOIN events e ON e.subject_id = r.id AND e.event_type IN ('referral.received', 'referral.reassigned')
          GROUP BY r.site_id, r.id, r.version
         HAVING array_agg(e.version ORDER BY e.version) <> ARRAY(SELECT generate_series(1, r.version))",
    )
}

/// Lets PostgreSQL look for circles long before anybody gives up waiting for a lock. For sessions that begin after this.
fn db_find_circles_fast(app: &App) {
    let set = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''10ms''', current_database()); END $$";
    app.db.superuser().batch_execute(set).unwrap();
    db_end_sessions(app);
}

/// Ends every other session, which then counts what it met.
fn db_end_sessions(app: &App) {
    let mut conn = app.db.superuser();
    let others = "SELECT pid::text AS text FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    // One by one and by their numbers: the server is that of other tests too.
    for pid in texts(&mut conn, others) {
        conn.batch_execute(&format!("SELECT pg_terminate_backend({pid}, 5000)")).unwrap();
    }
    assert_eq!(texts(&mut conn, others), [] as [String; 0]);
}

/// How many circles PostgreSQL found in this database, at the end.
fn db_circles(app: &App) -> i64 {
    db_end_sessions(app);
    app.db.count("SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()")
}

async fn insist(person: Person, body: Value) -> Answer {
    for _ in 0..60 {
        let answer = person.post(PATH, &body).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("busy sixty times")
}

fn give(owner: impl std::fmt::Display, ids: impl Iterator<Item = String>, version: Option<i32>) -> Value {
    let row = |id: String| match version {
        Some(version) => json!({"id": id, "version": version}),
        None => json!({"id": id}),
    };
    super::reassign(owner, &ids.map(row).collect::<Vec<_>>())
}

#[actix_web::test]
async fn actions_over_the_same_referrals_in_opposite_orders_make_each_version_once() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let (robin, dana) = (app.site.admin, app.site.coordinator);
    let ids = sent(&app, 40).await;
    db_find_circles_fast(&app);
    let (mut rows, mut seen): (usize, BTreeMap<String, usize>) = (0, BTreeMap::new());
    for round in 0..12_usize {
        // Overlapping parts, each in its own direction, for either owner.
        let acts = (0..6_usize).map(|number| {
            let part = ids[(number * 3)..(40 - (round % 5))].to_vec();
            let part: Vec<String> = if number % 2 == 0 { part } else { part.into_iter().rev().collect() };
            let owner = if (number + round) % 2 == 0 { robin } else { dana };
            insist(app.coordinator(), give(owner, part.into_iter(), None))
        });
        for answer in together(acts).await {
            for result in results(&answer.expect(200)) {
                rows += 1;
                let word = result.split(" v").next().unwrap().to_owned();
                *seen.entry(word).or_default() += 1;
            }
        }
        assert_eq!(faults(&app), [] as [String; 0], "round {round}");
    }
    assert_eq!(db_circles(&app), 0);
    let made = app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.reassigned'");
    println!(
        "72 actions at once over 40 referrals: {rows} rows {seen:?}, {made} of them changed, each version once, no deadlock"
    );
    assert!(made > 40 && seen.keys().all(|word| word == "done"), "the race was run: {seen:?}");
}

#[actix_web::test]
async fn of_many_actions_on_one_version_exactly_one_has_each_referral() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let ids = sent(&app, 20).await;
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let acts = (0..8_usize).map(|number| {
        let part: Vec<String> = if number % 2 == 0 { ids.clone() } else { ids.iter().rev().cloned().collect() };
        let rows: Vec<Value> = part.iter().map(|id| json!({"id": id, "version": 1})).collect();
        insist(app.coordinator(), super::transition(json!({"to": "contacting"}), &rows))
    });
    for answer in together(acts).await {
        let answer = answer.expect(200);
        for (one, result) in answer.body["results"].as_array().unwrap().iter().zip(results(&answer)) {
            match result.as_str() {
                "done v2" => *taken.entry(one["id"].as_str().unwrap().to_owned()).or_default() += 1,
                refused => assert_eq!(refused, "refused v2 stale_version"),
            }
        }
    }
    assert_eq!((taken.len(), taken.values().max()), (20, Some(&1)));
    assert_eq!(app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.transitioned'"), 20);
}

/// Beside single moves, a pause and a leaving member: members, studies, routes and referrals are taken in one order everywhere.
#[actix_web::test]
async fn actions_beside_moves_pauses_and_leaves_never_wait_in_a_circle() {
    let app = App::start_with(Setup { connections: 16, ..Setup::default() }).await;
    let admin = app.admin();
    let kim = json!({"display_name": "kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = admin.post("/v1/members", &kim).await.expect(201).id();
    let ids = sent(&app, 16).await;
    db_find_circles_fast(&app);
    for round in 0..8_usize {
        for id in &ids[..4] {
            go(&admin, id, json!({"to": "closed", "reason": "site_capacity"})).await;
        }
        let backwards = ids.iter().rev().cloned().collect::<Vec<_>>();
        let rows = |ids: &[String]| super::all(ids);
        let reopen = json!({"to": "received", "reason": "closed_by_mistake"});
        let study = format!("/v1/studies/{}/transitions", app.site.study);
        let single = |path: String, body: Value| {
            let person = app.admin();
            async move {
                for _ in 0..60 {
                    let answer = person.post_on(&path, "*", &body).await;
                    if answer.status != 503 {
                        return answer;
                    }
                }
                panic!("busy sixty times")
            }
        };
        let mut acts: Vec<std::pin::Pin<Box<dyn Future<Output = Answer>>>> = vec![
            Box::pin(insist(app.admin(), super::reassign(&kim, &rows(&backwards)))),
            Box::pin(insist(app.coordinator(), super::transition(reopen, &rows(&ids)))),
            Box::pin(single(study.clone(), json!({"to": "paused"}))),
            Box::pin(single(
                format!("/v1/referrals/{}/transitions", ids[0]),
                json!({"to": "received", "reason": "person_returned"}),
            )),
            Box::pin(single(format!("/v1/members/{kim}/deactivate"), json!({"reassign_to": app.site.coordinator}))),
            Box::pin(insist(app.admin(), super::reassign(app.site.admin, &rows(&ids)))),
        ];
        acts.rotate_left(round % 6);
        for answer in together(acts).await {
            assert!(matches!(answer.status, 200 | 409 | 422), "{}", answer.text);
        }
        let orphans = "SELECT count(*) FROM referrals r JOIN members m ON m.site_id = r.site_id AND m.id = r.owner_id
                        WHERE r.status <> 'closed' AND NOT m.active";
        assert_eq!(app.db.count(orphans), 0, "round {round}");
        let slipped =
            "SELECT count(*) FROM referrals WHERE status <> 'closed' AND (status <> 'on_hold' OR blocker <> 'study_paused')";
        assert_eq!(app.db.count(slipped), 0, "round {round}: all that is open is held");
        admin.post_on(&study, "*", &json!({"to": "open"})).await.expect(200);
        let path = format!("/v1/members/{kim}/reactivate");
        crate::support::callers::send(admin.request(reqwest::Method::POST, &path).header("If-Match", "*")).await.expect(200);
    }
    assert_eq!(db_circles(&app), 0);
    assert!(app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.reopened'") > 8, "the race was run");
}

/// The controls: two that read and then write without holding the rows make one version twice, and two that lock in the order of
/// their lists wait in a circle.
#[actix_web::test]
async fn two_that_hold_nothing_make_a_version_twice_and_two_that_lock_in_their_own_order_wait_in_a_circle() {
    let app = App::start().await;
    db_find_circles_fast(&app);
    let ids = sent(&app, 2).await;
    let mut conns = [app.db.superuser(), app.db.superuser()];
    let version = format!("SELECT version::text AS text FROM referrals WHERE id = '{}'", ids[0]);
    let read: Vec<String> = conns.iter_mut().map(|conn| texts(conn, &version).remove(0)).collect();
    for (conn, read) in conns.iter_mut().zip(&read) {
        conn.batch_execute(&format!(
            "UPDATE referrals SET version = {read} + 1 WHERE id = '{id}';
             WITH entry AS (INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id, values_digest)
                  SELECT site_id, gen_random_uuid(), now(), 'system', 'create_bulk_action', 'referral', id, sha256('x')
                    FROM referrals WHERE id = '{id}' RETURNING site_id, id, subject_id)
             INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, occurred_at)
                  SELECT e.site_id, gen_random_uuid(), e.id, 'referral.reassigned', false, r.id, {read} + 1, now()
                    FROM entry e JOIN referrals r ON r.id = e.subject_id",
            id = ids[0]
        ))
        .unwrap();
    }
    let found = faults(&app);
    assert_eq!(found.len(), 1, "{found:?}");

    let orders = [[ids[0].clone(), ids[1].clone()], [ids[1].clone(), ids[0].clone()]];
    let lockers: Vec<_> = orders
        .into_iter()
        .map(|order| {
            let mut conn = app.db.superuser();
            std::thread::spawn(move || {
                let lock = |id: &str| format!("SELECT 1 FROM referrals WHERE id = '{id}' FOR UPDATE");
                conn.batch_execute(&format!("BEGIN; {}; SELECT pg_sleep(0.3)", lock(&order[0]))).unwrap();
                conn.batch_execute(&lock(&order[1])).map_err(|error| error.to_string())
            })
        })
        .collect();
    let ended: Vec<Result<(), String>> = lockers.into_iter().map(|locker| locker.join().unwrap()).collect();
    let circles = ended.iter().filter(|end| end.as_ref().is_err_and(|error| error.contains("deadlock"))).count();
    assert_eq!((circles, db_circles(&app)), (1, 1), "{ended:?}");
}
