//! A site's day over HTTP, each answer compared with the document: onboarding, referrals, lists, refusals.

use std::collections::BTreeSet;

use handoff::error::ErrorCode;
use reqwest::Method;
use serde_json::{Value, json};

use super::witness::Witness;
use crate::support::callers::{Answer, Person, fresh_key};
use crate::support::{App, make, onboard};

mod duplicates;
mod intake;
mod language;
mod launch;
mod people;
mod queue;
mod refusals;
mod reports;

use people::{alerts, imports, keys, members, webhooks};

const STUDY: &str = "sleep-2026";

/// POSTs that change nothing: a draft is too long for a query and too private for one, and a question is asked like a referral.
const CHANGES_NOTHING: [&str; 3] = ["check_language", "check_guard", "preflight_route"];

/// Codes that need a fault inside or another request at the same time, and those that `sweep` and `routed` earn.
const ELSEWHERE: &[ErrorCode] = &[
    ErrorCode::Internal,
    ErrorCode::Overloaded,
    ErrorCode::DeadlineExceeded,
    ErrorCode::DatabaseUnavailable,
    ErrorCode::ReportNotReady,
    ErrorCode::IdentityProviderUnavailable,
    ErrorCode::IdempotencyInFlight,
    ErrorCode::RateLimited,
    ErrorCode::MethodNotAllowed,
    ErrorCode::NotAcceptable,
    ErrorCode::BodyTooLarge,
    ErrorCode::UnsupportedMediaType,
];

async fn get(witness: &mut Witness, who: &Person, path: &str) -> Answer {
    witness.call(who, Method::GET, path, |request| request).await
}

async fn post(witness: &mut Witness, who: &Person, path: &str, body: &Value) -> Answer {
    witness.call(who, Method::POST, path, |request| request.header("Idempotency-Key", fresh_key()).json(body)).await
}

async fn post_on(witness: &mut Witness, who: &Person, path: &str, etag: &str, body: Option<&Value>) -> Answer {
    let complete = |request: reqwest::RequestBuilder| {
        let request = request.header("If-Match", etag);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    };
    witness.call(who, Method::POST, path, complete).await
}

async fn patch(witness: &mut Witness, who: &Person, path: &str, etag: &str, body: &Value) -> Answer {
    witness.call(who, Method::PATCH, path, |request| request.header("If-Match", etag).json(body)).await
}

#[actix_web::test]
async fn every_answer_of_a_sites_day_is_one_that_the_document_describes() {
    let app = App::start().await;
    let mut witness = Witness::new();
    onboarding(&app, &mut witness).await;
    referrals(&app, &mut witness).await;
    keys(&app, &mut witness).await;
    duplicates::reviews(&app, &mut witness).await;
    intake::arrivals(&app, &mut witness).await;
    queue::queue(&app, &mut witness).await;
    language(&app, &mut witness).await;
    language::versions(&app, &mut witness).await;
    language::processes(&app, &mut witness).await;
    lists(&app, &mut witness).await;
    journal(&app, &mut witness).await;
    reports::reports(&app, &mut witness).await;
    refusals::refusals(&app, &mut witness).await;
    conflicts(&app, &mut witness).await;
    alerts(&app, &mut witness).await;
    webhooks(&app, &mut witness).await;
    imports(&app, &mut witness).await;
    members(&app, &mut witness).await;
    launch::launch(&app, &mut witness).await;

    let document = super::document();
    for operation in super::walk::operations(&document) {
        let succeeded = witness.seen.iter().any(|(id, status)| id == operation.id && (200..300).contains(status));
        assert!(succeeded, "{} never succeeded", operation.id);
    }
    // Every operation that changes something stands in the audit trail under its own name.
    let told = crate::tenancy::texts(&mut app.db.superuser(), "SELECT DISTINCT operation AS text FROM audit_entries");
    let changes = |operation: &&super::walk::Operation| operation.method != "GET" && !CHANGES_NOTHING.contains(&operation.id);
    for operation in super::walk::operations(&document).iter().filter(changes) {
        assert!(told.iter().any(|told| told == operation.id), "{} left no audit entry", operation.id);
    }
    let unseen: BTreeSet<&str> = ErrorCode::ALL
        .iter()
        .filter(|code| !ELSEWHERE.contains(code))
        .map(|code| code.as_str())
        .filter(|code| !witness.codes.contains(*code))
        .collect();
    assert!(unseen.is_empty(), "codes never answered: {unseen:?}");
    println!(
        "document against server: {} answers, {} pairs of operation and status, {} codes, 0 differences",
        witness.answers,
        witness.seen.len(),
        witness.codes.len()
    );
}

