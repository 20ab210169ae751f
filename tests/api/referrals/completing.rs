//! A partner completes its own referral: when it is its turn, with what it may bring, and what the site then has.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::privacy::digests;
use handoff::privacy::keys::Purpose;
use reqwest::Method;
use serde_json::{Value, json};

use super::journal::{audit, events};
use crate::support::callers::{Answer, fresh_key, send, together};
use crate::support::{App, make};

/// A referral that waits for its partner, with these moves made before: its path, and what the partner sees.
async fn waiting(app: &App, sent: Value, moves: &[Value]) -> (String, Answer) {
    let sent = app.partner().post("/v1/referrals", &make::referral_with(sent)).await.expect(201);
    let path = format!("/v1/referrals/{}", sent.id());
    for step in moves {
        app.coordinator().post_on(&format!("{path}/transitions"), "*", step).await.expect(200);
    }
    app.coordinator().patch(&path, "*", &json!({"blocker": "awaiting_partner_completion"})).await.expect(200);
    let seen = app.partner().get(&path).await.expect(200);
    assert_eq!(seen.body["status"], "needs_partner_action");
    (path, seen)
}

async fn complete(app: &App, path: &str, etag: &str, body: Value) -> Answer {
    app.partner().post_on(&format!("{path}/complete"), etag, &body).await
}

#[actix_web::test]
async fn the_partners_turn_is_over_and_the_site_goes_on_where_it_was() {
    let app = App::start().await;
    let hold = json!({"to": "on_hold", "blocker": "awaiting_records"});
    for (moves, status, next_action, due) in [
        (vec![], "received", "acknowledge", "2026-06-02T10:00:00Z"),
        (vec![hold.clone()], "received", "acknowledge", "2026-06-02T11:00:00Z"),
        (vec![json!({"to": "contacting"}), hold.clone()], "contacting", "attempt_contact", "2026-06-04T12:00:00Z"),
        (vec![json!({"to": "connected"})], "connected", "arrange_handoff", "2026-06-06T13:00:00Z"),
    ] {
        let (path, seen) = waiting(&app, json!({}), &moves).await;
        let before = app.coordinator().get(&path).await;
        app.clock.advance(Duration::hours(1));
        let done = complete(&app, &path, &seen.etag(), json!({})).await.expect(200);
        assert_eq!((&done.body["view"], &done.body["status"]), (&json!("partner"), &json!("accepted_for_review")));
        let read = app.partner().get(&path).await;
        assert_eq!((read.etag(), &read.text), (done.etag(), &done.text), "the answer is what the partner reads");
        let after = app.coordinator().get(&path).await;
        let mut expected = before.body.clone();
        for (name, value) in [("status", status), ("next_action", next_action), ("next_action_due_at", due)] {
            expected[name] = json!(value);
        }
        for name in ["held_status", "blocker", "blocked_since", "aging"] {
            expected[name] = Value::Null;
        }
        assert_eq!(after.body, expected, "and nothing else");
    }
}

#[actix_web::test]
async fn a_quarantined_referral_that_is_completed_stays_quarantined() {
    let app = App::start().await;
    let (path, _) = waiting(&app, json!({}), &[]).await;
    let id = path.rsplit('/').next().unwrap();
    let set = format!("UPDATE referrals SET status = 'quarantined', quarantine_reason = 'guard_tripped' WHERE id = '{id}'");
    app.db.superuser().batch_execute(&set).unwrap();
    complete(&app, &path, "*", json!({})).await.expect(200);
    let seen = app.coordinator().get(&path).await.body;
    assert_eq!((&seen["status"], &seen["quarantine_reason"]), (&json!("quarantined"), &json!("guard_tripped")));
    assert_eq!(seen["blocker"], Value::Null);
}

