//! A study gets its words: written, returned, approved, acknowledged, superseded and retired; and an exception beside them.

use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::witness::Witness;
use super::{get, patch, post, post_on};
use crate::language::{draft_with, second_admin};
use crate::support::{App, make};

const STUDY: &str = "words-2026";

/// From the first draft to the end.
pub async fn versions(app: &App, witness: &mut Witness) {
    let (admin, author, partner) = (app.admin(), app.coordinator(), app.partner());
    let alex = second_admin(app).await;
    let study = json!({"code": STUDY, "public_name": "Words Study", "short_description": "Words.", "protocol_code": "WRD-1"});
    admin.post("/v1/studies", &study).await.expect(201);
    let mut route = make::route(&app.site, "lakeside");
    (route["study"], route["source_tag"]) = (json!(STUDY), json!("lakeside.words"));
    admin.post("/v1/routes", &route).await.expect(201);
    let bare = draft_with(json!({"study": STUDY, "approval_reference": null, "effective_on": null, "expires_on": null}));
    get(witness, &partner, &format!("/v1/language/current?study={STUDY}")).await.expect_problem(409, "no_approved_language");
    let made = post(witness, &author, "/v1/language-versions", &bare).await.expect(201);
    let path = format!("/v1/language-versions/{}", made.id());
    let submit = format!("{path}/submit");
    post_on(witness, &author, &submit, &made.etag(), None).await.expect_problem(409, "language_incomplete");
    let dates = json!({"approval_reference": "IRB-1", "effective_on": "2026-05-01", "expires_on": "2026-05-31", "grace_days": 3});
    let whole = patch(witness, &author, &path, &made.etag(), &dates).await.expect(200);
    let submitted = post_on(witness, &author, &submit, &whole.etag(), None).await.expect(200);
    patch(witness, &author, &path, &submitted.etag(), &dates).await.expect_problem(409, "version_not_draft");
    let approve = format!("{path}/approve");
    post_on(witness, &admin, &approve, "*", None).await.expect_problem(409, "approval_expired");
    let why = json!({"reason": "dates_wrong"});
    post_on(witness, &admin, &format!("{path}/return"), &submitted.etag(), Some(&why)).await.expect(200);
    patch(witness, &admin, &path, "*", &json!({"expires_on": "2027-05-31"})).await.expect(200);
    post_on(witness, &author, &submit, "*", None).await.expect(200);
    post_on(witness, &admin, &approve, "*", None).await.expect_problem(403, "four_eyes_required");
    post_on(witness, &alex, &approve, "*", None).await.expect(200);
    // One admin, as before: what becomes of the last one is asked later.
    app.db.superuser().batch_execute("UPDATE members SET active = false WHERE email LIKE 'alex@%'").unwrap();
    let of_study = format!("/v1/language/current?study={STUDY}");
    let seen = get(witness, &partner, &of_study).await.expect(200);
    let version = json!({"version_id": seen.body["version_id"]});
    let acknowledgements = "/v1/language/acknowledgements";
    post(witness, &partner, acknowledgements, &version).await.expect(201);
    post(witness, &partner, acknowledgements, &version).await.expect(200);
    let as_text = |request: reqwest::RequestBuilder| request.header("Accept", "text/plain");
    witness.call(&partner, Method::GET, &of_study, as_text).await.expect(200);

    let next = draft_with(json!({"study": STUDY, "effective_on": "2026-05-20"}));
    let next = post(witness, &author, "/v1/language-versions", &next).await.expect(201).id();
    let next = format!("/v1/language-versions/{next}");
    let same_day = draft_with(json!({"study": STUDY, "effective_on": "2026-05-01"}));
    let same_day = post(witness, &author, "/v1/language-versions", &same_day).await.expect(201).id();
    let same_day = format!("/v1/language-versions/{same_day}");
    for path in [&next, &same_day] {
        post_on(witness, &author, &format!("{path}/submit"), "*", None).await.expect(200);
    }
    let overlapping = format!("{same_day}/approve");
    post_on(witness, &admin, &overlapping, "*", None).await.expect_problem(409, "language_overlaps");
    post_on(witness, &admin, &format!("{next}/approve"), "*", None).await.expect(200);
    let mut sibling_route = make::route(&app.site, "voices");
    sibling_route["study"] = json!(STUDY);
    sibling_route["source_tag"] = json!("voices.words");
    post(witness, &admin, "/v1/routes", &sibling_route).await.expect(201);
    let late = post(witness, &app.sibling_partner(), acknowledgements, &version).await;
    assert!(late.expect_problem(409, "version_not_current").body["current_version_id"].is_string());
    let diff = format!("{next}/diff?against={}", seen.body["version_id"].as_str().unwrap());
    get(witness, &author, &diff).await.expect(200);
    for list in [format!("/v1/language-versions?study={STUDY}&status=superseded&locale=en-US&limit=1"), next.clone()] {
        get(witness, &app.site_key(), &list).await.expect(200);
    }
    for who in [&admin, &partner] {
        get(witness, who, &format!("{acknowledgements}?study={STUDY}&limit=1")).await.expect(200);
    }
    let why = json!({"reason": "study_ended"});
    post_on(witness, &admin, &format!("{next}/retire"), "*", Some(&why)).await.expect(200);
    post_on(witness, &admin, &format!("{next}/retire"), "*", Some(&why)).await.expect_problem(409, "illegal_transition");
}