/// A draft with findings, one without, and one for a study of nobody.
async fn language(app: &App, witness: &mut Witness) {
    let path = "/v1/language/check";
    let draft = |text: &str| json!({"study": STUDY, "kind": "email", "text": text});
    for text in ["You qualify!\nEarn $500 and call 415-555-0199.", "Go to https://intake.sleep.example/ to learn more."] {
        let found = post(witness, &app.partner(), path, &draft(text)).await.expect(200);
        assert_eq!(found.body["findings"].as_array().unwrap().is_empty(), text.starts_with("Go"), "{}", found.text);
    }
    let unknown = json!({"study": "nowhere-study", "text": "You qualify."});
    post(witness, &app.coordinator(), path, &unknown).await.expect_problem(422, "invalid_body");
}

async fn onboarding(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    for path in ["/healthz", "/readyz"] {
        get(witness, &app.stranger(), path).await.expect(200);
    }
    let site = get(witness, &app.site_key(), "/v1/site").await.expect(200);
    patch(witness, &admin, "/v1/site", &site.etag(), &json!({"suppression_threshold": 20})).await.expect(200);
    let study =
        json!({"code": STUDY, "public_name": "Sleep Study", "short_description": "Two ways to rest.", "protocol_code": "SLP-1"});
    let study = post(witness, &admin, "/v1/studies", &study).await.expect(201);
    let path = format!("/v1/studies/{}", study.id());
    let study = patch(witness, &admin, &path, &study.etag(), &json!({"registry_id": "NCT07654321"})).await.expect(200);
    let study = patch(witness, &admin, &path, &study.etag(), &json!({"registry_id": null})).await.expect(200);
    let transitions = format!("{path}/transitions");
    let study = post_on(witness, &admin, &transitions, &study.etag(), Some(&json!({"to": "paused"}))).await.expect(200);
    post_on(witness, &admin, &transitions, &study.etag(), Some(&json!({"to": "open"}))).await.expect(200);

    let partner = json!({"code": "harbour", "name": "Harbour", "partner_type": "registry", "jurisdiction": "US", "remuneration_basis": "flat"});
    let partner = post(witness, &admin, "/v1/partners", &partner).await.expect(201);
    let path = format!("/v1/partners/{}", partner.id());
    let decided = json!({"decision": "adjust", "reason": "incomplete_handoffs"});
    let review = post(witness, &admin, &format!("{path}/reviews"), &decided).await.expect(201);
    get(witness, &admin, &format!("{path}/reviews/{}", review.id())).await.expect(200);
    get(witness, &app.coordinator(), &format!("{path}/reviews?limit=1")).await.expect(200);
    let partner = patch(witness, &admin, &path, &partner.etag(), &json!({"name": "Harbour Registry"})).await.expect(200);
    post_on(witness, &admin, &format!("{path}/transitions"), &partner.etag(), Some(&json!({"to": "language_pending"})))
        .await
        .expect(200);

    let route = json!({
        "partner": "lakeside", "study": STUDY, "source_tag": "lakeside.sleep",
        "channels": make::channels(&["secure_form", "phone_handoff"], "Give the person the code."), "owner_id": app.site.coordinator, "backup_owner_id": app.site.admin,
        "duplicate_policy": "review_all", "contact_due_hours": 48
    });
    let route = post(witness, &admin, "/v1/routes", &route).await.expect(201);
    let path = format!("/v1/routes/{}", route.id());
    let change = json!({"intake_url": "https://intake.sleep.example/", "contact_due_hours": null});
    patch(witness, &admin, &path, &route.etag(), &change).await.expect(200);
    onboard::db_live(app, &path);
    let mut etag = get(witness, &admin, &path).await.expect(200).etag();
    for step in ["pause", "resume"] {
        etag = post_on(witness, &admin, &format!("{path}/{step}"), &etag, None).await.expect(200).etag();
    }
    for (who, view) in [(&admin, "site"), (&app.partner(), "partner")] {
        assert_eq!(get(witness, who, &path).await.expect(200).body["view"], view);
    }
}

