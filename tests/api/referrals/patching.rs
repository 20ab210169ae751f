//! Changing a referral without moving it: each field with its rules, and what is told of it.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::journal::{audit, events};
use crate::support::callers::{Answer, Person, send, together};
use crate::support::{App, make};

async fn new_path(app: &App) -> String {
    format!("/v1/referrals/{}", make::sent(&app.partner()).await.id())
}

async fn go(person: &Person, path: &str, body: Value) -> Answer {
    person.post_on(&format!("{path}/transitions"), "*", &body).await.expect(200)
}

/// The patch with a reason, where it plans something by hand.
fn reasoned(mut patch: Value) -> Value {
    if ["owner_id", "next_action", "next_action_due_at"].into_iter().any(|name| patch.get(name).is_some()) {
        patch["reason"] = json!("better_placed");
    }
    patch
}

/// The fields of an answer that a patch may touch.
fn planned(answer: &Answer) -> Value {
    let fields = ["owner_id", "status", "blocker", "next_action", "next_action_due_at", "external_ref"];
    fields.into_iter().map(|name| (name.to_owned(), answer.body[name].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[actix_web::test]
async fn every_field_is_set_by_hand_and_nothing_else_changes() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let before = coordinator.get(&path).await.expect(200);
    let patch = json!({
        "owner_id": app.site.admin, "next_action": "arrange_handoff", "next_action_due_at": "2026-06-03T15:00:00.1234567Z",
        "blocker": "scheduling_capacity", "external_ref": "CRM-1", "reason": "agreed_with_person",
    });
    let changed = coordinator.patch(&path, &before.etag(), &patch).await.expect(200);
    assert_eq!(changed.etag(), "\"2\"");
    let mut expected = before.body.clone();
    for (name, value) in patch.as_object().unwrap().iter().filter(|(name, _)| *name != "reason") {
        expected[name] = value.clone();
    }
    expected["next_action_due_at"] = json!("2026-06-03T15:00:00.123456Z");
    expected["blocked_since"] = json!("2026-06-01T09:00:00Z");
    expected["aging"] = json!("dependency_blocked");
    assert_eq!(changed.body, expected);
    let seen = coordinator.get(&path).await;
    assert_eq!((seen.etag(), &seen.body), (changed.etag(), &changed.body), "the answer is what a reader sees");

    // Absent leaves, null clears.
    let cleared = coordinator.patch(&path, "\"2\"", &json!({"blocker": null, "external_ref": null})).await.expect(200);
    for name in ["blocker", "blocked_since", "aging"] {
        expected[name] = Value::Null;
    }
    expected["external_ref"] = Value::Null;
    assert_eq!(cleared.body, expected);
    // The merge patch's own type is taken too; and the site's systems may do it as well.
    let merge = app.site_key().request(Method::PATCH, &path).header("If-Match", cleared.etag());
    let merged = send(merge.header("Content-Type", "application/merge-patch+json").body(r#"{"external_ref":"CRM-2"}"#)).await;
    assert_eq!(merged.expect(200).body["external_ref"], "CRM-2");
}

#[actix_web::test]
async fn a_patch_that_says_what_is_there_changes_nothing_and_is_not_recorded() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let before = coordinator.get(&path).await;
    let recorded = app.db.count("SELECT count(*) FROM audit_entries");
    for same in [
        json!({}),
        json!({"blocker": null, "external_ref": null}),
        json!({"next_action": "acknowledge", "reason": "correction"}),
        json!({"owner_id": app.site.coordinator, "next_action_due_at": before.body["next_action_due_at"], "reason": "workload"}),
    ] {
        app.clock.advance(Duration::minutes(1));
        let answer = coordinator.patch(&path, "\"1\"", &same).await.expect(200);
        assert_eq!((answer.etag(), &answer.text), (before.etag(), &before.text), "{same}");
    }
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries"), recorded);
    coordinator.patch(&path, "\"2\"", &json!({})).await.expect_problem(412, "stale_version");
    coordinator.patch(&path, "\"1\"", &json!({"external_ref": "CRM-1"})).await.expect(200);
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries"), recorded + 1, "the control");
}

#[actix_web::test]
async fn a_patch_needs_the_version_that_was_read() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let body = json!({"external_ref": "CRM-1"});
    send(coordinator.request(Method::PATCH, &path).json(&body)).await.expect_problem(428, "if_match_required");
    for stale in ["\"2\"", "\"01\"", "W/\"1\"", "1", &app.partner().get(&path).await.etag()] {
        coordinator.patch(&path, stale, &body).await.expect_problem(412, "stale_version");
    }
    coordinator.patch(&path, "\"1\"", &body).await.expect(200);
    coordinator.patch(&path, "\"1\"", &body).await.expect_problem(412, "stale_version");
}

#[actix_web::test]
async fn an_owner_is_an_active_admin_or_coordinator_of_the_site() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let left = app.site.admin.to_string();
    let mut answers = Vec::new();
    for nobody in
        [app.site.viewer.to_string(), app.other_site.coordinator.to_string(), uuid::Uuid::from_u128(7).to_string(), left.clone()]
    {
        if nobody == left {
            let gone = format!("UPDATE members SET is_site_lead = false, active = false WHERE id = '{left}'");
            app.db.superuser().batch_execute(&gone).unwrap();
        }
        let mut refused = coordinator
            .patch(&path, "\"1\"", &json!({"owner_id": nobody, "reason": "workload"}))
            .await
            .expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/owner_id unknown_reference"]);
        refused.body["request_id"].take();
        answers.push(refused.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "whoever it is, nothing is told of them");
    coordinator.patch(&path, "\"1\"", &json!({"owner_id": null, "reason": "workload"})).await.expect_problem(422, "invalid_body");
    assert_eq!(coordinator.get(&path).await.etag(), "\"1\"");
}

#[actix_web::test]
async fn an_owner_who_is_being_deactivated_is_waited_for_and_then_refused() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let leaver = app.site.admin;
    let mut leaving = app.db.superuser();
    leaving
        .batch_execute(&format!("BEGIN; UPDATE members SET is_site_lead = false, active = false WHERE id = '{leaver}'"))
        .unwrap();
    let patch = json!({"owner_id": leaver, "reason": "absence"});
    coordinator.patch(&path, "\"1\"", &patch).await.expect_problem(503, "overloaded");
    leaving.batch_execute("ROLLBACK").unwrap();
    // The other way round: a patch that is under way holds its owner.
    let mut patching = app.db.superuser();
    patching.batch_execute(&format!("BEGIN; SELECT 1 FROM members WHERE id = '{leaver}' FOR SHARE")).unwrap();
    coordinator.patch(&path, "\"1\"", &patch).await.expect(200);
    assert!(
        leaving
            .batch_execute(&format!("SET lock_timeout = 100; UPDATE members SET active = false WHERE id = '{leaver}'"))
            .is_err()
    );
    patching.batch_execute("ROLLBACK").unwrap();
}

#[actix_web::test]
async fn a_due_time_lies_ahead_and_within_a_year() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    for out in ["2026-06-01T08:57:59Z", "1961-04-12T00:00:00Z", "2027-06-02T09:00:01Z", "9999-12-31T23:59:59Z"] {
        let patch = json!({"next_action_due_at": out, "reason": "agreed_with_person"});
        let refused = coordinator.patch(&path, "*", &patch).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/next_action_due_at out_of_range"], "{out}");
        assert!(!refused.text.contains(out));
    }
    for within in ["2026-06-01T08:58:00Z", "2026-06-01T09:00:00Z", "2027-06-02T09:00:00Z"] {
        let patch = json!({"next_action_due_at": within, "reason": "agreed_with_person"});
        let changed = coordinator.patch(&path, "*", &patch).await.expect(200);
        assert_eq!((&changed.body["next_action_due_at"], &changed.body["next_action"]), (&json!(within), &json!("acknowledge")));
    }
    for required in ["next_action", "next_action_due_at", "owner_id"] {
        let patch = json!({required: null, "reason": "correction"});
        let refused = coordinator.patch(&path, "*", &patch).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/{required} null_not_allowed")], "an open referral has a next action");
    }
    let patch = json!({"next_action": "diagnose", "reason": "correction"});
    let refused = coordinator.patch(&path, "*", &patch).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/next_action unknown_value"]);
}

