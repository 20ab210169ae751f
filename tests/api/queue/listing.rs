//! The list over HTTP: order, filters, whose it is, and what stays out of it.

use std::collections::BTreeSet;

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::json;

use super::{crawl, ids, sow};
use crate::support::App;
use crate::support::make;
use crate::tenancy::texts;

/// The open live referrals of the site under a condition, in the order of the queue.
fn db_queue(app: &App, condition: &str) -> Vec<String> {
    let sql = format!(
        "SELECT id::text AS text FROM referrals WHERE site_id = '{}' AND status <> 'closed' AND NOT is_test AND {condition}
          ORDER BY next_action_due_at, id",
        app.site.id
    );
    texts(&mut app.db.superuser(), &sql)
}

#[actix_web::test]
async fn pages_of_any_size_cover_everything_open_once_in_order_of_due_time_and_id() {
    let app = App::start().await;
    sow::crowd(&app.db, &app.site, 3, 3);
    sow::referrals(&app.db, &app.site, 1..=2_000);
    sow::referrals(&app.db, &app.other_site, 1..=200);
    // Forty at one moment: their ids alone tell them apart.
    let ties = "UPDATE referrals SET next_action_due_at = '2026-06-02T09:00:00Z' WHERE id IN (
        SELECT id FROM referrals WHERE status <> 'closed' AND NOT is_test ORDER BY md5(id::text) LIMIT 40)";
    app.db.superuser().batch_execute(ties).unwrap();
    let expected = db_queue(&app, "true");
    assert!(expected.len() > 100);
    for person in [app.coordinator(), app.admin(), app.site_key()] {
        for limit in [7, 50, 199] {
            assert_eq!(crawl(&person, &format!("/v1/queue?limit={limit}")).await, expected, "limit {limit}");
        }
    }
    let (coordinator, admin) = (app.site.coordinator, app.site.admin);
    for (filter, condition) in [
        ("owner=me".to_owned(), format!("owner_id = '{coordinator}'")),
        (format!("owner={admin}"), format!("owner_id = '{admin}'")),
        ("next_action=acknowledge".into(), "next_action = 'acknowledge'".into()),
        ("blocker=awaiting_records".into(), "blocker = 'awaiting_records'".into()),
        ("due_before=2026-06-02T09:00:00Z".into(), "next_action_due_at < '2026-06-02T09:00:00Z'".into()),
        ("study=second-study".into(), "study_id IN (SELECT id FROM studies WHERE code = 'second-study')".into()),
        ("partner=voices".into(), "partner_id IN (SELECT id FROM partners WHERE code = 'voices')".into()),
        (
            format!("owner={coordinator}&next_action=attempt_contact&due_before=2026-06-09T09:00:00Z"),
            format!(
                "owner_id = '{coordinator}' AND next_action = 'attempt_contact' AND next_action_due_at < '2026-06-09T09:00:00Z'"
            ),
        ),
    ] {
        let expected = db_queue(&app, &condition);
        assert!(!expected.is_empty(), "{filter}");
        assert_eq!(crawl(&app.coordinator(), &format!("/v1/queue?limit=11&{filter}")).await, expected, "{filter}");
    }
    // Members and codes of another site, and of nobody, are alike.
    for filter in
        [format!("owner={}", app.other_site.coordinator), format!("owner={}", uuid::Uuid::now_v7()), "study=zqx7".into()]
    {
        assert_eq!(crawl(&app.coordinator(), &format!("/v1/queue?{filter}")).await, Vec::<String>::new(), "{filter}");
    }
}

#[actix_web::test]
async fn what_happens_while_somebody_pages_neither_repeats_nor_hides_what_stays() {
    let app = App::start().await;
    sow::referrals(&app.db, &app.site, 1..=600);
    let before = db_queue(&app, "true");
    let (first, last) = (before.first().unwrap().clone(), before.last().unwrap().clone());
    let coordinator = app.coordinator();
    let mut seen = Vec::new();
    let mut path = Some("/v1/queue?limit=5".to_owned());
    let mut pages = 0;
    while let Some(next) = path {
        let page = coordinator.get(&next).await.expect(200);
        seen.extend(ids(&page));
        pages += 1;
        // One that was shown is closed, one that was not is, and new ones come in.
        if pages == 1 {
            for id in [&first, &last] {
                let close = json!({"to": "closed", "reason": "site_capacity"});
                coordinator.post_on(&format!("/v1/referrals/{id}/transitions"), "*", &close).await.expect(200);
            }
        }
        make::sent(&app.partner()).await;
        path = page.body["next_cursor"].as_str().map(|cursor| format!("/v1/queue?limit=5&cursor={cursor}"));
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "nothing comes twice");
    assert!(!seen.contains(&last), "what was closed before its page came is not shown");
    assert!(before.iter().filter(|id| **id != last).all(|id| distinct.contains(id)), "what stayed was shown");
}