/// One referral through its states; both views of it at every step.
async fn referrals(app: &App, witness: &mut Witness) {
    let key = fresh_key();
    let body = make::referral_with(json!({
        "study": STUDY, "partner_reference": "SLP-1", "match": {"email": "a@mail.example", "phone": "+1 202 555 0123"},
        "source_tag": "another.tag", "received_at": "2026-06-01T08:00:00Z"
    }));
    let partner = app.partner();
    let mut sent = Vec::new();
    for replayed in [None, Some("true")] {
        let keyed = |request: reqwest::RequestBuilder| request.header("Idempotency-Key", &key).json(&body);
        let answer = witness.call(&partner, Method::POST, "/v1/referrals", keyed).await.expect(201);
        assert_eq!(answer.header("idempotency-replayed"), replayed);
        sent.push(answer.text);
    }
    assert_eq!(sent[0], sent[1]);
    let id = serde_json::from_str::<Value>(&sent[0]).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/referrals/{id}");
    let steps = [
        json!({"to": "acknowledged"}),
        json!({"to": "on_hold", "blocker": "awaiting_partner_completion"}),
        json!({"to": "acknowledged"}),
        json!({"to": "handed_off"}),
        json!({"to": "closed", "reason": "wrong_study"}),
        json!({"to": "received", "reason": "person_returned"}),
        json!({"to": "connected"}),
        json!({"to": "handed_off"}),
        json!({"to": "closed", "reason": "handoff_complete"}),
    ];
    let mut classes = BTreeSet::new();
    for step in &steps {
        let before = get(witness, &app.coordinator(), &path).await.expect(200);
        get(witness, &app.site_key(), &format!("{path}/actions")).await.expect(200);
        let moved = post_on(witness, &app.coordinator(), &format!("{path}/transitions"), &before.etag(), Some(step)).await;
        // What the state does not allow is a documented refusal as well.
        assert!(matches!(moved.status, 200 | 409), "{}", moved.text);
        let seen = get(witness, &partner, &path).await.expect(200);
        assert_eq!((&before.body["view"], &seen.body["view"]), (&json!("site"), &json!("partner")));
        classes.insert(seen.body["status"].as_str().unwrap().to_owned());
    }
    assert!(classes.contains("needs_partner_action") && classes.contains("not_accepted"), "{classes:?}");
    app.sequence().await;
    let history = get(witness, &app.coordinator(), &format!("{path}/events?limit=2")).await.expect(200);
    let next = history.body["next_cursor"].as_str().unwrap();
    get(witness, &app.coordinator(), &format!("{path}/events?limit=2&cursor={next}")).await.expect(200);
    follow_up(app, witness).await;
    let late = make::referral_with(json!({
        "study": STUDY, "partner": "lakeside", "late_reason": "paper_backlog", "channel": "phone_handoff",
        "contact_path": "site_record", "external_ref": "CRM-1"
    }));
    post(witness, &app.site_key(), "/v1/referrals", &late).await.expect(201);
    let many = json!({"transition": {"to": "contacting"}, "referrals": [{"id": id, "version": 1}, {"id": app.site.admin}]});
    let answer = post(witness, &app.coordinator(), "/v1/bulk-actions", &many).await.expect(200);
    assert_eq!((&answer.body["done"], &answer.body["refused"]), (&json!(0), &json!(2)));
    let other = post(witness, &partner, "/v1/referrals", &make::referral_with(json!({"study": STUDY}))).await.expect(201).id();
    let given =
        json!({"reassign": {"owner_id": app.site.admin, "reason": "absence"}, "referrals": [{"id": other, "version": 1}]});
    post(witness, &app.site_key(), "/v1/bulk-actions", &given).await.expect(200);
    let twice = json!({"reassign": {"owner_id": app.site.admin, "reason": "absence"}, "referrals": [{"id": id}, {"id": id}]});
    post(witness, &app.site_key(), "/v1/bulk-actions", &twice).await.expect_problem(422, "invalid_body");
    let withdrawal = json!({"match": {"phone": "+1 202 555 0123"}, "received_at": "2026-06-01T08:30:00Z"});
    post(witness, &app.site_key(), "/v1/contact-withdrawals", &withdrawal).await.expect(201);
    let held = post(
        witness,
        &app.coordinator(),
        "/v1/referrals",
        &make::referral_with(json!({
            "study": STUDY, "partner": "lakeside", "match": {"phone": "+1 202 555 0123"}
        })),
    )
    .await
    .expect(201);
    assert_eq!((&held.body["status"], &held.body["quarantine_reason"]), (&json!("quarantined"), &json!("contact_withdrawn")));
    let closed = post(witness, &app.coordinator(), "/v1/contact-withdrawals", &withdrawal).await.expect(201);
    assert_eq!(closed.body["closed_referrals"], json!([held.id()]));
    let person = json!({"match": {"phone": "+1 202 555 0123"}});
    let erased = post(witness, &app.admin(), "/v1/erasures", &person).await.expect(201);
    assert!(erased.body["erased_referrals"].as_array().unwrap().contains(&json!(held.id())));
}

