//! The feed over HTTP: following along, waiting, and what a cursor is good for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person};
use crate::support::{App, make};

/// Reads the feed from a cursor to its end; answers the events and the last cursor.
async fn follow(reader: &Person, cursor: Option<&str>, limit: usize) -> (Vec<Value>, String) {
    let mut events = Vec::new();
    let mut query = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    loop {
        let page = reader.get(&format!("/v1/events?limit={limit}{query}")).await.expect(200);
        events.extend(page.body["data"].as_array().unwrap().clone());
        let next = page.body["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(page.body["has_more"] == true, page.header("link").is_some());
        if page.body["has_more"] == false {
            return (events, next);
        }
        query = format!("&cursor={next}");
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn moved(app: &App, id: &str, body: Value) -> Answer {
    app.coordinator().post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await.expect(200)
}

/// More events than a page looks through, of which two in the middle and at the end are of a rare type.
fn grow(app: &App) {
    let site = app.site.id;
    app.db
        .superuser()
        .batch_execute(&format!(
            "CREATE TEMP TABLE grown AS
                 SELECT n, gen_random_uuid() AS id, CASE WHEN n IN (6000, 12000) THEN 'referral.reopened' ELSE 'referral.transitioned' END AS type
                   FROM generate_series(1, 12000) AS n;
             INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, occurred_at, status_before, status_after)
                 SELECT '{site}', id, (SELECT id FROM audit_entries WHERE site_id = '{site}' LIMIT 1), type, false, gen_random_uuid(), 1, now(),
                        CASE WHEN type = 'referral.transitioned' THEN 'received' END, CASE WHEN type = 'referral.transitioned' THEN 'acknowledged' END
                   FROM grown;
             INSERT INTO event_positions (site_id, is_test, position, event_id)
                 SELECT '{site}', false, live_position + n, id FROM grown, journal_heads WHERE site_id = '{site}';
             UPDATE journal_heads SET live_position = live_position + 12000 WHERE site_id = '{site}'"
        ))
        .unwrap();
}

#[actix_web::test]
async fn events_of_a_rare_type_are_found_however_many_others_lie_between_and_no_page_looks_through_them_all() {
    let app = App::start().await;
    app.sequence().await;
    grow(&app);
    let reader = app.person(&app.site.narrow_key);
    let mut found = Vec::new();
    let mut query = String::new();
    loop {
        let page = reader.get(&format!("/v1/events?type=referral.reopened&wait_seconds=10{query}")).await.expect(200);
        found.push(page.body["data"].as_array().unwrap().len());
        if page.body["has_more"] == false {
            break;
        }
        query = format!("&cursor={}", page.body["next_cursor"].as_str().unwrap());
    }
    assert_eq!(found, [0, 1, 1], "one page for each 5,000 events, answered at once");
}

#[actix_web::test]
async fn a_reader_follows_every_change_once_and_in_order_and_a_bookmark_does_not_expire() {
    let app = App::start().await;
    let reader = app.person(&app.site.narrow_key);
    app.sequence().await;
    let (before, bookmark) = follow(&reader, None, 7).await;
    let id = make::sent(&app.partner()).await.id();
    moved(&app, &id, json!({"to": "contacting"})).await;
    moved(&app, &id, json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    moved(&app, &id, json!({"to": "closed", "reason": "wrong_study"})).await;
    moved(&app, &id, json!({"to": "received", "reason": "closed_by_mistake"})).await;
    let unseen = reader.get(&format!("/v1/events?cursor={bookmark}")).await.expect(200);
    assert_eq!(unseen.body["data"], json!([]), "what has no place yet is not read");
    app.sequence().await;
    app.clock.advance(chrono::Duration::days(400));
    let (events, end) = follow(&reader, Some(&bookmark), 2).await;
    assert_eq!(
        types(&events),
        [
            "referral.received",
            "referral.transitioned",
            "referral.transitioned",
            "referral.blocked",
            "referral.transitioned",
            "referral.transitioned",
            "referral.reopened",
        ]
    );
    let versions: Vec<i64> = events.iter().map(|event| event["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 3, 3, 4, 5, 5]);
    assert!(events.iter().all(|event| event["referral_id"] == json!(id) && event["partner_id"] == json!(app.site.partner.id)));
    let positions: Vec<i64> = before.iter().chain(&events).map(|event| event["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=positions.len() as i64).collect::<Vec<_>>(), "from the first event, without gaps");
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    // The same bookmark again gives the same again, byte for byte.
    let again = format!("/v1/events?limit=3&cursor={bookmark}");
    assert_eq!(reader.get(&again).await.text, reader.get(&again).await.text);
    assert_eq!(follow(&reader, Some(&end), 50).await, (vec![], end.clone()));

    let history = app.site_key().get(&format!("/v1/referrals/{id}/events")).await.expect(200);
    let history = history.body["data"].as_array().unwrap();
    assert_eq!(types(history), types(&events));
    assert_eq!(history[1]["by"], json!({"kind": "staff", "id": app.site.coordinator}));
    assert_eq!(history[0]["by"]["kind"], "partner_key");
    assert_eq!(history[4]["reason"], "wrong_study");
    let change = |field: &str| history[4]["changes"].as_array().unwrap().iter().find(|one| one["field"] == field).cloned();
    assert_eq!(change("status"), Some(json!({"field": "status", "before": "on_hold", "after": "closed"})));
    assert_eq!(change("blocker"), Some(json!({"field": "blocker", "before": "awaiting_records", "after": null})));
}

#[actix_web::test]
async fn a_cursor_is_good_for_its_site_feed_and_filter_only() {
    let app = App::start().await;
    app.sequence().await;
    let test_key = make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::EventsRead]), true);
    let (reader, elsewhere, tester) =
        (app.person(&app.site.narrow_key), app.person(&app.other_site.narrow_key), app.person(&test_key));
    let cursor = |page: &Answer| page.body["next_cursor"].as_str().unwrap().to_owned();
    let ours = cursor(&reader.get("/v1/events?limit=2").await.expect(200));
    let filtered = cursor(&reader.get("/v1/events?type=route.launched").await.expect(200));
    let theirs = cursor(&elsewhere.get("/v1/events?limit=2").await.expect(200));
    let refused = [
        (&reader, format!("cursor={theirs}")),
        (&elsewhere, format!("cursor={ours}")),
        (&tester, format!("cursor={ours}")),
        (&reader, format!("cursor={filtered}")),
        (&reader, format!("cursor={ours}&type=route.launched")),
        (&reader, "cursor=AAAA".to_owned()),
    ];
    for (who, query) in refused {
        who.get(&format!("/v1/events?{query}")).await.expect_problem(400, "invalid_cursor");
    }
    // The controls: each opens where it was made, and for another reader of the same feed.
    reader.get(&format!("/v1/events?cursor={filtered}&type=route.launched")).await.expect(200);
    app.admin().get(&format!("/v1/events?cursor={ours}")).await.expect(200);
    let launched = reader.get("/v1/events?type=route.launched").await.expect(200);
    assert_eq!(types(launched.body["data"].as_array().unwrap()), ["route.launched", "route.launched"]);
    for query in ["wait_seconds=11", "wait_seconds=-1", "start=now", "type=referral.enrolled", "limit=201"] {
        reader.get(&format!("/v1/events?{query}")).await.expect_problem(400, "invalid_parameter");
    }
}

#[actix_web::test]
async fn a_cursor_beyond_the_end_of_a_restored_feed_is_refused_and_not_answered_with_silence() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    let reader = app.person(&app.site.narrow_key);
    let (_, end) = follow(&reader, None, 50).await;
    reader.get(&format!("/v1/events?cursor={end}")).await.expect(200);
    // What a restored backup is: the feed as it was before its last event.
    let restore =
        "DELETE FROM event_positions p USING journal_heads h WHERE p.site_id = h.site_id AND p.position = h.live_position;
        UPDATE journal_heads SET live_position = live_position - 1";
    app.db.superuser().batch_execute(restore).unwrap();
    reader.get(&format!("/v1/events?cursor={end}")).await.expect_problem(400, "invalid_cursor");
}

#[actix_web::test]
async fn test_referrals_never_reach_the_live_feed() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    // What a test run will leave, made by hand until there are test runs: the same rows, marked test.
    app.db.superuser().batch_execute("UPDATE events SET is_test = true WHERE event_type = 'referral.received'").unwrap();
    app.sequence().await;
    let test_key = make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::EventsRead]), true);
    let (live, _) = follow(&app.person(&app.site.narrow_key), None, 50).await;
    let (test, _) = follow(&app.person(&test_key), None, 50).await;
    assert!(!live.is_empty() && live.iter().all(|event| event["referral_id"] != json!(id)));
    assert_eq!((types(&test), test[0]["position"].as_i64()), (vec!["referral.received"], Some(1)));
}