#[actix_web::test]
async fn whoever_plans_by_hand_says_why_and_nobody_else_does() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    for by_hand in [
        json!({"owner_id": app.site.admin}),
        json!({"next_action": "acknowledge"}),
        json!({"next_action_due_at": "2026-06-03T15:00:00Z", "blocker": "awaiting_records"}),
    ] {
        let refused = coordinator.patch(&path, "*", &by_hand).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/reason missing_field"]);
    }
    for nothing_planned in
        [json!({"reason": "workload"}), json!({"reason": "workload", "blocker": "awaiting_records", "external_ref": "CRM-1"})]
    {
        let refused = coordinator.patch(&path, "*", &nothing_planned).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/reason inconsistent"]);
    }
    for (reason, code) in [
        (json!("say so"), "unknown_value"),
        (json!(""), "unknown_value"),
        (json!("w\u{f6}rkload"), "unknown_value"),
        (json!("x".repeat(5000)), "unknown_value"),
        (Value::Null, "null_not_allowed"),
        (json!(["workload"]), "wrong_type"),
    ] {
        let patch = json!({"owner_id": app.site.admin, "reason": reason});
        let refused = coordinator.patch(&path, "*", &patch).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/reason {code}")]);
    }
    assert_eq!(coordinator.get(&path).await.etag(), "\"1\"", "what is refused changes nothing");
    coordinator.patch(&path, "*", &json!({"owner_id": app.site.admin, "reason": "absence"})).await.expect(200);
    let history = coordinator.get(&format!("{path}/events")).await.expect(200);
    let told = &history.body["data"][1];
    assert_eq!((&told["type"], &told["reason"]), (&json!("referral.reassigned"), &json!("absence")));
}

