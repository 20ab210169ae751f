//! Reassigning many: a result for each, in the order of the request, and what is recorded of each.

use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection as _};
use handoff::auth::operator_scope;
use handoff::domain::referral_state::Request;
use handoff::domain::vocabulary::{PlanReason, ReferralStatus};
use handoff::jobs::escalation;
use handoff::ops::Context;
use handoff::ops::create_bulk_action::{self, BulkAction, Wanted};
use handoff::ops::issue_key::Holder;
use serde_json::json;

use super::{PATH, all, go, kept, reassign, results, sent, stand, transition};
use crate::support::{App, make};
use crate::tenancy::texts;

#[actix_web::test]
async fn each_row_has_the_result_that_it_would_have_alone_and_what_may_be_done_is_done() {
    let app = App::start().await;
    let (robin, dana, coordinator) = (app.site.admin, app.site.coordinator, app.coordinator());
    let ids = sent(&app, 5).await;
    go(&coordinator, &ids[1], json!({"to": "contacting"})).await;
    go(&coordinator, &ids[2], json!({"to": "closed", "reason": "wrong_study"})).await;
    coordinator
        .patch(&format!("/v1/referrals/{}", ids[3]), "*", &json!({"owner_id": robin, "reason": "workload"}))
        .await
        .expect(200);
    let elsewhere = app.person(&app.other_site.partner.key);
    let [foreign, another] = [make::sent(&elsewhere).await.id(), make::sent(&elsewhere).await.id()];
    let rows = [
        json!({"id": ids[4]}),
        json!({"id": ids[1], "version": 1}),
        json!({"id": foreign}),
        json!({"id": ids[0], "version": 1}),
        json!({"id": ids[2]}),
        json!({"id": ids[3]}),
        json!({"id": app.site.admin, "version": 7}),
        json!({"id": another, "version": 9}),
    ];
    let before = kept(&app).len();
    let answer = coordinator.post(PATH, &reassign(robin, &rows)).await.expect(200);
    assert_eq!(
        results(&answer),
        [
            "done v2",
            "refused v2 stale_version",
            "refused not_found",
            "done v2",
            "refused v2 state_conflict",
            "done v2",
            "refused not_found",
            "refused not_found",
        ]
    );
    let told: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let named: Vec<&str> = answer.body["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(named, told, "in the order of the request");
    // A foreign one is told of exactly as one that is nowhere.
    let bare = |index: usize| {
        let mut one = answer.body["results"][index].clone();
        one["id"].take();
        one
    };
    assert_eq!(bare(2), bare(6));
    // The same codes as alone.
    let alone = |id: &str, etag: &'static str| {
        let (person, path) = (coordinator.clone(), format!("/v1/referrals/{id}"));
        async move { person.patch(&path, etag, &json!({"owner_id": robin, "reason": "absence"})).await.code().to_owned() }
    };
    assert_eq!(alone(&ids[1], "\"1\"").await, "stale_version");
    assert_eq!(alone(&ids[2], "*").await, "state_conflict");
    assert_eq!(alone(&foreign, "*").await, "not_found");
    let stands: Vec<String> = ids.iter().map(|id| stand(&app, id)).collect();
    assert_eq!(
        stands,
        [
            format!("received {robin} v2"),
            format!("contacting {dana} v2"),
            format!("closed {dana} v2"),
            format!("received {robin} v2"),
            format!("received {robin} v2"),
        ]
    );
    // Two rows changed: an entry, an event and their places in the queue for each, and the key of the request.
    assert_eq!(kept(&app).len(), before + 2 * 4 + 1, "what had the owner already, or was refused, left no trace");
}

#[actix_web::test]
async fn each_row_that_changed_has_its_event_and_its_entry_with_the_reason() {
    let app = App::start().await;
    let ids = sent(&app, 3).await;
    let before: Vec<String> = {
        let partner = app.partner();
        let mut tags = Vec::new();
        for id in &ids {
            tags.push(partner.get(&format!("/v1/referrals/{id}")).await.etag());
        }
        tags
    };
    app.coordinator().post(PATH, &reassign(app.site.admin, &all(&ids))).await.expect(200);
    let close = json!({"to": "closed", "reason": "site_capacity"});
    let events = |id: &str| {
        texts(
            &mut app.db.superuser(),
            &format!("SELECT event_type || ' ' || version AS text FROM events WHERE subject_id = '{id}' ORDER BY number"),
        )
    };
    app.sequence().await;
    for (id, tag) in ids.iter().zip(&before) {
        assert_eq!(events(id), ["referral.received 1", "referral.reassigned 2"]);
        let path = format!("/v1/audit?subject_id={id}&operation=create_bulk_action");
        let trail = app.admin().get(&path).await.expect(200).body["data"].clone();
        assert_eq!(trail.as_array().unwrap().len(), 1);
        let entry = &trail[0];
        assert_eq!(entry["actor"], json!({"kind": "staff", "id": app.site.coordinator}));
        assert_eq!(entry["reason"], "absence");
        let owner = json!([{"field": "owner_id", "before": app.site.coordinator, "after": app.site.admin}]);
        assert_eq!(entry["changes"], owner, "and nothing else changed");
        assert_eq!(app.partner().get(&format!("/v1/referrals/{id}")).await.etag(), *tag, "a partner does not see owners");
    }
    // By a site's own system too, and a move says its own reason.
    app.site_key().post(PATH, &transition(close, &all(&ids[..1]))).await.expect(200);
    app.sequence().await;
    assert_eq!(events(&ids[0]), ["referral.received 1", "referral.reassigned 2", "referral.transitioned 3"]);
    let trail = app.admin().get(&format!("/v1/audit?subject_id={}&limit=1", ids[0])).await.expect(200).body["data"].clone();
    let (kind, reason) = (&trail[0]["actor"]["kind"], &trail[0]["reason"]);
    assert_eq!((kind, reason), (&json!("site_key"), &json!("site_capacity")));
}

