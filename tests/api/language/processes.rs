//! Approved processes: what they open, for whom and until when.

use handoff::auth::operator_scope;
use handoff::db::in_site;
use handoff::domain::ids::PartnerId;
use handoff::store::approved_processes::open_fields;
use serde_json::{Value, json};

use super::on;
use crate::support::{App, make};

fn process() -> Value {
    json!({
        "study": make::STUDY, "partner": "lakeside", "fields": ["interpreter_language", "age_band"], "purpose": "language_access",
        "approval_reference": "IRB-2026-114", "valid_from": "2026-06-10", "valid_until": "2026-06-20",
    })
}

fn process_with(changes: Value) -> Value {
    let mut body = process();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The fields that are open for a partner today.
fn open(app: &App, partner: PartnerId) -> Vec<&'static str> {
    let today = app.clock.now().with_timezone(&chrono_tz::America::New_York).date_naive();
    in_site(&mut app.db.app(), app.site.id, |conn, scope| {
        assert_eq!(*scope, operator_scope(app.site.id));
        Ok(open_fields(conn, scope, partner, app.site.study, today)?)
    })
    .unwrap()
    .into_iter()
    .map(|field| field.as_str())
    .collect()
}

#[actix_web::test]
async fn a_process_opens_its_fields_for_its_partner_on_its_days_and_closes_by_itself() {
    let app = super::start().await;
    let made = app.admin().post("/v1/approved-processes", &process()).await.expect(201);
    assert_eq!((&made.body["status"], &made.body["approved_by"]), (&json!("scheduled"), &json!(app.site.admin)));
    let (own, sibling) = (app.site.partner.id, app.site.sibling.id);
    let path = format!("/v1/approved-processes/{}", made.id());
    for (day, fields, status) in [
        ("2026-06-09", vec![], "scheduled"),
        ("2026-06-10", vec!["interpreter_language", "age_band"], "open"),
        ("2026-06-20", vec!["interpreter_language", "age_band"], "open"),
        ("2026-06-21", vec![], "ended"),
    ] {
        on(&app, day);
        assert_eq!((open(&app, own), open(&app, sibling)), (fields, vec![]), "{day}");
        assert_eq!(app.coordinator().get(&path).await.expect(200).body["status"], status, "{day}");
        for (filter, count) in [(status, 1), ("revoked", 0)] {
            let list = app.site_key().get(&format!("/v1/approved-processes?status={filter}&partner=lakeside")).await.expect(200);
            assert_eq!(list.body["data"].as_array().unwrap().len(), count, "{day} {filter}");
        }
    }
}

#[actix_web::test]
async fn a_process_without_a_partner_is_for_all_and_a_revoked_one_for_nobody() {
    let app = super::start().await;
    let body = process_with(json!({"partner": null, "fields": ["sealed_note"], "valid_from": "2026-06-01"}));
    let made = app.admin().post("/v1/approved-processes", &body).await.expect(201);
    let more = process_with(json!({"fields": ["preferred_contact_time", "sealed_note"], "valid_from": "2026-06-01"}));
    app.admin().post("/v1/approved-processes", &more).await.expect(201);
    assert_eq!(open(&app, app.site.partner.id), ["preferred_contact_time", "sealed_note"]);
    assert_eq!(open(&app, app.site.sibling.id), ["sealed_note"]);
    let revoke = format!("/v1/approved-processes/{}/revoke", made.id());
    let why = json!({"reason": "approval_withdrawn"});
    app.coordinator().post_on(&revoke, &made.etag(), &why).await.expect_problem(403, "forbidden");
    let gone = app.admin().post_on(&revoke, &made.etag(), &why).await.expect(200);
    assert_eq!((&gone.body["status"], &gone.body["revoked_by"]), (&json!("revoked"), &json!(app.site.admin)));
    assert_eq!(open(&app, app.site.sibling.id), [] as [&str; 0]);
    app.admin().post_on(&revoke, &gone.etag(), &why).await.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn a_process_that_opens_nothing_or_is_over_or_opens_what_is_not_coded_is_refused() {
    let app = super::start().await;
    for (changes, fault) in [
        (json!({"fields": []}), "/fields too_few_items"),
        (json!({"fields": ["diagnosis"]}), "/fields/0 unknown_value"),
        (json!({"fields": ["age_band", "age_band"]}), "/fields inconsistent"),
        (json!({"valid_from": "2026-05-01", "valid_until": "2026-05-31"}), "/valid_until out_of_range"),
        (json!({"valid_until": "2026-06-09"}), "/valid_until inconsistent"),
        (json!({"valid_until": "2036-06-09"}), "/valid_until out_of_range"),
        (json!({"purpose": "curiosity"}), "/purpose unknown_value"),
        (json!({"study": "nothing-here"}), "/study unknown_reference"),
        (json!({"partner": "nobody-here"}), "/partner unknown_reference"),
    ] {
        let refused = app.admin().post("/v1/approved-processes", &process_with(changes.clone())).await;
        assert_eq!(refused.expect_problem(422, "invalid_body").faults(), [fault], "{changes}");
    }
    for who in [app.coordinator(), app.site_key(), app.partner()] {
        who.post("/v1/approved-processes", &process()).await.expect(403);
    }
    assert_eq!(app.db.count("SELECT count(*) FROM approved_processes"), 0);
}
