//! Moving a referral: versions, milestones, holds, reasons that are refused for ever, and what a study's pause does.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, send, together};
use crate::support::{App, make};

async fn go(person: &Person, path: &str, body: Value) -> Answer {
    person.post_on(&format!("{path}/transitions"), "*", &body).await
}

async fn new_path(app: &App) -> String {
    format!("/v1/referrals/{}", make::sent(&app.partner()).await.id())
}

#[actix_web::test]
async fn a_move_needs_the_version_that_was_read() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let transitions = format!("{path}/transitions");
    let body = json!({"to": "acknowledged"});
    send(coordinator.request(Method::POST, &transitions).json(&body)).await.expect_problem(428, "if_match_required");
    for stale in ["\"2\"", "\"0\"", "W/\"1\"", "1", "\"\"", "\"x\"", "\"1", "\"99999999999999\""] {
        coordinator.post_on(&transitions, stale, &body).await.expect_problem(412, "stale_version");
    }
    let twice =
        coordinator.request(Method::POST, &transitions).header("If-Match", "\"1\"").header("If-Match", "\"1\"").json(&body);
    send(twice).await.expect_problem(400, "invalid_header");
    // A partner's tag is of its own view, and says nothing about versions.
    let foreign = app.partner().get(&path).await.etag();
    coordinator.post_on(&transitions, &foreign, &body).await.expect_problem(412, "stale_version");

    let moved = coordinator.post_on(&transitions, "\"1\"", &body).await.expect(200);
    assert_eq!(moved.etag(), "\"2\"");
    coordinator.post_on(&transitions, "\"1\"", &json!({"to": "contacting"})).await.expect_problem(412, "stale_version");
    coordinator.post_on(&transitions, "\"7\", \"2\"", &json!({"to": "contacting"})).await.expect(200);
    coordinator.post_on(&transitions, "*", &json!({"to": "connected"})).await.expect(200);
    assert_eq!(coordinator.get(&path).await.etag(), "\"4\"");
}

