//! The audit trail: what it holds, who may touch it, and what the chain notices.

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use handoff::db::in_site;
use handoff::ops::Context;
use handoff::ops::verify_audit::{self, Verdict};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::send;
use crate::support::{App, make};

const REQUEST: &str = "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52";

fn verdict(app: &App) -> Verdict {
    let now = app.clock.now();
    in_site(&mut app.db.app(), app.site.id, |conn, scope| verify_audit::run(conn, &Context::of_system(*scope, now), &[])).unwrap()
}

async fn trail(app: &App, query: &str) -> Vec<Value> {
    app.sequence().await;
    app.admin().get(&format!("/v1/audit?{query}")).await.expect(200).body["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn an_entry_tells_who_when_what_before_after_why_and_in_which_request() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    app.clock.advance(chrono::Duration::hours(2));
    let path = format!("/v1/referrals/{id}/transitions");
    let request = app.coordinator().request(Method::POST, &path).header("If-Match", "*").header("X-Request-Id", REQUEST);
    send(request.json(&json!({"to": "closed", "reason": "wrong_study"}))).await.expect(200);
    let entries = trail(&app, &format!("subject_id={id}")).await;
    assert_eq!(entries.len(), 2);
    let (closed, made) = (&entries[0], &entries[1]);
    assert_eq!(closed["actor"], json!({"kind": "staff", "id": app.site.coordinator}));
    assert_eq!(closed["recorded_at"], "2026-06-01T11:00:00Z");
    assert_eq!((&closed["operation"], &closed["reason"]), (&json!("transition_referral"), &json!("wrong_study")));
    assert_eq!(closed["request_id"], REQUEST);
    let changes = closed["changes"].as_array().unwrap();
    let change = |field: &str| changes.iter().find(|one| one["field"] == field).map(|one| (&one["before"], &one["after"]));
    assert_eq!(change("status"), Some((&json!("received"), &json!("closed"))));
    assert_eq!(change("close_reason"), Some((&json!(null), &json!("wrong_study"))));
    assert_eq!(change("closed_at"), Some((&json!(null), &json!("2026-06-01T11:00:00.000000Z"))));
    assert_eq!(change("owner_id"), None, "what did not change is not told");
    assert_eq!(made["actor"], json!({"kind": "partner_key", "id": app.site.partner.id}));
    assert!(!made["api_key_id"].is_null());
    let coded = made["changes"].as_array().unwrap().iter().find(|one| one["field"] == "handoff_code").unwrap();
    assert_eq!(coded, &json!({"field": "handoff_code", "before": null, "after": "changed"}), "a tagged field tells no value");
}

#[actix_web::test]
async fn a_request_id_that_could_say_something_is_not_kept() {
    let app = App::start().await;
    for (id, kept) in [("jane.doe-1961-04-02", json!(null)), (REQUEST, json!(REQUEST))] {
        let request = app.admin().request(Method::PATCH, "/v1/site").header("If-Match", "*").header("X-Request-Id", id);
        let answer = send(request.json(&json!({"contact_due_hours": 48}))).await.expect(200);
        assert_eq!(answer.header("x-request-id"), Some(id), "it is answered all the same");
        assert_eq!(trail(&app, "limit=1").await[0]["request_id"], kept);
    }
}

#[actix_web::test]
async fn what_is_refused_leaves_no_entry_and_a_replay_leaves_none_more() {
    let app = App::start().await;
    let count = || app.db.count("SELECT count(*) AS count FROM audit_entries");
    let before = count();
    app.partner().post("/v1/referrals", &make::referral_with(json!({"study": "unknown-study"}))).await.expect(422);
    app.partner().post("/v1/referrals", &make::referral_with(json!({"medical_history": "x"}))).await.expect(422);
    app.coordinator().patch("/v1/site", "*", &json!({"contact_due_hours": 48})).await.expect(403);
    app.admin().patch("/v1/site", "\"99\"", &json!({"contact_due_hours": 48})).await.expect(412);
    assert_eq!(count(), before);
    for replayed in [false, true] {
        let answer = app.partner().post_with_key("/v1/referrals", "one-key-for-both", &make::referral()).await.expect(201);
        assert_eq!(answer.header("idempotency-replayed").is_some(), replayed);
        assert_eq!(count(), before + 1);
    }
}

#[actix_web::test]
async fn the_export_is_the_whole_trail_and_another_parser_reads_it() {
    let app = App::start().await;
    for _ in 0..3 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    let request = app.admin().request(Method::GET, "/v1/audit").header("Accept", "text/csv");
    let answer = send(request).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let sealed = app.db.count(&format!("SELECT count(*) AS count FROM audit_seals WHERE site_id = '{}'", app.site.id));
    assert_eq!((rows.len() as i64, &headers[0], &rows[0][0]), (sealed, "position", sealed.to_string().as_str()));
    assert!(rows.iter().all(|row| row.len() == headers.len()));
    for (accept, status) in [("text/csv", 403), ("application/json", 403), ("text/html", 406)] {
        send(app.coordinator().request(Method::GET, "/v1/audit").header("Accept", accept)).await.expect(status);
    }
    // Only this list has another form.
    send(app.admin().request(Method::GET, "/v1/studies").header("Accept", "text/csv")).await.expect(406);
}

#[actix_web::test]
async fn the_app_role_adds_to_the_journal_and_changes_nothing_of_it() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    for table in ["audit_entries", "audit_seals", "events", "event_positions"] {
        for sql in
            [format!("UPDATE {table} SET site_id = site_id"), format!("DELETE FROM {table}"), format!("TRUNCATE {table} CASCADE")]
        {
            let mut conn = app.db.app();
            conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", app.site.id)).unwrap();
            let refused = conn.batch_execute(&sql).unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{sql}: {refused}");
        }
    }
    // The control: it may read, in the same context.
    let mut conn = app.db.app();
    conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", app.site.id)).unwrap();
    assert!(diesel::sql_query("SELECT 1 FROM audit_entries").execute(&mut conn).unwrap() > 0);
}

