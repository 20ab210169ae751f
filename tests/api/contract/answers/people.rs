//! The site's day as its admin has it: members and keys.

use reqwest::Method;
use serde_json::json;

use super::super::witness::Witness;
use super::{STUDY, get, patch, post, post_on};
use crate::support::App;
use crate::support::callers::fresh_key;

/// A key from its issue to its end.
pub async fn keys(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    let site_key = json!({"name": "Feed", "scopes": ["events:read", "config:read"], "expires_at": "2027-06-01T00:00:00Z"});
    let key = fresh_key();
    for shown in [true, false] {
        let keyed = |request: reqwest::RequestBuilder| request.header("Idempotency-Key", &key).json(&site_key);
        let answer = witness.call(&admin, Method::POST, "/v1/api-keys", keyed).await.expect(201);
        assert_eq!((answer.body["secret"].is_string(), &answer.body["secret_already_shown"]), (shown, &json!(!shown)));
    }
    let body = json!({"name": "Portal", "partner": "lakeside", "mode": "test"});
    let path = format!("/v1/api-keys/{}", post(witness, &admin, "/v1/api-keys", &body).await.expect(201).id());
    let rotate = format!("{path}/rotate");
    post(witness, &admin, &rotate, &json!({"overlap_hours": 2, "expires_at": null})).await.expect(201);
    post(witness, &admin, &rotate, &json!({})).await.expect_problem(409, "rotation_in_progress");
    get(witness, &admin, &path).await.expect(200);
    let revoke = format!("{path}/revoke");
    post(witness, &admin, &revoke, &json!({"reason": "no_longer_needed"})).await.expect(200);
    post(witness, &admin, &revoke, &json!({})).await.expect_problem(409, "state_conflict");
    for filter in ["", "?partner=lakeside&status=active", "?status=expiring&limit=1", "?status=revoked", "?status=expired"] {
        get(witness, &admin, &format!("/v1/api-keys{filter}")).await.expect(200);
    }
}

/// People come, change and go; and what the site cannot be without.
pub async fn members(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    let viewer = json!({"display_name": "Kim", "email": "kim@site.example", "role": "viewer", "studies": [STUDY]});
    let added = post(witness, &admin, "/v1/members", &viewer).await.expect(201);
    post(witness, &admin, "/v1/members", &viewer).await.expect_problem(409, "already_exists");
    let kim = format!("/v1/members/{}", added.id());
    get(witness, &app.coordinator(), &kim).await.expect(200);
    get(witness, &admin, "/v1/members?role=viewer&active=true&limit=1").await.expect(200);
    let changed = patch(witness, &admin, &kim, &added.etag(), &json!({"role": "coordinator"})).await.expect(200);
    assert_eq!((&added.body["studies"], &changed.body["studies"]), (&json!([STUDY]), &json!([])));

    let windows = format!("{kim}/away-windows");
    let away = json!({"starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"});
    let planned = post(witness, &admin, &windows, &away).await.expect(201);
    post(witness, &admin, &windows, &away).await.expect_problem(409, "away_window_overlaps");
    get(witness, &admin, &format!("{windows}?limit=1")).await.expect(200);
    let window = format!("{windows}/{}", planned.id());
    get(witness, &app.coordinator(), &window).await.expect(200);
    let shorter = json!({"ends_at": "2026-07-17T12:00:00Z"});
    let changed = patch(witness, &admin, &window, &planned.etag(), &shorter).await.expect(200);
    let delete = |request: reqwest::RequestBuilder| request.header("If-Match", changed.etag());
    witness.call(&admin, Method::DELETE, &window, delete).await.expect(204);

    let (lead, owner) = (format!("/v1/members/{}", app.site.admin), format!("/v1/members/{}", app.site.coordinator));
    patch(witness, &admin, &lead, "*", &json!({"role": "coordinator"})).await.expect_problem(409, "last_admin");
    patch(witness, &admin, &lead, "*", &json!({"is_site_lead": false})).await.expect_problem(409, "site_lead_required");
    let (nobody, to_kim) = (json!({}), json!({"reassign_to": added.id()}));
    let refused = post_on(witness, &admin, &format!("{owner}/deactivate"), "*", Some(&nobody)).await;
    assert!(!refused.expect_problem(409, "open_work").body["open_work"]["routes"].as_array().unwrap().is_empty());
    let left = post_on(witness, &admin, &format!("{owner}/deactivate"), "*", Some(&to_kim)).await.expect(200);
    post_on(witness, &admin, &format!("{owner}/deactivate"), "*", Some(&to_kim)).await.expect_problem(409, "state_conflict");
    post_on(witness, &admin, &format!("{owner}/reactivate"), &left.etag(), None).await.expect(200);
}

