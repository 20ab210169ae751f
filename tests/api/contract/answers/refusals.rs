//! Bodies, headers and callers that are refused, each with its own code.

use handoff::auth::token;
use reqwest::Method;
use serde_json::json;

use super::{STUDY, get, post};
use crate::contract::witness::Witness;
use crate::support::callers::fresh_key;
use crate::support::{App, make};

pub async fn refusals(app: &App, witness: &mut Witness) {
    let (partner, path) = (app.partner(), "/v1/referrals");
    let bodies = [
        (json!({"study": STUDY}), 422, "invalid_body"),
        (make::referral_with(json!({"study": "unknown-study"})), 422, "invalid_body"),
        (make::referral_with(json!({"colour": "x"})), 422, "unknown_field"),
        (make::referral_with(json!({"date_of_birth": "x", "colour": 1})), 422, "sensitive_field"),
        (make::referral_with(json!({"study": {}, "channel": 5, "contact_basis": null, "match": {}})), 422, "invalid_body"),
        (make::referral_with(json!({"study": STUDY, "partner_reference": "SLP-1"})), 409, "partner_reference_used"),
        (make::referral_with(json!({"partner_reference": "she-has-breast-cancer"})), 422, "sensitive_content"),
        (json!([]), 400, "not_an_object"),
    ];
    for (body, status, code) in bodies {
        post(witness, &partner, path, &body).await.expect_problem(status, code);
    }
    get(witness, &app.admin(), "/v1/refusals?partner=lakeside&from=2026-06-01&limit=2").await.expect(200);
    let text = json!({"text": "She has breast cancer.", "profile": "copy"});
    assert_eq!(post(witness, &app.coordinator(), "/v1/guard/check", &text).await.expect(200).body["verdict"], "sensitive");
    let keyed = |request: reqwest::RequestBuilder| {
        request.header("Idempotency-Key", fresh_key()).header("Content-Type", "application/json")
    };
    let deep = format!("{{\"match\": {}{}}}", "[".repeat(40), "]".repeat(40));
    for (bytes, code) in [("{".to_owned(), "malformed_json"), (deep, "json_too_deep")] {
        witness.call(&partner, Method::POST, path, |request| keyed(request).body(bytes)).await.expect_problem(400, code);
    }
    let body = make::referral();
    let without = |request: reqwest::RequestBuilder| request.json(&body);
    witness.call(&partner, Method::POST, path, without).await.expect_problem(400, "idempotency_key_required");
    let invalid = |request: reqwest::RequestBuilder| request.header("Idempotency-Key", "short").json(&body);
    witness.call(&partner, Method::POST, path, invalid).await.expect_problem(400, "idempotency_key_invalid");
    let key = fresh_key();
    for (study, status) in [(make::STUDY, 201), ("unknown-study", 422)] {
        let body = make::referral_with(json!({"study": study}));
        let answer =
            witness.call(&partner, Method::POST, path, |request| request.header("Idempotency-Key", &key).json(&body)).await;
        assert_eq!(answer.status, status);
    }
    assert!(witness.codes.contains("idempotency_key_reused"));

    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("colour=x", "invalid_parameter"),
        ("status=received", "invalid_parameter"),
        ("cursor=AAAA", "invalid_cursor"),
    ] {
        get(witness, &partner, &format!("{path}?{query}")).await.expect_problem(400, code);
    }
    get(witness, &partner, "/v1/referrals/unknown").await.expect_problem(404, "not_found");
    get(witness, &app.stranger(), path).await.expect_problem(401, "unauthenticated");
    get(witness, &app.person("hk_live_x"), path).await.expect_problem(401, "invalid_credentials");
    let past = app.clock.now() - chrono::Duration::hours(2);
    let old = token::create(&app.master, app.site.id, app.site.admin, chrono::Duration::minutes(5), past).unwrap();
    get(witness, &app.person(&old), path).await.expect_problem(401, "expired_credentials");
    get(witness, &app.viewer(), path).await.expect_problem(403, "forbidden");
    get(witness, &app.person(&app.site.narrow_key), path).await.expect_problem(403, "insufficient_scope");
    post(witness, &app.person(&app.site.partner.test_key), path, &body).await.expect_problem(403, "no_open_test_run");
}