#[actix_web::test]
async fn the_chain_notices_every_tampering_and_names_its_place_and_a_redaction_is_none() {
    let app = App::start().await;
    for _ in 0..5 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    let Verdict::Whole { entries, redacted: 0, .. } = verdict(&app) else { panic!("the control: {:?}", verdict(&app)) };
    assert!(entries > 10);
    let site = app.site.id;
    let third = format!("(SELECT entry_id FROM audit_seals WHERE site_id = '{site}' AND position = 3)");
    let edits = [
        ("the actor", format!("UPDATE audit_entries SET actor_kind = 'system' WHERE id = {third}")),
        ("the time", format!("UPDATE audit_entries SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = {third}")),
        ("the operation", format!("UPDATE audit_entries SET operation = 'update_site' WHERE id = {third}")),
        ("the reason", format!("UPDATE audit_entries SET reason = 'wrong_study' WHERE id = {third}")),
        ("the subject", format!("UPDATE audit_entries SET subject_id = gen_random_uuid() WHERE id = {third}")),
        ("the values", format!("UPDATE audit_entries SET after = '{{}}' WHERE id = {third}")),
        ("the salt", format!("UPDATE audit_entries SET salt = decode(repeat('00', 16), 'hex') WHERE id = {third}")),
        ("the digest", format!("UPDATE audit_entries SET values_digest = sha256('x') WHERE id = {third}")),
        ("its hash", format!("UPDATE audit_seals SET hash = sha256('x') WHERE site_id = '{site}' AND position = 3")),
        ("deletion", format!("DELETE FROM audit_entries WHERE id = {third}")),
        (
            "exchange",
            format!(
                "CREATE TEMP TABLE two AS SELECT entry_id, 7 - position AS position FROM audit_seals WHERE site_id = '{site}' AND position IN (3, 4);
                 UPDATE audit_seals SET entry_id = gen_random_uuid() WHERE site_id = '{site}' AND position = 4;
                 UPDATE audit_seals s SET entry_id = two.entry_id FROM two WHERE s.site_id = '{site}' AND s.position = 3 AND two.position = 3;
                 UPDATE audit_seals s SET entry_id = two.entry_id FROM two WHERE s.site_id = '{site}' AND s.position = 4 AND two.position = 4"
            ),
        ),
    ];
    let tampered = |sql: &str| {
        let mut superuser = app.db.superuser();
        superuser
            .batch_execute(
                "CREATE SCHEMA kept; CREATE TABLE kept.e AS TABLE audit_entries; CREATE TABLE kept.s AS TABLE audit_seals;
            SET session_replication_role = replica",
            )
            .unwrap();
        superuser.batch_execute(sql).unwrap();
        let found = verdict(&app);
        superuser
            .batch_execute(
                "DELETE FROM audit_seals; DELETE FROM audit_entries; INSERT INTO audit_entries TABLE kept.e;
            INSERT INTO audit_seals TABLE kept.s; DROP SCHEMA kept CASCADE",
            )
            .unwrap();
        assert!(matches!(verdict(&app), Verdict::Whole { .. }), "whole again");
        found
    };
    let mut noticed = 0;
    for (what, sql) in &edits {
        let found = tampered(sql);
        assert!(matches!(found, Verdict::Broken { position: 3, .. }), "{what}: {found:?}");
        noticed += 1;
    }
    let tail = format!("DELETE FROM audit_seals WHERE site_id = '{site}' AND position > {}", entries - 2);
    let found = tampered(&tail);
    assert!(matches!(&found, Verdict::Broken { position, .. } if *position == entries - 1), "a cut tail: {found:?}");
    let strange = format!(
        "INSERT INTO audit_entries SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).* FROM audit_entries e WHERE id = {third}"
    );
    let found = tampered(&strange);
    assert!(matches!(&found, Verdict::Broken { what: "an entry has no seal", .. }), "an entry put in: {found:?}");
    let redaction = format!("UPDATE audit_entries SET before = NULL, after = NULL, salt = NULL WHERE id = {third}");
    let found = tampered(&redaction);
    assert!(matches!(found, Verdict::Whole { redacted: 1, .. }), "a redaction: {found:?}");
    println!(
        "audit: {} of {} tamperings noticed at their place; a redaction leaves the chain whole",
        noticed + 2,
        edits.len() + 2
    );
}
