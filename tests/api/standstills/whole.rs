//! A change and what it does to referrals is one transaction; twice is once; who is elsewhere is left alone.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::{block, go, in_state, kept, partner, quarantined, route, slipped, study};
use crate::support::callers::Answer;
use crate::support::onboard;
use crate::support::{App, make};

/// Fails what a change writes to a table, for these rows.
fn db_break(app: &App, table: &str, when: &str) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF {when} THEN RAISE EXCEPTION 'broken by the test'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION broken()"
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

async fn ends(app: &App, subject: &str) -> Answer {
    if subject == "studies" { study(app, "paused").await } else { partner(app, "ended").await }
}

#[actix_web::test]
async fn a_change_that_fails_in_the_middle_changes_nothing() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let mut last = String::new();
    for status in ["received", "contacting", "connected"] {
        last = in_state(&app, &coordinator, status).await;
        block(&coordinator, &last, "awaiting_partner_completion").await;
    }
    let before = kept(&app);
    for subject in ["studies", "partners"] {
        for (table, when) in [
            ("referrals", format!("NEW.id = '{last}'")),
            (subject, "true".to_owned()),
            ("audit_entries", "NEW.subject_kind IN ('study', 'partner')".to_owned()),
            ("events", "NEW.event_type IN ('study.status_changed', 'partner.status_changed')".to_owned()),
            ("journal_queue", "NEW.stream = 'event'".to_owned()),
        ] {
            db_break(&app, table, &when);
            ends(&app, subject).await.expect_problem(500, "internal");
            assert_eq!(kept(&app), before, "{subject}, broken at {table}");
            app.db.superuser().batch_execute(&format!("DROP TRIGGER broken ON {table}")).unwrap();
        }
    }
    // The control: without the fault both change what is compared.
    for subject in ["studies", "partners"] {
        let before = kept(&app);
        ends(&app, subject).await.expect(200);
        assert_ne!(kept(&app), before);
    }
    assert_eq!(slipped(&app), 0);
}

/// The control of the check for referrals that slipped past a pause: behind the back of the operation nothing holds them.
#[actix_web::test]
async fn a_pause_that_holds_nobody_is_seen() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    for status in super::IN_FLIGHT {
        in_state(&app, &coordinator, status).await;
    }
    app.db.superuser().batch_execute("UPDATE studies SET status = 'paused'").unwrap();
    assert_eq!(slipped(&app), 5);
}

#[actix_web::test]
async fn the_same_again_is_refused_with_what_may_be_done_and_writes_nothing() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    for status in super::IN_FLIGHT {
        let id = in_state(&app, &coordinator, status).await;
        block(&coordinator, &id, "awaiting_partner_completion").await;
    }
    let check = async |answer: Answer, before: Vec<String>, allowed: Value| {
        assert_eq!(answer.expect_problem(409, "illegal_transition").body["allowed_actions"], allowed);
        assert_eq!(kept(&app), before);
    };
    let steps = [
        ("route", "pause", json!(["resume", "retire"])),
        ("route", "resume", json!(["pause", "retire"])),
        ("route", "retire", json!([])),
        ("partner", "paused", json!(["active", "ended"])),
        ("partner", "active", json!(["paused", "ended"])),
        ("study", "paused", json!(["open", "closed"])),
        ("study", "open", json!(["paused", "closed"])),
        ("partner", "ended", json!([])),
        ("study", "closed", json!([])),
    ];
    for (subject, step, allowed) in steps {
        let act = async || match subject {
            "route" => route(&app, step).await,
            "partner" => partner(&app, step).await,
            _ => study(&app, step).await,
        };
        act().await.expect(200);
        let before = kept(&app);
        check(act().await, before, allowed).await;
    }
    // A stale version is refused before anything is locked, and changes nothing either.
    let before = kept(&app);
    let path = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&path, "\"1\"", &json!({"to": "open"})).await.expect_problem(412, "stale_version");
    assert_eq!(kept(&app), before);
}

