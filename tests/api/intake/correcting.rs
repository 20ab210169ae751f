//! Correcting whom a referral is credited to: with a reason, on the version that was read, and seen by exactly the partner that has it.

use diesel::connection::SimpleConnection as _;
use serde_json::json;

use super::{correct, credit, stranger};
use crate::contact_withdrawals::{go, seen};
use crate::support::{App, make};

#[actix_web::test]
async fn from_then_on_the_partner_that_has_it_sees_it_and_no_other_does() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let path = format!("/v1/referrals/{id}");
    let owner = seen(&app, &id).await["owner_id"].clone();
    let steps = [(Some("lakeside"), [200, 404]), (Some("voices"), [404, 200]), (None, [404, 404])];
    for (partner, statuses) in steps {
        let corrected = correct(&app, &id, partner).await.expect(200);
        assert_eq!(credit(&corrected.body), json!([partner, "corrected", "lakeside.hart"]));
        assert_eq!(corrected.body["owner_id"], owner, "who has it goes on with it");
        for (caller, status) in [app.partner(), app.sibling_partner()].iter().zip(statuses) {
            let answer = caller.get(&path).await.expect(status);
            let listed = caller.get("/v1/referrals").await.expect(200).body["data"].as_array().unwrap().len();
            assert_eq!(listed, usize::from(status == 200));
            if status == 404 {
                let unknown = caller.get("/v1/referrals/0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f99").await.expect(404);
                assert_eq!(answer.body["detail"], unknown.body["detail"], "foreign and unknown answer alike");
            }
        }
    }
    let audit = "SELECT count(*) FROM audit_entries WHERE operation = 'correct_attribution' AND reason = 'person_named_partner'";
    assert_eq!(app.db.count(audit), 3);
    let told = format!("SELECT count(*) FROM events WHERE subject_id = '{id}' AND event_type = 'referral.transitioned'");
    assert_eq!(app.db.count(&told), 3);
}

#[actix_web::test]
async fn a_correction_that_says_what_is_there_changes_nothing() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let first = correct(&app, &id, Some("lakeside")).await.expect(200);
    let again = correct(&app, &id, Some("lakeside")).await.expect(200);
    assert_eq!((again.etag(), &again.body), (first.etag(), &first.body));
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries WHERE operation = 'correct_attribution'"), 1);
    // The control: another partner is a change.
    assert_ne!(correct(&app, &id, Some("voices")).await.expect(200).etag(), first.etag());
}

#[actix_web::test]
async fn the_partners_own_reference_goes_with_the_partner_and_may_be_used_again() {
    let app = App::start().await;
    let body = make::referral_with(json!({"partner_reference": "LC-1", "source_tag": "voices.heart"}));
    let sent = app.partner().post("/v1/referrals", &body).await.expect(201).id();
    assert_eq!(credit(&seen(&app, &sent).await), json!(["lakeside", "unverified", "voices.heart"]));
    let kept = correct(&app, &sent, Some("lakeside")).await.expect(200);
    assert_eq!(kept.body["partner_reference"], "LC-1", "confirmed, it keeps it");
    // That of a specialty clinic's permission may be an advocacy group's too.
    let moved = correct(&app, &sent, Some("voices")).await.expect(200);
    assert_eq!(moved.body["partner_reference"], json!(null));
    app.partner().post("/v1/referrals", &body).await.expect(201);
    app.partner().get(&format!("/v1/referrals/{sent}")).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let path = format!("/v1/referrals/{id}/attribution");
    let before = app.db.dump();
    let coordinator = app.coordinator();
    let cases = [
        (json!({"partner": "nobody-known", "reason": "tag_mistyped"}), "/partner unknown_reference"),
        (json!({"partner": null}), "/reason missing_field"),
        (json!({"reason": "tag_mistyped"}), "/partner missing_field"),
        (json!({"partner": "lakeside", "reason": "because"}), "/reason unknown_word"),
        (json!({"partner": "Lakeside!", "reason": "tag_mistyped"}), "/partner bad_format"),
    ];
    for (body, fault) in cases {
        let refused = coordinator.post_on(&path, "*", &body).await;
        let word = refused.faults().join(", ");
        assert_eq!(refused.status, 422, "{body}: {}", refused.text);
        if !fault.contains("unknown_word") {
            assert_eq!(word, fault, "{body}");
        }
    }
    let body = json!({"partner": "lakeside", "reason": "tag_mistyped"});
    coordinator.post_on(&path, "\"7\"", &body).await.expect_problem(412, "stale_version");
    coordinator.post(&path, &body).await.expect_problem(428, "if_match_required");
    let elsewhere = app.member(&app.other_site, app.other_site.admin);
    elsewhere.post_on(&path, "*", &body).await.expect_problem(404, "not_found");
    for caller in [app.viewer(), app.partner(), app.site_key()] {
        caller.post_on(&path, "*", &body).await.expect_problem(403, "forbidden");
    }
    let strip = |dump: String| dump.lines().filter(|line| !line.contains("refusals")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(strip(app.db.dump()).len(), strip(before).len());
    assert_eq!(credit(&seen(&app, &id).await), json!([null, "unverified", "lakeside.hart"]));
}

#[actix_web::test]
async fn what_waits_for_its_partner_or_has_grounds_that_another_cannot_state_stays_with_it() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await.id();
    go(&app, &sent, json!({"to": "on_hold", "blocker": "awaiting_partner_completion"})).await.expect(200);
    for partner in [Some("voices"), None] {
        correct(&app, &sent, partner).await.expect_problem(409, "state_conflict");
    }
    correct(&app, &sent, Some("lakeside")).await.expect(200);
    let body = make::referral_with(json!({"contact_basis": "hipaa_authorization"}));
    let signed = app.partner().post("/v1/referrals", &body).await.expect(201).id();
    let refused = correct(&app, &signed, Some("voices")).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/partner inconsistent"]);
    correct(&app, &signed, None).await.expect(200);
}

#[actix_web::test]
async fn the_database_itself_refuses_a_credit_without_a_route_and_a_certainty_without_a_partner() {
    let app = App::start().await;
    let (id, sent) = (stranger(&app, "CRM-1").await, make::sent(&app.partner()).await.id());
    for (row, change, constraint) in [
        (&id, "attribution = 'verified'", "referrals_verified_has_partner"),
        (&id, "partner_reference = 'LC-1'", "referrals_nobody_referred"),
        (&id, "blocker = 'awaiting_partner_completion'", "referrals_nobody_referred"),
        (&sent, "route_id = NULL, attribution = 'unverified'", "referrals_partner_has_route"),
        (&sent, "source_tag = NULL", "referrals_verified_has_partner"),
    ] {
        let refused = app.db.superuser().batch_execute(&format!("UPDATE referrals SET {change} WHERE id = '{row}'")).unwrap_err();
        assert!(refused.to_string().contains(constraint), "{change}: {refused}");
    }
    // The control: what both allow.
    app.db.superuser().batch_execute(&format!("UPDATE referrals SET attribution = 'corrected' WHERE id = '{id}'")).unwrap();
}