#[actix_web::test]
async fn an_entry_says_what_is_to_be_done_and_its_version_is_one_to_work_with() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    app.clock.advance(Duration::days(3));
    let coordinator = app.coordinator();
    let page = coordinator.get("/v1/queue").await.expect(200);
    let entry = page.body["data"][0].clone();
    let kept = app.coordinator().get(&format!("/v1/referrals/{id}")).await.expect(200).body;
    for field in entry.as_object().unwrap().keys().filter(|field| !["overdue", "version"].contains(&field.as_str())) {
        assert_eq!(entry[field], kept[field], "{field}");
    }
    assert_eq!((&entry["overdue"], &entry["aging"], &entry["version"]), (&json!(true), &json!("no_first_action"), &json!(1)));
    let wait = json!({"to": "on_hold", "blocker": "awaiting_records"});
    let path = format!("/v1/referrals/{id}/transitions");
    coordinator.post_on(&path, &format!("\"{}\"", entry["version"]), &wait).await.expect(200);
    let entry = coordinator.get("/v1/queue?blocker=awaiting_records").await.expect(200).body["data"][0].clone();
    assert_eq!(
        (&entry["aging"], &entry["overdue"], &entry["blocked_since"], &entry["version"]),
        (&json!("dependency_blocked"), &json!(false), &json!("2026-06-04T09:00:00Z"), &json!(2))
    );
    coordinator.post_on(&path, "*", &json!({"to": "closed", "reason": "site_capacity"})).await.expect(200);
    assert_eq!(coordinator.get("/v1/queue").await.expect(200).body["data"], json!([]));
    let counts = coordinator.get("/v1/queue/counts").await.expect(200).body;
    assert_eq!((&counts["open"], &counts["owners"], &counts["next_actions"]), (&json!(0), &json!([]), &json!([])));
}

#[actix_web::test]
async fn the_queue_is_the_sites_alone_and_test_referrals_have_their_own() {
    let app = App::start().await;
    let live = make::sent(&app.partner()).await.id();
    let test = uuid::Uuid::now_v7();
    let copy = format!(
        "INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('id', '{test}', 'is_test', true, 'escalate_at', null,
            'handoff_code', translate(reverse(r.handoff_code), '0123456789', '9876543210')))).* FROM referrals r"
    );
    app.db.superuser().batch_execute(&copy).unwrap();
    let test_key = app.person(&make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::ReferralsRead]), true));
    for path in ["/v1/queue", "/v1/queue/counts"] {
        for stranger in [app.partner(), app.viewer()] {
            stranger.get(path).await.expect_problem(403, "forbidden");
        }
        app.person(&app.site.narrow_key).get(path).await.expect_problem(403, "insufficient_scope");
        app.stranger().get(path).await.expect_problem(401, "unauthenticated");
    }
    for person in [app.coordinator(), app.site_key()] {
        assert_eq!(ids(&person.get("/v1/queue").await.expect(200)), std::slice::from_ref(&live));
        assert_eq!(person.get("/v1/queue/counts").await.expect(200).body["open"], json!(1));
    }
    assert_eq!(ids(&test_key.get("/v1/queue").await.expect(200)), [test.to_string()]);
    assert_eq!(test_key.get("/v1/queue/counts").await.expect(200).body["open"], json!(1));
    assert_eq!(ids(&app.member(&app.other_site, app.other_site.admin).get("/v1/queue").await.expect(200)), Vec::<String>::new());
}

#[actix_web::test]
async fn strange_filters_and_cursors_are_refused_each_in_its_place() {
    let app = App::start().await;
    sow::referrals(&app.db, &app.site, 1..=300);
    let coordinator = app.coordinator();
    for (query, fault) in [
        ("owner=mine", "owner bad_format"),
        ("owner=------------------------------------", "owner bad_format"),
        ("aging=zqx7", "aging unknown_value"),
        ("next_action=enrol", "next_action unknown_value"),
        ("blocker=zqx7", "blocker unknown_value"),
        ("study=Heart 2026", "study bad_format"),
        ("due_before=tomorrow", "due_before bad_format"),
        ("limit=0", "limit out_of_range"),
        ("limit=201", "limit out_of_range"),
        ("status=received", "? unknown_field"),
        ("sort=owner", "? unknown_field"),
    ] {
        let answer = coordinator.get(&format!("/v1/queue?{query}")).await.expect_problem(400, "invalid_parameter");
        let faults = answer.faults();
        assert_eq!(faults.len(), 1, "{query}: {faults:?}");
        assert_eq!(faults[0].split(' ').nth(1), fault.split(' ').nth(1), "{query}: {faults:?}");
        if !fault.starts_with('?') {
            assert!(faults[0].contains(fault.split(' ').next().unwrap()), "{query}: {faults:?}");
        }
        assert!(!answer.text.contains("zqx7") && !answer.text.contains("mine"), "{}", answer.text);
    }
    app.site_key().get("/v1/queue?owner=me").await.expect_problem(400, "invalid_parameter");
    app.site_key().get("/v1/queue/counts?owner=me").await.expect_problem(400, "invalid_parameter");
    coordinator.get("/v1/queue/counts?limit=5").await.expect_problem(400, "invalid_parameter");

    let page = coordinator.get("/v1/queue?limit=2&next_action=acknowledge").await.expect(200);
    let cursor = page.body["next_cursor"].as_str().unwrap();
    coordinator.get(&format!("/v1/queue?next_action=acknowledge&cursor={cursor}")).await.expect(200);
    for strange in [
        format!("/v1/queue?cursor={cursor}"),
        format!("/v1/queue?next_action=reroute&cursor={cursor}"),
        format!("/v1/referrals?cursor={cursor}"),
    ] {
        coordinator.get(&strange).await.expect_problem(400, "invalid_cursor");
    }
    app.admin().get(&format!("/v1/queue?next_action=acknowledge&cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
}