#[actix_web::test]
async fn of_many_moves_on_one_version_exactly_one_happens() {
    let app = App::start().await;
    let path = new_path(&app).await;
    let transitions = format!("{path}/transitions");
    let answers = together((0..16).map(|number| {
        let (coordinator, transitions) = (app.coordinator(), transitions.clone());
        let to = ["acknowledged", "contacting", "connected"][number % 3];
        async move { coordinator.post_on(&transitions, "\"1\"", &json!({"to": to})).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!((refused.status, refused.code()), (412, "stale_version") | (503, "overloaded")), "{}", refused.text);
    }
    assert_eq!(app.coordinator().get(&path).await.etag(), "\"2\"");
}

#[actix_web::test]
async fn a_referral_walks_to_its_handoff_and_each_step_keeps_its_time() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let steps = [
        ("acknowledged", "acknowledged_at", "attempt_contact"),
        ("contacting", "contacting_at", "attempt_contact"),
        ("connected", "connected_at", "arrange_handoff"),
        ("handed_off", "handed_off_at", "confirm_close"),
    ];
    for (to, milestone, next_action) in steps {
        app.clock.advance(Duration::hours(1));
        let moved = go(&coordinator, &path, json!({"to": to})).await.expect(200);
        assert_eq!((&moved.body["status"], &moved.body["next_action"]), (&json!(to), &json!(next_action)));
        assert_eq!(moved.body[milestone], json!(app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    }
    app.clock.advance(Duration::hours(1));
    let closed = go(&coordinator, &path, json!({"to": "closed", "reason": "handoff_complete"})).await.expect(200).body;
    let times =
        ["acknowledged_at", "contacting_at", "connected_at", "handed_off_at", "closed_at"].map(|name| closed[name].clone());
    assert_eq!(times, [10, 11, 12, 13, 14].map(|hour| json!(format!("2026-06-01T{hour}:00:00Z"))));
    assert_eq!((&closed["next_action"], &closed["next_action_due_at"]), (&Value::Null, &Value::Null));
    assert_eq!(coordinator.get(&path).await.body, closed, "the answer to a move is what a reader sees");
}

#[actix_web::test]
async fn skipped_steps_take_the_time_of_the_move_and_passed_ones_keep_theirs() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    go(&coordinator, &path, json!({"to": "acknowledged"})).await.expect(200);
    app.clock.advance(Duration::hours(1));
    let moved = go(&coordinator, &path, json!({"to": "connected"})).await.expect(200).body;
    assert_eq!(
        ["acknowledged_at", "contacting_at", "connected_at", "handed_off_at"].map(|name| moved[name].clone()),
        [json!("2026-06-01T09:00:00Z"), json!("2026-06-01T10:00:00Z"), json!("2026-06-01T10:00:00Z"), Value::Null]
    );
}

#[actix_web::test]
async fn a_hold_says_why_returns_where_it_left_and_passes_no_step() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let before = go(&coordinator, &path, json!({"to": "contacting"})).await.expect(200).body;
    for (blocker, next_action) in [
        ("awaiting_person_reply", "attempt_contact"),
        ("awaiting_partner_completion", "request_partner_completion"),
        ("awaiting_study_team_review", "await_study_team"),
        ("awaiting_records", "request_partner_completion"),
        ("scheduling_capacity", "arrange_handoff"),
        ("study_paused", "await_study_team"),
        ("duplicate_review", "resolve_duplicate"),
        ("route_broken", "reroute"),
        ("language_lapsed", "reroute"),
    ] {
        app.clock.advance(Duration::hours(1));
        let held = go(&coordinator, &path, json!({"to": "on_hold", "blocker": blocker})).await.expect(200).body;
        assert_eq!(
            (&held["status"], &held["held_status"], &held["blocker"], &held["next_action"]),
            (&json!("on_hold"), &json!("contacting"), &json!(blocker), &json!(next_action))
        );
        let refused = go(&coordinator, &path, json!({"to": "connected"})).await.expect_problem(409, "illegal_transition");
        assert_eq!(refused.body["allowed_actions"], json!(["contacting", "closed"]));
        let back = go(&coordinator, &path, json!({"to": "contacting"})).await.expect(200).body;
        let unchanged = ["status", "held_status", "blocker", "acknowledged_at", "contacting_at", "connected_at", "closed_at"];
        for name in unchanged {
            assert_eq!(back[name], before[name], "{name}");
        }
    }
    // From a hold it may also end, and then nothing of the hold is left.
    go(&coordinator, &path, json!({"to": "on_hold", "blocker": "awaiting_records"})).await.expect(200);
    let ended = go(&coordinator, &path, json!({"to": "closed", "reason": "partner_withdrew"})).await.expect(200).body;
    assert_eq!((&ended["held_status"], &ended["blocker"]), (&Value::Null, &Value::Null));
}

#[actix_web::test]
async fn a_handoff_that_falls_through_is_not_one_any_more() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    go(&coordinator, &path, json!({"to": "connected"})).await.expect(200);
    go(&coordinator, &path, json!({"to": "handed_off"})).await.expect(200);
    app.clock.advance(Duration::hours(1));
    let back = go(&coordinator, &path, json!({"to": "connected"})).await.expect(200).body;
    assert_eq!((&back["handed_off_at"], &back["connected_at"]), (&Value::Null, &json!("2026-06-01T09:00:00Z")));
    // `handoff_complete` closes from `handed_off` only.
    let early =
        go(&coordinator, &path, json!({"to": "closed", "reason": "handoff_complete"})).await.expect_problem(422, "invalid_body");
    assert_eq!(early.faults(), ["/reason inconsistent"]);
    app.clock.advance(Duration::hours(1));
    let again = go(&coordinator, &path, json!({"to": "handed_off"})).await.expect(200).body;
    assert_eq!(again["handed_off_at"], "2026-06-01T11:00:00Z");
}

#[actix_web::test]
async fn a_closed_referral_opens_again_on_a_new_clock_but_not_after_a_final_reason() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    go(&coordinator, &path, json!({"to": "connected"})).await.expect(200);
    go(&coordinator, &path, json!({"to": "closed", "reason": "site_capacity"})).await.expect(200);
    app.clock.advance(Duration::days(3));
    let coordinator = app.coordinator();
    let open = go(&coordinator, &path, json!({"to": "received", "reason": "person_returned"})).await.expect(200).body;
    for cleared in ["acknowledged_at", "contacting_at", "connected_at", "handed_off_at", "closed_at", "close_reason"] {
        assert_eq!(open[cleared], Value::Null, "{cleared}");
    }
    assert_eq!(
        (&open["reopen_reason"], &open["next_action"], &open["next_action_due_at"], &open["recorded_at"]),
        (&json!("person_returned"), &json!("acknowledge"), &json!("2026-06-05T09:00:00Z"), &json!("2026-06-01T09:00:00Z"))
    );
    let moved = go(&coordinator, &path, json!({"to": "acknowledged"})).await.expect(200).body;
    assert_eq!(moved["reopen_reason"], "person_returned", "why it was opened again stays known");
    for final_reason in ["duplicate", "entered_in_error"] {
        let path = new_path(&app).await;
        go(&coordinator, &path, json!({"to": "closed", "reason": final_reason})).await.expect(200);
        for reason in ["closed_by_mistake", "person_returned", "handoff_resumed"] {
            let refused = go(&coordinator, &path, json!({"to": "received", "reason": reason})).await;
            assert_eq!(refused.expect_problem(409, "illegal_transition").body["allowed_actions"], json!([]));
        }
    }
}