#[actix_web::test]
async fn another_next_action_is_due_anew_unless_the_patch_says_when() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    app.clock.advance(Duration::hours(2));
    let own = format!("/v1/routes/{}", app.site.partner.route);
    app.admin().patch(&own, "*", &json!({"follow_up_due_hours": 7})).await.expect(200);
    for (patch, due) in [
        (json!({"next_action": "attempt_contact"}), "2026-06-04T11:00:00Z"),
        (json!({"next_action": "reroute"}), "2026-06-01T18:00:00Z"),
        (json!({"next_action": "confirm_close", "next_action_due_at": "2026-06-09T00:00:00Z"}), "2026-06-09T00:00:00Z"),
        (json!({"next_action": "confirm_close"}), "2026-06-09T00:00:00Z"),
    ] {
        let changed = coordinator.patch(&path, "*", &reasoned(patch.clone())).await.expect(200);
        assert_eq!((&changed.body["next_action"], &changed.body["next_action_due_at"]), (&patch["next_action"], &json!(due)));
    }
}

#[actix_web::test]
async fn a_blocker_stands_in_every_open_state_without_moving_it_and_a_move_clears_it() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    for step in [None, Some("acknowledged"), Some("contacting"), Some("connected"), Some("handed_off")] {
        let before = match step {
            None => coordinator.get(&path).await,
            Some(to) => go(&coordinator, &path, json!({"to": to})).await,
        };
        assert_eq!(before.body["blocker"], Value::Null, "a move clears what was set before");
        app.clock.advance(Duration::hours(1));
        let blocked = coordinator.patch(&path, "*", &json!({"blocker": "awaiting_records"})).await.expect(200);
        let mut expected = planned(&before);
        expected["blocker"] = json!("awaiting_records");
        assert_eq!(planned(&blocked), expected);
    }
    let closed = go(&coordinator, &path, json!({"to": "closed", "reason": "handoff_complete"})).await;
    assert_eq!(closed.body["blocker"], Value::Null);

    let quarantined = new_path(&app).await;
    let id = quarantined.rsplit('/').next().unwrap();
    let set = format!("UPDATE referrals SET status = 'quarantined', quarantine_reason = 'guard_tripped' WHERE id = '{id}'");
    app.db.superuser().batch_execute(&set).unwrap();
    let blocked = coordinator.patch(&quarantined, "*", &json!({"blocker": "duplicate_review"})).await.expect(200);
    assert_eq!((&blocked.body["status"], &blocked.body["blocker"]), (&json!("quarantined"), &json!("duplicate_review")));
    let received = go(&coordinator, &quarantined, json!({"to": "received"})).await;
    assert_eq!((&received.body["blocker"], &received.body["quarantine_reason"]), (&Value::Null, &Value::Null));
}