/// Where events are posted.
pub async fn webhooks(app: &App, witness: &mut Witness) {
    let (admin, path) = (app.admin(), "/v1/webhook-endpoints");
    let wanted = json!({"url": "https://crm.site.example/events", "event_types": ["key.revoked"]});
    let made = post(witness, &admin, path, &wanted).await.expect(201);
    let own = format!("{path}/{}", made.id());
    get(witness, &admin, &format!("{path}?limit=1")).await.expect(200);
    let read = get(witness, &admin, &own).await.expect(200);
    let off = patch(witness, &admin, &own, &read.etag(), &json!({"enabled": false})).await.expect(200);
    assert_eq!(off.body["disabled_reason"], "switched_off");
    patch(witness, &admin, &own, &read.etag(), &json!({"enabled": true})).await.expect_problem(412, "stale_version");
    let rotate = format!("{own}/rotate-secret");
    post_on(witness, &admin, &rotate, "*", Some(&json!({"overlap_hours": 1}))).await.expect(200);
    post_on(witness, &admin, &rotate, "*", Some(&json!({}))).await.expect_problem(409, "rotation_in_progress");
    post_on(witness, &admin, &format!("{own}/replay"), "*", Some(&json!({"after_position": 0}))).await.expect(200);
    let tested = witness.call(&admin, Method::POST, &format!("{own}/tests"), |request| request).await.expect(201);
    assert_eq!(tested.body["delivered"], false);
    patch(witness, &admin, &own, "*", &json!({"enabled": true, "event_types": []})).await.expect(200);
    app.sequence().await;
    handoff::jobs::webhook_delivery::pass(&app.state).await.unwrap();
    let told = get(witness, &admin, &format!("{own}/deliveries?limit=2")).await.expect(200);
    assert_eq!(told.body["data"][0]["last_error"], "webhook_name_unknown");
    get(witness, &admin, &format!("{own}/deliveries?status=failed")).await.expect(200);
    witness.call(&admin, Method::DELETE, &own, |request| request.header("If-Match", "*")).await.expect(204);
}

/// Files of referrals.
pub async fn imports(app: &App, witness: &mut Witness) {
    let (dana, path) = (app.coordinator(), "/v1/referral-imports");
    let header = "row_key,partner,study,channel,contact_basis,contact_path";
    let text = format!("{header}\nr-1,nobody,heart-2026,carrier_pigeon,permission_to_contact,person_uses_intake\n");
    let file = |text: String| {
        move |request: reqwest::RequestBuilder| {
            request.header("Content-Type", "text/csv").header("Idempotency-Key", fresh_key()).body(text)
        }
    };
    let made = witness.call(&dana, Method::POST, path, file(text.clone())).await.expect(201);
    handoff::jobs::referral_imports::pass(&app.state).await.unwrap();
    let own = format!("{path}/{}", made.id());
    assert_eq!(get(witness, &dana, &own).await.expect(200).body["status"], "completed");
    let rows = get(witness, &dana, &format!("{own}/rows?outcome=refused&limit=1")).await.expect(200);
    assert_eq!(rows.body["data"][0]["faults"][0]["code"], "unknown_value");
    get(witness, &dana, &format!("{path}?status=completed&limit=1")).await.expect(200);
    let waits = witness.call(&dana, Method::POST, &format!("{path}?dry_run=true"), file(text)).await.expect(201);
    let cancel = format!("{path}/{}/cancel", waits.id());
    post_on(witness, &dana, &cancel, &waits.etag(), None).await.expect(200);
    post_on(witness, &dana, &cancel, "*", None).await.expect_problem(409, "illegal_transition");
    witness.call(&dana, Method::POST, path, file(format!("{header},diagnosis\n"))).await.expect_problem(422, "sensitive_field");
    witness.call(&dana, Method::POST, path, file(String::new())).await.expect_problem(400, "malformed_file");
}

/// Alerts and where they are posted.
pub async fn alerts(app: &App, witness: &mut Witness) {
    let (admin, dana) = (app.admin(), app.coordinator());
    let test_alert = format!("/v1/members/{}/test-alert", app.site.coordinator);
    let keyed = |request: reqwest::RequestBuilder| request.header("Idempotency-Key", fresh_key());
    let made = witness.call(&dana, Method::POST, &test_alert, keyed).await.expect(201);
    let alert = format!("/v1/alerts/{}", made.id());
    handoff::jobs::alert_delivery::pass(&app.state).await.unwrap();
    let waiting = get(witness, &dana, &alert).await.expect(200);
    assert_eq!(waiting.body["deliveries"][0]["last_error"], "email_not_configured");
    witness.call(&dana, Method::POST, &format!("{alert}/confirm"), keyed).await.expect(200);
    get(witness, &admin, &format!("/v1/alerts?member_id={}&limit=1", app.site.coordinator)).await.expect(200);

    let path = "/v1/alert-webhook";
    let to =
        |url: &'static str| move |request: reqwest::RequestBuilder| request.header("If-Match", "*").json(&json!({"url": url}));
    get(witness, &admin, path).await.expect_problem(404, "not_found");
    let refused = witness.call(&admin, Method::PUT, path, to("https://169.254.169.254/x")).await;
    assert_eq!(refused.expect_problem(422, "invalid_body").faults(), ["/url address_not_allowed"]);
    witness.call(&admin, Method::PUT, path, to("https://hooks.site.example/handoff")).await.expect(201);
    witness.call(&admin, Method::PUT, path, to("https://hooks.site.example/alerts")).await.expect(200);
    let rotate = format!("{path}/rotate-secret");
    post_on(witness, &admin, &rotate, "*", Some(&json!({"overlap_hours": 1}))).await.expect(200);
    post_on(witness, &admin, &rotate, "*", Some(&json!({}))).await.expect_problem(409, "rotation_in_progress");
    get(witness, &admin, path).await.expect(200);
    witness.call(&admin, Method::DELETE, path, |request| request.header("If-Match", "*")).await.expect(204);
}