#[actix_web::test]
async fn eligibility_enrolment_and_diagnoses_are_no_reason_and_are_not_echoed() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let never = [
        "ineligible",
        "screen_failure",
        "disqualified",
        "excluded",
        "enrolled",
        "randomised",
        "randomized",
        "consented",
        "diabetes",
    ];
    for reason in never {
        for place in ["reason", "to", "blocker"] {
            let mut body = json!({"to": "closed", "reason": "wrong_study"});
            body[place] = json!(reason);
            let refused = go(&coordinator, &path, body).await.expect_problem(422, "invalid_body");
            assert_eq!(refused.faults(), [format!("/{place} unknown_value")]);
            assert!(!refused.text.contains(reason), "{reason} is echoed");
        }
    }
    // Set by the retention job, and for test referrals: not by hand on a live one.
    for reason in ["retention_expired", "test_referral"] {
        let refused =
            go(&coordinator, &path, json!({"to": "closed", "reason": reason})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/reason inconsistent"]);
    }
    assert_eq!(coordinator.get(&path).await.etag(), "\"1\"");
    go(&coordinator, &path, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
}

#[actix_web::test]
async fn only_the_site_moves_and_an_unknown_or_foreign_referral_is_not_there() {
    let app = App::start().await;
    let path = new_path(&app).await;
    let body = json!({"to": "acknowledged"});
    go(&app.partner(), &path, body.clone()).await.expect_problem(403, "forbidden");
    app.partner().get(&format!("{path}/actions")).await.expect_problem(403, "forbidden");
    go(&app.person(&app.site.narrow_key), &path, body.clone()).await.expect_problem(403, "insufficient_scope");
    go(&app.viewer(), &path, body.clone()).await.expect_problem(403, "forbidden");
    let foreign = app.member(&app.other_site, app.other_site.coordinator);
    for unknown in [path.clone(), format!("/v1/referrals/{}", uuid::Uuid::from_u128(7)), "/v1/referrals/no-uuid".into()] {
        go(&foreign, &unknown, body.clone()).await.expect_problem(404, "not_found");
        foreign.get(&format!("{unknown}/actions")).await.expect_problem(404, "not_found");
        foreign.get(&unknown).await.expect_problem(404, "not_found");
    }
    go(&app.site_key(), &path, body).await.expect(200);
}

#[actix_web::test]
async fn a_paused_study_holds_what_is_in_flight_and_an_opened_one_lets_it_go_on() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let mut kept = Vec::new();
    for moves in [
        vec![],
        vec![json!({"to": "acknowledged"})],
        vec![json!({"to": "contacting"})],
        vec![json!({"to": "connected"})],
        vec![json!({"to": "connected"}), json!({"to": "handed_off"})],
        vec![json!({"to": "on_hold", "blocker": "awaiting_records"})],
        vec![json!({"to": "closed", "reason": "wrong_site"})],
    ] {
        let path = new_path(&app).await;
        for step in moves {
            go(&coordinator, &path, step).await.expect(200);
        }
        let seen = (coordinator.get(&path).await, app.partner().get(&path).await.etag());
        kept.push((path, seen));
    }
    let elsewhere = format!("/v1/referrals/{}", make::sent(&app.person(&app.other_site.partner.key)).await.id());
    let other = app.member(&app.other_site, app.other_site.coordinator);

    let study = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&study, "*", &json!({"to": "paused"})).await.expect(200);
    for (path, (before, _)) in &kept {
        let held = coordinator.get(path).await.body;
        if matches!(before.body["status"].as_str().unwrap(), "on_hold" | "closed") {
            assert_eq!(held, before.body, "what waits or has ended is left alone");
            continue;
        }
        assert_eq!(
            (&held["status"], &held["held_status"], &held["blocker"], &held["next_action"], &held["next_action_due_at"]),
            (
                &json!("on_hold"),
                &before.body["status"],
                &json!("study_paused"),
                &json!("await_study_team"),
                &json!("2026-06-06T09:00:00Z")
            )
        );
    }
    assert_eq!(other.get(&elsewhere).await.body["status"], "received", "another site's study of the same code");

    app.admin().post_on(&study, "*", &json!({"to": "open"})).await.expect(200);
    for (path, (before, partner_tag)) in &kept {
        assert_eq!(coordinator.get(path).await.body, before.body, "as if nothing had been");
        assert_eq!(app.partner().get(path).await.etag(), *partner_tag);
    }
}