#[actix_web::test]
async fn a_reader_that_waits_is_answered_by_the_first_event_and_otherwise_in_time() {
    let app = App::start().await;
    app.sequence().await;
    let reader = app.person(&app.site.narrow_key);
    let started = Instant::now();
    let latest = reader.get("/v1/events?start=latest&wait_seconds=1").await.expect(200);
    assert_eq!(latest.body["data"], json!([]));
    assert!((Duration::from_millis(950)..Duration::from_secs(5)).contains(&started.elapsed()), "{:?}", started.elapsed());

    let cursor = latest.body["next_cursor"].as_str().unwrap().to_owned();
    let waiting = {
        let (reader, cursor) = (reader.clone(), cursor.clone());
        actix_web::rt::spawn(async move {
            let answer = reader.get(&format!("/v1/events?wait_seconds=10&cursor={cursor}")).await;
            (answer, Instant::now())
        })
    };
    // Four readers that wait hold no connection of the pool of four: others are served meanwhile.
    let others: Vec<_> = (0..4)
        .map(|_| {
            let (reader, cursor) = (reader.clone(), cursor.clone());
            actix_web::rt::spawn(async move { reader.get(&format!("/v1/events?wait_seconds=10&cursor={cursor}")).await })
        })
        .collect();
    actix_web::rt::time::sleep(Duration::from_millis(300)).await;
    let id = make::sent(&app.partner()).await.id();
    let placed = Instant::now();
    app.sequence().await;
    let (answer, answered) = waiting.await.unwrap();
    assert_eq!(answer.expect(200).body["data"][0]["referral_id"], json!(id));
    assert!(answered - placed < Duration::from_secs(2), "{:?}", answered - placed);
    for other in others {
        assert_eq!(other.await.unwrap().expect(200).body["data"].as_array().unwrap().len(), 1);
    }
}

#[actix_web::test]
async fn a_key_that_is_revoked_while_it_waits_is_refused_within_five_seconds() {
    let app = App::start().await;
    app.sequence().await;
    let reader = app.person(&app.site.narrow_key);
    let started = Instant::now();
    let waiting = actix_web::rt::spawn(async move { reader.get("/v1/events?start=latest&wait_seconds=10").await });
    actix_web::rt::time::sleep(Duration::from_millis(200)).await;
    app.db.superuser().batch_execute("UPDATE api_keys SET revoked_at = '2026-06-01T08:00:00Z'").unwrap();
    waiting.await.unwrap().expect_problem(401, "invalid_credentials");
    assert!(started.elapsed() < Duration::from_millis(5_200), "{:?}", started.elapsed());
}