#[actix_web::test]
async fn another_study_another_partner_and_another_site_go_on_and_test_referrals_stop_too() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let own = make::sent(&app.partner()).await.id();
    let test = make::db_test_twin(&app.db, &own);
    let sibling = make::sent(&app.sibling_partner()).await.id();
    let elsewhere = make::sent(&app.person(&app.other_site.partner.key)).await.id();
    let second = json!({
        "code": "second-2026", "public_name": "Second Study", "short_description": "Another one.", "protocol_code": "SEC-1",
    });
    app.admin().post("/v1/studies", &second).await.expect(201);
    let mut body = make::route(&app.site, "lakeside");
    body["study"] = json!("second-2026");
    body["source_tag"] = json!("lakeside.second");
    let route = app.admin().post("/v1/routes", &body).await.expect(201).id();
    onboard::db_live(&app, &route);
    let other = make::referral_with(json!({"study": "second-2026"}));
    let other = app.partner().post("/v1/referrals", &other).await.expect(201).id();
    for id in [&own, &sibling, &other] {
        block(&coordinator, id, "awaiting_partner_completion").await;
    }
    let state = |id: &str| {
        let sql = format!("SELECT concat_ws(' ', status, blocker, held_blocker) AS text FROM referrals WHERE id = '{id}'");
        crate::tenancy::texts(&mut app.db.superuser(), &sql).remove(0)
    };
    let states = || [&own, &test, &sibling, &other, &elsewhere].map(|id| state(id));
    study(&app, "paused").await.expect(200);
    let held = "on_hold study_paused awaiting_partner_completion";
    let waits = "received awaiting_partner_completion";
    assert_eq!(states(), [held, "on_hold study_paused", held, waits, "received"]);
    partner(&app, "ended").await.expect(200);
    assert_eq!(states(), ["on_hold study_paused", "on_hold study_paused", held, "received", "received"], "each by its own study");
    study(&app, "open").await.expect(200);
    assert_eq!(states(), ["received", "received", waits, "received", "received"]);
}

#[actix_web::test]
async fn what_waits_for_the_paused_study_is_completed_moved_and_released_without_slipping_past_it() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let [completed, closed, held] = [
        in_state(&app, &coordinator, "contacting").await,
        in_state(&app, &coordinator, "connected").await,
        in_state(&app, &coordinator, "acknowledged").await,
    ];
    block(&coordinator, &completed, "awaiting_partner_completion").await;
    go(&coordinator, &closed, json!({"to": "closed", "reason": "site_capacity"})).await.expect(200);
    go(&coordinator, &held, json!({"to": "on_hold", "blocker": "awaiting_records"})).await.expect(200);
    let released = quarantined(&app).await;
    study(&app, "paused").await.expect(200);
    let path = format!("/v1/referrals/{completed}");
    assert_eq!(app.partner().get(&path).await.body["status"], "needs_partner_action", "it is the partner's turn still");

    // The partner brings what was missing; the feed hears that the wait is over, though the hold stays.
    let told = super::events_of(&app, &completed).len();
    app.partner().post_on(&format!("{path}/complete"), "*", &json!({})).await.expect(200);
    assert_eq!(super::events_of(&app, &completed)[told..], ["referral.transitioned 5"]);
    go(&coordinator, &closed, json!({"to": "received", "reason": "person_returned"})).await.expect(200);
    go(&coordinator, &held, json!({"to": "acknowledged"})).await.expect(200);
    go(&coordinator, &released, json!({"to": "received"})).await.expect(200);
    for (id, returns_to) in [(&completed, "contacting"), (&closed, "received"), (&held, "acknowledged"), (&released, "received")]
    {
        let view = coordinator.get(&format!("/v1/referrals/{id}")).await.body;
        assert_eq!(
            [&view["status"], &view["held_status"], &view["blocker"], &view["held_blocker"], &view["next_action"]],
            [&json!("on_hold"), &json!(returns_to), &json!("study_paused"), &Value::Null, &json!("await_study_team")]
        );
        let refused = go(&coordinator, id, json!({"to": returns_to})).await.expect_problem(409, "study_not_open");
        assert!(refused.body["detail"].as_str().unwrap().contains("Open the study"));
    }
    assert_eq!(slipped(&app), 0);
    study(&app, "open").await.expect(200);
    for (id, status) in [(&completed, "contacting"), (&closed, "received"), (&held, "acknowledged"), (&released, "received")] {
        let view = coordinator.get(&format!("/v1/referrals/{id}")).await.body;
        assert_eq!([&view["status"], &view["blocker"]], [&json!(status), &Value::Null]);
    }
}

#[actix_web::test]
async fn a_paused_partner_sends_nothing_more_and_what_it_sent_is_worked_on_and_completed() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let id = in_state(&app, &coordinator, "contacting").await;
    let path = format!("/v1/referrals/{id}");
    block(&coordinator, &id, "awaiting_partner_completion").await;
    partner(&app, "paused").await.expect(200);
    app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(409, "partner_not_active");
    assert_eq!(app.partner().get(&path).await.expect(200).body["status"], "needs_partner_action");
    app.partner().post_on(&format!("{path}/complete"), "*", &json!({})).await.expect(200);
    go(&coordinator, &id, json!({"to": "connected"})).await.expect(200);
    route(&app, "pause").await.expect(200);
    go(&coordinator, &id, json!({"to": "handed_off"})).await.expect(200);
    go(&coordinator, &id, json!({"to": "closed", "reason": "handoff_complete"})).await.expect(200);
}