#[actix_web::test]
async fn a_hold_keeps_a_blocker_and_another_one_is_another_next_action() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    go(&coordinator, &path, json!({"to": "contacting"})).await;
    go(&coordinator, &path, json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    let refused = coordinator.patch(&path, "*", &json!({"blocker": null})).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/blocker inconsistent"]);
    app.clock.advance(Duration::hours(1));
    for (patch, next_action, due) in [
        (json!({"blocker": "awaiting_records"}), "request_partner_completion", "2026-06-06T09:00:00Z"),
        (json!({"blocker": "awaiting_partner_completion"}), "request_partner_completion", "2026-06-06T10:00:00Z"),
        (json!({"blocker": "awaiting_person_reply"}), "attempt_contact", "2026-06-04T10:00:00Z"),
        (json!({"blocker": "route_broken", "next_action": "confirm_close"}), "confirm_close", "2026-06-06T10:00:00Z"),
        (
            json!({"blocker": "study_paused", "next_action_due_at": "2026-07-01T00:00:00Z"}),
            "await_study_team",
            "2026-07-01T00:00:00Z",
        ),
    ] {
        let changed = coordinator.patch(&path, "*", &reasoned(patch.clone())).await.expect(200);
        let kept =
            ["status", "held_status", "blocker", "next_action", "next_action_due_at"].map(|name| changed.body[name].clone());
        let expected = [json!("on_hold"), json!("contacting"), patch["blocker"].clone(), json!(next_action), json!(due)];
        assert_eq!(kept, expected);
    }
}

#[actix_web::test]
async fn of_a_closed_referral_only_the_sites_reference_changes() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    go(&coordinator, &path, json!({"to": "closed", "reason": "site_capacity"})).await;
    for patch in [
        json!({"owner_id": app.site.admin}),
        json!({"owner_id": app.site.viewer, "external_ref": "CRM-1"}),
        json!({"next_action": "reroute"}),
        json!({"next_action_due_at": "2026-06-03T15:00:00Z"}),
        json!({"blocker": "awaiting_records"}),
        json!({"blocker": null}),
    ] {
        coordinator.patch(&path, "*", &patch).await.expect_problem(409, "state_conflict");
        coordinator.patch(&path, "*", &reasoned(patch)).await.expect_problem(409, "state_conflict");
    }
    assert_eq!(coordinator.get(&path).await.etag(), "\"2\"");
    let changed = coordinator.patch(&path, "\"2\"", &json!({"external_ref": "CRM-1"})).await.expect(200);
    assert_eq!((changed.etag().as_str(), &changed.body["external_ref"]), ("\"3\"", &json!("CRM-1")));
    coordinator.patch(&path, "\"3\"", &json!({})).await.expect(200);
}

#[actix_web::test]
async fn who_is_known_by_the_sites_record_alone_keeps_its_reference() {
    let app = App::start().await;
    let body = make::referral_with(json!({"partner": "lakeside", "contact_path": "site_record", "external_ref": "CRM-1"}));
    let path = format!("/v1/referrals/{}", app.coordinator().post("/v1/referrals", &body).await.expect(201).id());
    let both = json!({"external_ref": null, "owner_id": app.site.viewer, "next_action_due_at": "2020-01-01T00:00:00Z"});
    let refused = app.coordinator().patch(&path, "*", &both).await.expect_problem(422, "invalid_body");
    let all = [
        "/owner_id unknown_reference",
        "/next_action_due_at out_of_range",
        "/reason missing_field",
        "/external_ref inconsistent",
    ];
    assert_eq!(refused.faults(), all, "every fault at once");
    let changed = app.coordinator().patch(&path, "*", &json!({"external_ref": "CRM-2"})).await.expect(200);
    assert_eq!(changed.body["external_ref"], "CRM-2");
}