#[actix_web::test]
async fn a_reassigned_referral_begins_its_escalation_anew() {
    let app = App::start().await;
    let id = sent(&app, 1).await.remove(0);
    app.clock.advance(chrono::Duration::hours(24));
    assert_eq!(escalation::pass(&app.state).await.unwrap(), 1);
    let plan = |app: &App| {
        let sql = format!(
            "SELECT concat_ws(' ', escalation, escalate_at = next_action_due_at) AS text FROM referrals WHERE id = '{id}'"
        );
        texts(&mut app.db.superuser(), &sql).remove(0)
    };
    assert_eq!(plan(&app), "reminder f");
    app.coordinator().post(PATH, &reassign(app.site.admin, &all(std::slice::from_ref(&id)))).await.expect(200);
    assert_eq!(plan(&app), "t");
}

#[actix_web::test]
async fn two_hundred_at_once_and_a_test_key_finds_test_referrals_alone() {
    let app = App::start().await;
    let live = sent(&app, 1).await.remove(0);
    let test = make::db_test_twin(&app.db, &live);
    // As many as a request takes.
    let route = app.site.partner.route;
    let more = format!(
        "INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'handoff_code', null,
            'contact_path', 'site_record', 'external_ref', 'CRM-' || n))).* FROM referrals r, generate_series(1, 199) n WHERE r.id = '{live}'"
    );
    app.db.superuser().batch_execute(&more).unwrap();
    let ids = texts(
        &mut app.db.superuser(),
        &format!("SELECT id::text AS text FROM referrals WHERE route_id = '{route}' AND NOT is_test ORDER BY md5(id::text)"),
    );
    assert_eq!(ids.len(), 200);
    let start = std::time::Instant::now();
    let answer = app.coordinator().post(PATH, &reassign(app.site.admin, &all(&ids))).await.expect(200);
    println!("200 reassigned in {:?} (a debug build), {} bytes of answer", start.elapsed(), answer.text.len());
    assert_eq!((&answer.body["done"], &answer.body["refused"]), (&json!(200), &json!(0)));
    let order: Vec<&str> = answer.body["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(order, ids);
    let given = format!("SELECT count(*) FROM referrals WHERE owner_id = '{}' AND version = 2", app.site.admin);
    assert_eq!(app.db.count(&given), 200);
    assert_eq!(app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.reassigned'"), 200);

    let holder = Holder::Site(vec![handoff::domain::vocabulary::Scope::ReferralsWrite]);
    let tester = app.person(&make::db_key(&app.db, &app.site, &holder, true));
    let both = [test.clone(), live.clone()];
    let answer = tester.post(PATH, &reassign(app.site.admin, &all(&both))).await.expect(200);
    assert_eq!(results(&answer), ["done v2", "refused not_found"]);
    let answer = app.site_key().post(PATH, &reassign(app.site.coordinator, &all(&both))).await.expect(200);
    assert_eq!(results(&answer), ["refused not_found", "done v3"], "and a live key finds no test referral");
    let close = json!({"to": "closed", "reason": "test_referral"});
    let answer = tester.post(PATH, &transition(close.clone(), &all(&both))).await.expect(200);
    assert_eq!(results(&answer), ["done v3", "refused not_found"]);
    let answer = app.site_key().post(PATH, &transition(close, &all(&both))).await.expect(200);
    assert_eq!(results(&answer), ["refused not_found", "refused v3 invalid_body"], "a live one never ends as a test");
}

/// The number of statements does not grow with the number of rows, whatever the action.
#[actix_web::test]
async fn an_action_is_a_fixed_number_of_statements() {
    let app = App::start().await;
    let ids = sent(&app, 12).await;
    let closed = sent(&app, 12).await;
    for id in &closed {
        go(&app.coordinator(), id, json!({"to": "closed", "reason": "site_capacity"})).await;
    }
    let statements = |action: BulkAction, ids: &[String]| {
        let mut conn = app.db.app();
        let counted = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = counted.clone();
        conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", app.site.id)).unwrap();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { .. } = event {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
        let wanted: Vec<Wanted> = ids.iter().map(|id| Wanted { id: id.parse().unwrap(), version: None }).collect();
        let context = Context::of_operator(operator_scope(app.site.id), app.clock.now());
        let done = create_bulk_action::run(&mut conn, &context, &action, &wanted).unwrap();
        assert!(done.iter().all(|outcome| outcome.refused.is_none()), "{done:?}");
        let count = counted.load(std::sync::atomic::Ordering::SeqCst);
        conn.batch_execute("ROLLBACK").unwrap();
        count
    };
    let moved = |to, reason: Option<&str>| {
        let reason = reason.and_then(handoff::domain::referral_state::TransitionReason::from_code);
        BulkAction::Transition(Request { to, reason, blocker: None })
    };
    for (name, action, ids) in [
        ("reassign", BulkAction::Reassign { owner: app.site.admin, reason: PlanReason::Absence }, &ids),
        ("contacting", moved(ReferralStatus::Contacting, None), &ids),
        ("closed", moved(ReferralStatus::Closed, Some("site_capacity")), &ids),
        ("reopened", moved(ReferralStatus::Received, Some("closed_by_mistake")), &closed),
    ] {
        let (one, many) = (statements(action, &ids[..1]), statements(action, ids));
        println!("bulk action, {name}: {one} statements for 1 row, {many} for {}", ids.len());
        assert_eq!(one, many, "{name}");
    }
}
