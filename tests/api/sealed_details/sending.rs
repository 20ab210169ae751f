//! What may be sent, by whom, when; what is refused leaves nothing.

use chrono::Duration;
use serde_json::{Value, json};

use super::{FIELDS, all, count, has_details, process, process_with, read, sealed, with};
use crate::support::callers::{Answer, Person};
use crate::support::{App, make};

async fn try_with(person: &Person, details: Value) -> Answer {
    person.post("/v1/referrals", &with(details)).await
}

fn refused(answer: Answer, faults: &[&str]) {
    assert_eq!(answer.expect_problem(422, "invalid_body").faults(), faults);
}

#[actix_web::test]
async fn a_field_is_taken_while_a_process_opens_it_for_this_partner_and_study() {
    let app = App::start().await;
    let band = || json!({"age_band": "from_80"});
    let closed = ["/details/age_band not_approved"];
    refused(
        try_with(&app.partner(), all()).await,
        &FIELDS.map(|field| format!("/details/{field} not_approved")).each_ref().map(String::as_str),
    );
    let study = json!({"code": "sleep-2026", "public_name": "Sleep", "short_description": "S.", "protocol_code": "S-1"});
    app.admin().post("/v1/studies", &study).await.expect(201);
    process_with(&app, &FIELDS, json!({"study": "sleep-2026"})).await;
    process_with(&app, &FIELDS, json!({"partner": "voices"})).await;
    process(&app, &["sealed_note"]).await;
    refused(try_with(&app.partner(), band()).await, &closed);
    process_with(&app, &["age_band"], json!({"partner": "lakeside", "valid_from": "2026-06-03", "valid_until": "2026-06-04"}))
        .await;
    for (day, open) in [(1, false), (2, false), (3, true), (4, true), (5, false)] {
        let answer = try_with(&app.partner(), band()).await;
        if open {
            assert!(has_details(&app, &answer.expect(201).id()).await, "{day}");
        } else {
            refused(answer, &closed);
        }
        app.clock.advance(Duration::days(1));
    }
    let taken_back = process(&app, &["age_band"]).await;
    sealed(&app, band()).await;
    let revoke = format!("/v1/approved-processes/{taken_back}/revoke");
    app.admin().post_on(&revoke, "*", &json!({"reason": "approval_withdrawn"})).await.expect(200);
    refused(try_with(&app.partner(), band()).await, &closed);
    // What came while it was open stays under its own rules, and the other fields are judged by themselves.
    let mixed = json!({"age_band": "from_80", "sealed_note": "x"});
    refused(try_with(&app.partner(), mixed).await, &closed);
    assert_eq!((count(&app), app.db.count("SELECT count(*) FROM referrals")), (3, 3), "what is refused leaves nothing");
}

#[actix_web::test]
async fn each_value_is_of_its_coded_type() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let long = "x".repeat(1001);
    for (details, fault) in [
        (json!({"preferred_contact_time": "at night"}), "/details/preferred_contact_time unknown_value"),
        (json!({"interpreter_language": "xx"}), "/details/interpreter_language unknown_value"),
        (json!({"interpreter_language": "Spanish"}), "/details/interpreter_language too_long"),
        (json!({"age_band": 81}), "/details/age_band wrong_type"),
        (json!({"age_band": "from_80_to_84"}), "/details/age_band unknown_value"),
        (json!({"sealed_note": ""}), "/details/sealed_note too_short"),
        (json!({"sealed_note": long}), "/details/sealed_note too_long"),
        (json!({"sealed_note": "a\u{7}b"}), "/details/sealed_note forbidden_character"),
        (json!({}), "/details inconsistent"),
        (json!("es"), "/details wrong_type"),
    ] {
        refused(try_with(&app.partner(), details).await, &[fault]);
    }
    let unknown = try_with(&app.partner(), json!({"age_band": "from_80", "shoe_size": "43"})).await;
    assert_eq!(unknown.expect_problem(422, "unknown_field").faults(), ["/details#1 unknown_field"]);
    let sensitive = try_with(&app.partner(), json!({"diagnosis": "x"})).await;
    assert_eq!(sensitive.expect_problem(422, "sensitive_field").faults(), ["/details#0 sensitive_field"]);
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 0);
    // The longest note, of characters that are long in every form.
    let note = "\u{1F426}\"\\".repeat(333);
    let id = sealed(&app, json!({"sealed_note": note})).await;
    assert_eq!(read(&app.coordinator(), &id).await.expect(200).body["details"]["sealed_note"], note);
}

#[actix_web::test]
async fn the_contact_path_needs_details_and_details_need_no_path() {
    let app = App::start().await;
    process(&app, &["preferred_contact_time"]).await;
    let path = make::referral_with(json!({"contact_path": "sealed_details"}));
    refused(app.partner().post("/v1/referrals", &path).await, &["/details missing_field"]);
    let details = json!({"preferred_contact_time": "weekend"});
    for path in ["sealed_details", "person_uses_intake"] {
        let body = make::referral_with(json!({"contact_path": path, "details": details}));
        let sent = app.partner().post("/v1/referrals", &body).await.expect(201);
        assert_eq!(sent.body["handoff"]["code"].is_string(), path == "person_uses_intake");
        assert!(
            !sent.text.contains("details") && !sent.text.contains("weekend"),
            "a partner's view has nothing of it: {}",
            sent.text
        );
        let seen = app.partner().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
        assert_eq!(seen.text, sent.text);
        assert!(has_details(&app, &sent.id()).await);
    }
    assert!(!has_details(&app, &make::sent(&app.partner()).await.id()).await);
    // Staff and the site's system record them for a partner.
    for who in [app.coordinator(), app.site_key()] {
        let mut body = make::referral_of("lakeside");
        body["details"] = details.clone();
        let sent = who.post("/v1/referrals", &body).await.expect(201);
        assert_eq!((&sent.body["has_sealed_details"], sent.text.contains("weekend")), (&json!(true), false));
    }
}

#[actix_web::test]
async fn a_test_sends_nothing_about_a_person() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let runs = format!("/v1/routes/{}/test-referrals", app.site.partner.route);
    app.coordinator().post(&runs, &json!({})).await.expect(201);
    let test = app.person(&app.site.partner.test_key);
    let body = |changes: Value| {
        let mut body = make::referral_with(json!({"match": {"email": "test@lakeside.example"}}));
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let both = body(json!({"details": all(), "contact_path": "sealed_details"}));
    refused(test.post("/v1/referrals", &both).await, &["/details inconsistent", "/contact_path inconsistent"]);
    refused(test.post("/v1/referrals", &body(json!({"contact_path": "sealed_details"}))).await, &["/contact_path inconsistent"]);
    test.post("/v1/referrals", &body(json!({}))).await.expect(201);
    assert_eq!(count(&app), 0);
}

#[actix_web::test]
async fn a_retry_is_one_row_and_no_body_is_kept_under_its_key() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let first = app.partner().post_with_key("/v1/referrals", "sealed-retry", &with(all())).await.expect(201);
    let again = app.partner().post_with_key("/v1/referrals", "sealed-retry", &with(all())).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
    let other = with(json!({"sealed_note": "another"}));
    app.partner().post_with_key("/v1/referrals", "sealed-retry", &other).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(count(&app), 1);
    let kept = crate::tenancy::texts(&mut app.db.superuser(), "SELECT k::text AS text FROM idempotency_keys k");
    assert!(!kept.is_empty() && kept.iter().all(|row| !row.contains(super::NOTE) && !row.contains("from_65")));
}