#[actix_web::test]
async fn only_the_site_changes_and_an_unknown_or_foreign_referral_is_not_there() {
    let app = App::start().await;
    let path = new_path(&app).await;
    let body = json!({"external_ref": "CRM-1", "owner_id": app.site.viewer, "reason": "workload"});
    app.partner().patch(&path, "*", &body).await.expect_problem(403, "forbidden");
    app.viewer().patch(&path, "*", &body).await.expect_problem(403, "forbidden");
    app.person(&app.site.narrow_key).patch(&path, "*", &body).await.expect_problem(403, "insufficient_scope");
    let foreign = app.member(&app.other_site, app.other_site.coordinator);
    for unknown in [path, format!("/v1/referrals/{}", uuid::Uuid::from_u128(7)), "/v1/referrals/no-uuid".into()] {
        foreign.patch(&unknown, "*", &body).await.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn of_patches_and_moves_on_one_version_exactly_one_happens() {
    let app = App::start().await;
    let path = new_path(&app).await;
    let answers = together((0..16).map(|number| {
        let (coordinator, path, owner) = (app.coordinator(), path.clone(), app.site.admin);
        async move {
            match number % 2 {
                0 => {
                    let patch = json!({"blocker": "awaiting_records", "owner_id": owner, "reason": "workload"});
                    coordinator.patch(&path, "\"1\"", &patch).await
                }
                _ => coordinator.post_on(&format!("{path}/transitions"), "\"1\"", &json!({"to": "contacting"})).await,
            }
        }
    }))
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(made.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!((refused.status, refused.code()), (412, "stale_version") | (503, "overloaded")), "{}", refused.text);
    }
    let seen = app.coordinator().get(&path).await;
    assert_eq!((seen.etag(), &seen.body), (made[0].etag(), &made[0].body));
}

#[actix_web::test]
async fn what_is_told_of_a_patch_names_fields_and_codes_and_no_reference() {
    let app = App::start().await;
    let (coordinator, path) = (app.coordinator(), new_path(&app).await);
    let id = path.rsplit('/').next().unwrap();
    for (patch, told, differs) in [
        (json!({"external_ref": "CANARY-1"}), &["referral.transitioned"][..], &["external_ref"][..]),
        (json!({"owner_id": app.site.admin}), &["referral.reassigned"][..], &["owner_id"][..]),
        (json!({"blocker": "awaiting_records"}), &["referral.blocked"][..], &["blocker"][..]),
        (json!({"blocker": "route_broken"}), &["referral.blocked"][..], &["blocker"][..]),
        (json!({"blocker": null}), &["referral.transitioned"][..], &["blocker"][..]),
        (json!({"next_action": "reroute"}), &["referral.transitioned"][..], &["next_action", "next_action_due_at"][..]),
        (json!({"external_ref": "CANARY-2"}), &["referral.transitioned"][..], &["external_ref"][..]),
    ] {
        let (entries, heard) = (audit(&app, id).len(), events(&app, id).len());
        let changed = coordinator.patch(&path, "*", &reasoned(patch.clone())).await.expect(200);
        assert_eq!(events(&app, id)[heard..].iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), told, "{patch}");
        let version = changed.etag();
        assert!(events(&app, id)[heard..].iter().all(|event| format!("\"{}\"", event.1) == version));
        let entry = &audit(&app, id)[entries..];
        assert_eq!((entry.len(), entry[0]["operation"].as_str()), (1, Some("update_referral")));
        assert_eq!(entry[0]["after"].as_object().unwrap().keys().collect::<Vec<_>>(), differs);
        let by_hand = !differs.contains(&"external_ref") && !differs.contains(&"blocker");
        assert_eq!(entry[0]["reason"].as_str(), by_hand.then_some("better_placed"), "{patch}");
    }
    let journal = format!("{:?}", audit(&app, id));
    assert!(!journal.contains("CANARY") && journal.contains("awaiting_records"), "codes are told and references are not");
}
