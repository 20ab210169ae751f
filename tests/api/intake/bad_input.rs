//! Bad input at the intake: each with its own code, nothing echoed, nothing kept.

use serde_json::json;

use super::{arrive, desk};
use crate::support::callers::send;
use crate::support::{App, make};

#[actix_web::test]
async fn every_fault_of_an_arrival_has_its_own_code_and_nothing_is_kept() {
    let app = App::start().await;
    let desk = desk(&app);
    let body = |changes: serde_json::Value| {
        let mut body = json!({"study": make::STUDY, "external_ref": "CRM-1"});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let cases = [
        (json!({"study": "nothing-here"}), vec!["/study unknown_reference"]),
        (json!({"received_at": "2099-01-01T00:00:00Z"}), vec!["/received_at out_of_range"]),
        (json!({"match": {"phone": "12"}}), vec!["/match/phone"]),
        (json!({"match": {}}), vec!["/match"]),
        (json!({"external_ref": "Ana Smith"}), vec!["/external_ref bad_format"]),
        (json!({"source_tag": "lakeside heart"}), vec!["/source_tag bad_format"]),
        (json!({"handoff_code": "7Q2M/ZK4R"}), vec!["/handoff_code bad_format"]),
        (json!({"late_reason": "forgot"}), vec!["/late_reason"]),
        (
            json!({"study": "nothing-here", "received_at": "2099-01-01T00:00:00Z", "match": {"phone": "555"}}),
            vec!["/match/phone bad_format", "/received_at out_of_range", "/study unknown_reference"],
        ),
    ];
    for (changes, expected) in cases {
        let refused = arrive(&desk, body(changes.clone())).await.expect(422);
        let faults = refused.faults();
        assert_eq!(faults.len(), expected.len(), "{changes}: {faults:?}");
        assert!(faults.iter().zip(&expected).all(|(fault, begins)| fault.starts_with(begins)), "{changes}: {faults:?}");
        for value in ["Ana", "7Q2M/", "nothing-here", "forgot"] {
            assert!(!refused.text.contains(value), "{changes}: echoed");
        }
    }
    let missing = arrive(&desk, json!({"study": make::STUDY})).await.expect_problem(422, "invalid_body");
    assert_eq!(missing.faults(), ["/external_ref missing_field"]);
    arrive(&desk, body(json!({"partner": "lakeside"}))).await.expect_problem(422, "unknown_field");
    arrive(&desk, body(json!({"diagnosis": "none"}))).await.expect_problem(422, "sensitive_field");
    let keyless = desk.request(reqwest::Method::POST, "/v1/intake").json(&body(json!({})));
    send(keyless).await.expect_problem(400, "idempotency_key_required");
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 0);
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries WHERE operation = 'create_intake'"), 0);
    // The control: without a fault it is taken.
    arrive(&desk, body(json!({}))).await.expect(201);
}

#[actix_web::test]
async fn neither_partners_nor_keys_without_the_scope_take_anybody_in() {
    let app = App::start().await;
    let body = json!({"study": make::STUDY, "external_ref": "CRM-1"});
    for (caller, code) in [(app.partner(), "forbidden"), (app.viewer(), "forbidden"), (app.site_key(), "insufficient_scope")] {
        arrive(&caller, body.clone()).await.expect_problem(403, code);
    }
    arrive(&app.stranger(), body.clone()).await.expect_problem(401, "unauthenticated");
    for caller in [app.admin(), app.coordinator(), desk(&app)] {
        arrive(&caller, body.clone()).await.expect(201);
    }
}