/// The site asks the partner for something, the partner brings it, and then withdraws.
async fn follow_up(app: &App, witness: &mut Witness) {
    let (partner, coordinator) = (app.partner(), app.coordinator());
    let sent = post(witness, &partner, "/v1/referrals", &make::referral_with(json!({"study": STUDY}))).await.expect(201);
    let path = format!("/v1/referrals/{}", sent.id());
    let complete = format!("{path}/complete");
    post_on(witness, &partner, &complete, &sent.etag(), Some(&json!({}))).await.expect_problem(409, "state_conflict");
    let asked = json!({
        "owner_id": app.site.admin, "blocker": "awaiting_partner_completion", "next_action": "request_partner_completion",
        "next_action_due_at": "2026-06-03T09:00:00Z", "reason": "agreed_with_partner", "external_ref": "CRM-7"
    });
    patch(witness, &coordinator, &path, "\"1\"", &asked).await.expect(200);
    patch(witness, &coordinator, &path, "\"2\"", &json!({"external_ref": null})).await.expect(200);
    let turn = get(witness, &partner, &path).await.expect(200);
    let used = json!({"partner_reference": "SLP-1"});
    post_on(witness, &partner, &complete, &turn.etag(), Some(&used)).await.expect_problem(409, "partner_reference_used");
    let brought = json!({"partner_reference": "SLP-2", "source_tag": "leaflet-7", "match": {"phone": "+1 202 555 0123"}});
    let done = post_on(witness, &partner, &complete, &turn.etag(), Some(&brought)).await.expect(200);
    let withdraw = format!("{path}/withdraw");
    post_on(witness, &partner, &withdraw, &turn.etag(), None).await.expect_problem(412, "stale_version");
    let gone = post_on(witness, &partner, &withdraw, &done.etag(), None).await.expect(200);
    post_on(witness, &partner, &withdraw, &gone.etag(), None).await.expect_problem(409, "state_conflict");
    let late = json!({"blocker": null});
    patch(witness, &coordinator, &path, "*", &late).await.expect_problem(409, "state_conflict");
}

async fn lists(app: &App, witness: &mut Witness) {
    for collection in ["studies", "partners", "routes", "referrals"] {
        for who in [app.admin(), app.coordinator(), app.partner(), app.site_key()] {
            let mut path = format!("/v1/{collection}?limit=1");
            for _ in 0..10 {
                let page = get(witness, &who, &path).await.expect(200);
                let next = page.header("link").map(|link| link.trim_start_matches('<').split_once('>').unwrap().0.to_owned());
                assert_eq!(page.body["next_cursor"].is_null(), next.is_none());
                let Some(next) = next else { break };
                path = next;
            }
        }
    }
    let filters = [
        "studies?status=open".to_owned(),
        "partners?status=active".to_owned(),
        format!("routes?partner=lakeside&study={STUDY}&status=launched"),
        format!("referrals?status=closed&study={STUDY}&partner=lakeside&owner_id={}", app.site.coordinator),
        "referrals?channel=phone_handoff&partner_reference=SLP-1&external_ref=CRM-1&limit=200".to_owned(),
    ];
    for filter in filters {
        get(witness, &app.admin(), &format!("/v1/{filter}")).await.expect(200);
    }
}