/// An exception is recorded and taken back; what came under it in between is read for a purpose, and purged.
pub async fn processes(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    let body = json!({
        "study": STUDY, "partner": "lakeside", "fields": ["age_band"], "purpose": "recruitment_plan", "approval_reference": "IRB-2",
        "valid_from": "2026-06-01", "valid_until": "2026-12-31",
    });
    let made = post(witness, &admin, "/v1/approved-processes", &body).await.expect(201);
    let path = format!("/v1/approved-processes/{}", made.id());
    get(witness, &app.coordinator(), &path).await.expect(200);
    get(witness, &app.site_key(), &format!("/v1/approved-processes?study={STUDY}&status=open&limit=1")).await.expect(200);
    details(app, witness).await;
    let (revoke, why) = (format!("{path}/revoke"), json!({"reason": "no_longer_needed"}));
    let gone = post_on(witness, &admin, &revoke, &made.etag(), Some(&why)).await.expect(200);
    post_on(witness, &admin, &revoke, &gone.etag(), Some(&why)).await.expect_problem(409, "state_conflict");
}

async fn details(app: &App, witness: &mut Witness) {
    crate::sealed_details::process(app, &["interpreter_language", "sealed_note"]).await;
    let sent = |details: Value| make::referral_with(json!({"contact_path": "sealed_details", "details": details}));
    let closed = post(witness, &app.partner(), "/v1/referrals", &sent(json!({"age_band": "from_80"}))).await;
    assert_eq!(closed.expect_problem(422, "invalid_body").faults(), ["/details/age_band not_approved"]);
    let details = json!({"interpreter_language": "es", "sealed_note": "Prefers a call at work."});
    let path = format!("/v1/referrals/{}", post(witness, &app.partner(), "/v1/referrals", &sent(details)).await.expect(201).id());
    let (reads, purpose) = (format!("{path}/details-reads"), json!({"purpose": "arrange_interpreter"}));
    let read = witness.call(&app.coordinator(), Method::POST, &reads, |request| request.json(&purpose)).await.expect(200);
    assert_eq!(read.body["details"]["interpreter_language"], "es");
    let seen = get(witness, &app.admin(), &path).await.expect(200);
    let purge = format!("{path}/details");
    for (etag, status) in [("\"999\"", 412), (&seen.etag(), 204), (&seen.etag(), 404)] {
        witness.call(&app.admin(), Method::DELETE, &purge, |request| request.header("If-Match", etag)).await.expect(status);
    }
}