#[actix_web::test]
async fn out_of_turn_it_is_refused_alike_whatever_the_site_does() {
    let app = App::start().await;
    let mut answers = Vec::new();
    for step in [
        json!({"to": "acknowledged"}),
        json!({"to": "on_hold", "blocker": "duplicate_review"}),
        json!({"to": "closed", "reason": "no_longer_interested"}),
        json!({"to": "closed", "reason": "duplicate"}),
    ] {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        app.coordinator().post_on(&format!("{path}/transitions"), "*", &step).await.expect(200);
        let mut refused = complete(&app, &path, &sent.etag(), json!({})).await.expect_problem(409, "state_conflict");
        refused.body["request_id"].take();
        answers.push(refused.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    // Twice is out of turn the second time, also at once.
    let (path, seen) = waiting(&app, json!({}), &[]).await;
    let both = together((0..2).map(|_| {
        let (partner, path, etag) = (app.partner(), format!("{path}/complete"), seen.etag());
        async move { partner.post_on(&path, &etag, &json!({})).await }
    }))
    .await;
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert!(matches!(statuses[..], [200, 412 | 503]), "{statuses:?}");
    complete(&app, &path, "*", json!({})).await.expect_problem(409, "state_conflict");
    let closed = json!({"to": "closed", "reason": "wrong_study"});
    app.coordinator().post_on(&format!("{path}/transitions"), "*", &closed).await.expect(200);
    complete(&app, &path, "*", json!({})).await.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn the_partners_tag_is_of_its_view_and_unseen_activity_does_not_make_it_stale() {
    let app = App::start().await;
    let (path, seen) = waiting(&app, json!({}), &[]).await;
    let url = format!("{path}/complete");
    send(app.partner().request(Method::POST, &url).json(&json!({}))).await.expect_problem(428, "if_match_required");
    let version = app.coordinator().get(&path).await.etag();
    for stale in [version.as_str(), "\"1\"", "W/\"1\"", &format!("W/{}", seen.etag()), seen.etag().trim_matches('"')] {
        complete(&app, &path, stale, json!({})).await.expect_problem(412, "stale_version");
    }
    // The site reassigns it, plans anew and puts it on hold: nothing of it shows.
    let unseen = json!({"owner_id": app.site.admin, "next_action": "reroute", "reason": "workload", "external_ref": "CRM-1"});
    app.coordinator().patch(&path, "*", &unseen).await.expect(200);
    let hold = json!({"to": "on_hold", "blocker": "awaiting_partner_completion"});
    app.coordinator().post_on(&format!("{path}/transitions"), "*", &hold).await.expect(200);
    assert_eq!(app.partner().get(&path).await.etag(), seen.etag());
    complete(&app, &path, &format!("\"another\", {}", seen.etag()), json!({})).await.expect(200);
    complete(&app, &path, &seen.etag(), json!({})).await.expect_problem(412, "stale_version");
}

#[actix_web::test]
async fn a_retry_under_the_same_key_is_the_same_completion() {
    let app = App::start().await;
    let (path, seen) = waiting(&app, json!({}), &[]).await;
    let key = fresh_key();
    let ask = |body: Value| {
        let request = app.partner().request(Method::POST, &format!("{path}/complete")).header("If-Match", seen.etag());
        send(request.header("Idempotency-Key", key.as_str()).json(&body))
    };
    let first = ask(json!({})).await.expect(200);
    let again = ask(json!({})).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.text, again.etag()), (Some("true"), &first.text, first.etag()));
    ask(json!({"source_tag": "leaflet-7"})).await.expect_problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn a_reference_is_brought_once_and_is_the_partners_own() {
    let app = App::start().await;
    let first = app.partner().post("/v1/referrals", &make::referral_with(json!({"partner_reference": "LC-1"}))).await.expect(201);
    app.sibling_partner().post("/v1/referrals", &make::referral_with(json!({"partner_reference": "LC-2"}))).await.expect(201);
    let (path, seen) = waiting(&app, json!({}), &[]).await;
    let used = complete(&app, &path, &seen.etag(), json!({"partner_reference": "LC-1", "source_tag": "leaflet-7"})).await;
    assert_eq!(used.expect_problem(409, "partner_reference_used").body["referral_id"], first.body["id"]);
    assert_eq!(app.partner().get(&path).await.text, seen.text, "and nothing else of it was kept");
    assert_eq!(app.coordinator().get(&path).await.body["source_tag"], "lakeside.heart");
    let done = complete(&app, &path, &seen.etag(), json!({"partner_reference": "LC-2"})).await.expect(200);
    assert_eq!(done.body["partner_reference"], "LC-2");

    app.coordinator().patch(&path, "*", &json!({"blocker": "awaiting_partner_completion"})).await.expect(200);
    let refused = complete(&app, &path, "*", json!({"partner_reference": "LC-3", "match": {"phone": "555"}})).await;
    assert_eq!(
        refused.expect_problem(422, "invalid_body").faults(),
        ["/partner_reference inconsistent", "/match/phone bad_format"],
        "every fault at once"
    );
    complete(&app, &path, "*", json!({"partner_reference": "LC-2"})).await.expect(200);
}

#[actix_web::test]
async fn one_reference_brought_to_many_referrals_at_once_stays_with_one() {
    let app = App::start().await;
    let mut paths = Vec::new();
    for _ in 0..6 {
        paths.push(waiting(&app, json!({}), &[]).await.0);
    }
    let answers = together(paths.into_iter().map(|path| {
        let partner = app.partner();
        async move { partner.post_on(&format!("{path}/complete"), "*", &json!({"partner_reference": "LC-race"})).await }
    }))
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(made.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        match refused.status {
            409 => assert_eq!((refused.code(), &refused.body["referral_id"]), ("partner_reference_used", &made[0].body["id"])),
            _ => assert_eq!((refused.status, refused.code()), (503, "overloaded"), "{}", refused.text),
        }
    }
}

#[actix_web::test]
async fn another_source_tag_is_marked_and_one_that_the_site_corrected_stays() {
    let app = App::start().await;
    let (path, _) = waiting(&app, json!({"source_tag": "leaflet-1"}), &[]).await;
    let again = json!({"blocker": "awaiting_partner_completion"});
    for (sent, tag, attribution) in [
        (json!({}), "leaflet-1", "unverified"),
        (json!({"source_tag": "leaflet-2"}), "leaflet-2", "unverified"),
        (json!({"source_tag": "lakeside.heart"}), "lakeside.heart", "verified"),
        (json!({}), "lakeside.heart", "verified"),
    ] {
        app.coordinator().patch(&path, "*", &again).await.expect(200);
        let done = complete(&app, &path, "*", sent).await.expect(200);
        assert!(!done.text.contains("verified"));
        let seen = app.coordinator().get(&path).await.body;
        assert_eq!((&seen["source_tag"], &seen["attribution"]), (&json!(tag), &json!(attribution)));
    }
    let id = path.rsplit('/').next().unwrap();
    app.db.superuser().batch_execute(&format!("UPDATE referrals SET attribution = 'corrected' WHERE id = '{id}'")).unwrap();
    app.coordinator().patch(&path, "*", &again).await.expect(200);
    complete(&app, &path, "*", json!({"source_tag": "leaflet-9"})).await.expect(200);
    let seen = app.coordinator().get(&path).await.body;
    assert_eq!((&seen["source_tag"], &seen["attribution"]), (&json!("lakeside.heart"), &json!("corrected")));
}

#[actix_web::test]
async fn digests_are_added_where_there_are_none_and_details_and_references_are_nowhere_told() {
    let app = App::start().await;
    let key = app.master.derive(Purpose::ContactDigest, app.site.id);
    let (path, seen) = waiting(&app, json!({"match": {"email": "first@mail.example"}}), &[]).await;
    let id = path.rsplit('/').next().unwrap();
    let kept = |bytes: [u8; 32]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        app.db.count(&format!(
            "SELECT count(*) FROM referral_digests WHERE referral_id = '{id}' AND digest = decode('{hex}', 'hex')"
        ))
    };
    let brought = json!({
        "partner_reference": "CANARY-1", "source_tag": "canary-2",
        "match": {"email": "quillon.vasterby@mail.example", "phone": "(415) 555-2671"},
    });
    let done = complete(&app, &path, &seen.etag(), brought).await.expect(200);
    assert_eq!(kept(digests::of_email(&key, "first@mail.example").unwrap().digest), 1, "the first of its kind stays");
    assert_eq!(kept(digests::of_email(&key, "quillon.vasterby@mail.example").unwrap().digest), 0);
    assert_eq!(kept(digests::of_phone(&key, "+14155552671", "US").unwrap().digest), 1);
    let everywhere = app.db.dump().to_lowercase() + &done.text.to_lowercase();
    for raw in ["vasterby", "quillon", "4155552671", "5552671", "555-2671", "555 2671"] {
        assert!(!crate::support::traces::holds(&everywhere, raw), "{raw}");
    }

    let entry = audit(&app, id).pop().unwrap();
    assert_eq!(
        (entry["operation"].as_str(), entry["actor_kind"].as_str(), entry["partner_id"].as_str()),
        (Some("complete_referral"), Some("partner_key"), Some(app.site.partner.id.to_string().as_str()))
    );
    let due = &entry["after"]["next_action_due_at"];
    let expected = json!({
        "attribution": "unverified", "blocker": null, "match": "changed", "partner_reference": "changed", "source_tag": "changed",
    });
    assert!(due.is_null(), "the same action at the same moment is due at the same time: {due}");
    assert_eq!(entry["after"], expected);
    assert_eq!(events(&app, id).pop().unwrap(), ("referral.transitioned".to_owned(), 3));
    // Nothing new to match by: nothing of it is told.
    app.coordinator().patch(&path, "*", &json!({"blocker": "awaiting_partner_completion"})).await.expect(200);
    complete(&app, &path, "*", json!({"match": {"phone": "+1 202 555 0123"}})).await.expect(200);
    assert_eq!(audit(&app, id).pop().unwrap()["after"], json!({"blocker": null}));
}

#[actix_web::test]
async fn only_the_partner_completes_and_another_ones_referral_is_not_there() {
    let app = App::start().await;
    let (path, seen) = waiting(&app, json!({}), &[]).await;
    let url = format!("{path}/complete");
    for caller in [app.admin(), app.coordinator(), app.viewer(), app.site_key()] {
        caller.post_on(&url, "*", &json!({})).await.expect_problem(403, "forbidden");
    }
    let others = [app.sibling_partner(), app.person(&app.other_site.partner.key), app.person(&app.site.partner.test_key)];
    for other in others {
        for tag in ["*", &seen.etag()] {
            let mut foreign = other.post_on(&url, tag, &json!({})).await.expect_problem(404, "not_found");
            let unknown = format!("/v1/referrals/{}/complete", uuid::Uuid::from_u128(7));
            let mut unknown = other.post_on(&unknown, tag, &json!({})).await.expect_problem(404, "not_found");
            foreign.body["request_id"].take();
            unknown.body["request_id"].take();
            assert_eq!(foreign.body, unknown.body);
        }
    }
    assert_eq!(app.partner().get(&path).await.text, seen.text);
    let refused = complete(&app, &path, "*", json!({"external_ref": "X-1"})).await.expect_problem(422, "unknown_field");
    assert_eq!(refused.faults(), ["#0 unknown_field"]);
    let refused = complete(&app, &path, "*", json!({"patient_name": "x"})).await.expect_problem(422, "sensitive_field");
    assert!(refused.body["intake_url"].is_string());
    complete(&app, &path, "*", json!({"match": {}})).await.expect_problem(422, "invalid_body");
}

#[actix_web::test]
async fn details_of_somebody_who_withdrew_hold_it_for_a_person_and_the_partner_sees_no_difference() {
    let app = App::start().await;
    let gone = json!({"match": {"email": "gone@mail.example"}});
    app.coordinator().post("/v1/contact-withdrawals", &gone).await.expect(201);
    let mut answers = Vec::new();
    for (email, status, reason) in [
        ("gone@mail.example", "quarantined", json!("contact_withdrawn")),
        // The control: somebody who did not withdraw.
        ("here@mail.example", "contacting", Value::Null),
    ] {
        let moves = [json!({"to": "contacting"}), json!({"to": "on_hold", "blocker": "awaiting_records"})];
        let (path, seen) = waiting(&app, json!({}), &moves).await;
        let done = complete(&app, &path, &seen.etag(), json!({"match": {"email": email}})).await.expect(200);
        let site = app.coordinator().get(&path).await.body;
        assert_eq!((&site["status"], &site["quarantine_reason"]), (&json!(status), &reason));
        assert_eq!((&site["held_status"], &site["blocker"]), (&Value::Null, &Value::Null));
        let mut body = done.body;
        for field in ["id", "handoff"] {
            body[field] = Value::Null;
        }
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
}