/// The feed and the audit trail of all that was done so far.
async fn journal(app: &App, witness: &mut Witness) {
    app.sequence().await;
    let reader = app.person(&app.site.narrow_key);
    let page = get(witness, &reader, "/v1/events?limit=3&type=referral.transitioned").await.expect(200);
    let next = page.body["next_cursor"].as_str().unwrap();
    let path = format!("/v1/events?limit=3&type=referral.transitioned&cursor={next}");
    assert_ne!(get(witness, &reader, &path).await.expect(200).body["data"], page.body["data"]);
    let latest = get(witness, &app.admin(), "/v1/events?start=latest&wait_seconds=1").await.expect(200);
    assert_eq!(latest.body["data"], json!([]));
    get(witness, &reader, &format!("/v1/events?start=latest&cursor={next}")).await.expect_problem(400, "invalid_parameter");

    let filter = format!(
        "/v1/audit?subject_kind=study&subject_id={}&actor_id={}&operation=create_study&from=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z",
        app.site.study, app.site.admin
    );
    for path in ["/v1/audit?limit=2", &filter] {
        let page = get(witness, &app.admin(), path).await.expect(200);
        assert!(!page.body["data"].as_array().unwrap().is_empty(), "{path}");
    }
    let page = get(witness, &app.admin(), "/v1/audit?limit=1").await.expect(200);
    get(witness, &app.admin(), &format!("/v1/audit?limit=1&cursor={}", page.body["next_cursor"].as_str().unwrap()))
        .await
        .expect(200);
    let as_csv = |request: reqwest::RequestBuilder| request.header("Accept", "text/csv");
    witness.call(&app.admin(), Method::GET, "/v1/audit", as_csv).await.expect(200);
    witness.call(&app.admin(), Method::GET, "/v1/audit?limit=1", as_csv).await.expect_problem(400, "invalid_parameter");
}

/// What the state of things does not allow.
async fn conflicts(app: &App, witness: &mut Witness) {
    let admin = app.admin();
    let study = json!({"code": STUDY, "public_name": "Sleep Study", "short_description": "Again.", "protocol_code": "SLP-1"});
    post(witness, &admin, "/v1/studies", &study).await.expect_problem(409, "already_exists");
    let path = format!("/v1/routes/{}", app.site.partner.route.0);
    let route = get(witness, &admin, &path).await.expect(200);
    post_on(witness, &admin, &format!("{path}/resume"), &route.etag(), None).await.expect_problem(409, "illegal_transition");
    post_on(witness, &admin, &format!("{path}/pause"), "\"99\"", None).await.expect_problem(412, "stale_version");
    let full = patch(witness, &admin, &path, &route.etag(), &json!({"monthly_capacity": 1})).await.expect(200);
    while post(witness, &app.partner(), "/v1/referrals", &make::referral()).await.code() != "route_at_capacity" {}
    let paused = post_on(witness, &admin, &format!("{path}/pause"), &full.etag(), None).await.expect(200);
    let question = json!({"study": make::STUDY, "channel": "secure_form"});
    post(witness, &app.partner(), "/v1/routes/preflight", &question).await.expect(200);
    get(witness, &admin, &format!("{path}/configurations")).await.expect(200);
    post(witness, &app.partner(), "/v1/referrals", &make::referral()).await.expect_problem(409, "route_not_launched");
    let retired = post_on(witness, &admin, &format!("{path}/retire"), &paused.etag(), None).await.expect(200);
    let change = json!({"source_tag": "another.tag"});
    patch(witness, &admin, &path, &retired.etag(), &change).await.expect_problem(409, "state_conflict");

    let path = format!("/v1/partners/{}", app.site.sibling.id.0);
    let partner = get(witness, &admin, &path).await.expect(200);
    let paused = json!({"to": "paused"});
    post_on(witness, &admin, &format!("{path}/transitions"), &partner.etag(), Some(&paused)).await.expect(200);
    let body = make::referral_of("voices");
    post(witness, &app.coordinator(), "/v1/referrals", &body).await.expect_problem(409, "partner_not_active");
    let path = format!("/v1/studies/{}", app.site.study.0);
    let study = get(witness, &admin, &path).await.expect(200);
    let transitions = format!("{path}/transitions");
    post_on(witness, &admin, &transitions, "", Some(&paused)).await.expect_problem(400, "invalid_header");
    let unmatched = |request: reqwest::RequestBuilder| request.json(&paused);
    witness.call(&admin, Method::POST, &transitions, unmatched).await.expect_problem(428, "if_match_required");
    post_on(witness, &admin, &transitions, &study.etag(), Some(&paused)).await.expect(200);
    post(witness, &app.coordinator(), "/v1/referrals", &body).await.expect_problem(409, "study_not_open");
}
