//! Who takes over from a member that leaves, and what is told of it.

use serde_json::{Value, json};

use super::{add, change, deactivate, path, reactivate};
use crate::support::callers::Person;
use crate::support::{App, make};
use crate::tenancy::texts;

async fn go(who: &Person, referral: &str, body: Value) {
    who.post_on(&format!("/v1/referrals/{referral}/transitions"), "*", &body).await.expect(200);
}

#[actix_web::test]
async fn credentials_end_with_the_deactivation_and_come_back_with_the_return() {
    let app = App::start().await;
    let admin = app.admin();
    let kim = add(&admin, "kim", "coordinator").await;
    let kim_calls = app.member(&app.site, kim);
    kim_calls.get("/v1/studies").await.expect(200);
    reactivate(&admin, kim).await.expect_problem(409, "state_conflict");
    let left = deactivate(&admin, kim, &json!({})).await.expect(200);
    assert_eq!((&left.body["active"], left.etag()), (&json!(false), "\"2\"".into()));
    kim_calls.get("/v1/studies").await.expect_problem(401, "invalid_credentials");
    app.member(&app.site, kim).get("/v1/members").await.expect_problem(401, "invalid_credentials");
    deactivate(&admin, kim, &json!({})).await.expect_problem(409, "state_conflict");
    // Whoever has left stays readable, and can be corrected.
    assert_eq!(admin.get(&path(kim)).await.expect(200).text, left.text);
    change(&admin, kim, json!({"display_name": "Kim (left)"})).await.expect(200);
    let back = reactivate(&admin, kim).await.expect(200);
    assert_eq!((&back.body["active"], &back.body["role"]), (&json!(true), &json!("coordinator")));
    kim_calls.get("/v1/studies").await.expect(200);
    let told = texts(
        &mut app.db.superuser(),
        &format!(
            "SELECT event_type || ' ' || version || ' ' || is_test AS text FROM events WHERE subject_id = '{kim}' ORDER BY number"
        ),
    );
    assert_eq!(told, ["member.deactivated 2 false"]);
}

#[actix_web::test]
async fn open_work_is_listed_and_nothing_changes_until_somebody_takes_it() {
    let app = App::start().await;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    let [open, held, closed] =
        [make::sent(&app.partner()).await, make::sent(&app.partner()).await, make::sent(&app.sibling_partner()).await]
            .map(|answer| answer.id());
    go(&app.coordinator(), &held, json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    go(&app.coordinator(), &closed, json!({"to": "closed", "reason": "wrong_study"})).await;
    // A test referral is work as well.
    let test = make::db_test_twin(&app.db, &open);
    let (before, etag) = (app.db.dump().len(), admin.get(&path(dana)).await.expect(200).etag());
    let refused = deactivate(&admin, dana, &json!({})).await.expect_problem(409, "open_work");
    let mut routes = [app.site.partner.route.to_string(), app.site.sibling.route.to_string()];
    routes.sort();
    let mut referrals = vec![open.clone(), held.clone(), test.clone()];
    referrals.sort();
    let expected = json!({"referrals": referrals, "referrals_total": 3, "routes": routes, "routes_total": 2});
    assert_eq!(refused.body["open_work"], expected);
    assert_eq!((app.db.dump().len(), admin.get(&path(dana)).await.expect(200).etag()), (before, etag));

    let kim = add(&admin, "kim", "coordinator").await;
    app.clock.advance(chrono::Duration::hours(1));
    let versions = "SELECT string_agg(id || ' ' || version || ' ' || status, ',' ORDER BY id) AS text FROM referrals";
    let earlier = texts(&mut app.db.superuser(), versions);
    deactivate(&admin, dana, &json!({"reassign_to": kim})).await.expect(200);
    for (id, version, status) in [(&open, 2, "received"), (&held, 3, "on_hold")] {
        let read = admin.get(&format!("/v1/referrals/{id}")).await.expect(200);
        assert_eq!((&read.body["owner_id"], &read.body["status"]), (&json!(kim), &json!(status)));
        assert_eq!(read.etag(), format!("\"{version}\""));
    }
    assert_ne!(texts(&mut app.db.superuser(), versions), earlier);
    let changed_now = "SELECT count(*) FROM referrals WHERE updated_at = '2026-06-01T10:00:00Z'";
    assert_eq!(app.db.count(changed_now), 3);
    assert_eq!(app.db.count(&changed_now.replace("referrals", "handoff_routes")), 2);
    for route in &routes {
        let read = admin.get(&format!("/v1/routes/{route}")).await.expect(200);
        assert_eq!((&read.body["owner_id"], &read.body["backup_owner_id"]), (&json!(kim), &json!(app.site.admin)));
    }
    // What is closed keeps its history.
    assert_eq!(app.db.count(&format!("SELECT count(*) FROM referrals WHERE owner_id = '{dana}' AND id = '{closed}'")), 1);
    assert_eq!(app.db.count(&format!("SELECT count(*) FROM referrals WHERE owner_id = '{dana}'")), 1);

    // Told: each referral in its stream, the member once; each route in the trail.
    let mut conn = app.db.superuser();
    let told = texts(
        &mut conn,
        "SELECT e.event_type || ' ' || e.is_test || ' ' || (e.partner_id IS NOT NULL) AS text FROM events e
           JOIN audit_entries a ON a.id = e.audit_id WHERE a.operation = 'deactivate_member' ORDER BY 1",
    );
    assert_eq!(
        told,
        [
            "member.deactivated false false",
            "referral.reassigned false true",
            "referral.reassigned false true",
            "referral.reassigned true true",
            "route.voided false true",
            "route.voided false true",
        ]
    );
    let trail = texts(
        &mut conn,
        "SELECT subject_kind || ' ' || before || ' ' || after AS text FROM audit_entries WHERE operation = 'deactivate_member' ORDER BY 1",
    );
    let (was, is) = (format!("{{\"owner_id\":\"{dana}\"}}"), format!("{{\"owner_id\":\"{kim}\"}}"));
    assert_eq!(trail[0], "member {\"active\":true} {\"active\":false}");
    assert_eq!(trail[1..4], [(); 3].map(|()| format!("referral {was} {is}")));
    assert_eq!(trail[4..6], [(); 2].map(|()| format!("route {was} {is}")));
    let voided = "route {\"status\":\"launched\"} {\"status\":\"retest_required\"}";
    assert_eq!(trail[6..], [voided; 2]);
}

#[actix_web::test]
async fn owner_and_backup_owner_stay_two() {
    let app = App::start().await;
    let admin = app.admin();
    // Robin is the backup where Dana is the owner.
    let refused = deactivate(&admin, app.site.coordinator, &json!({"reassign_to": app.site.admin})).await;
    let work = refused.expect_problem(409, "open_work").body["open_work"].clone();
    assert_eq!((&work["referrals_total"], &work["routes_total"]), (&json!(0), &json!(2)));
    let kim = add(&admin, "kim", "coordinator").await;
    admin.patch(&format!("/v1/routes/{}", app.site.sibling.route), "*", &json!({"backup_owner_id": kim})).await.expect(200);
    let refused = deactivate(&admin, app.site.coordinator, &json!({"reassign_to": app.site.admin})).await;
    assert_eq!(refused.expect(409).body["open_work"]["routes"], json!([app.site.partner.route]));
    // A retired route is history: it stands in nobody's way and keeps its names.
    admin.post_on(&format!("/v1/routes/{}/retire", app.site.partner.route), "*", &json!({})).await.expect(200);
    deactivate(&admin, app.site.coordinator, &json!({"reassign_to": app.site.admin})).await.expect(200);
    let retired = admin.get(&format!("/v1/routes/{}", app.site.partner.route)).await.expect(200);
    assert_eq!(retired.body["owner_id"], json!(app.site.coordinator));
    let other = admin.get(&format!("/v1/routes/{}", app.site.sibling.route)).await.expect(200);
    assert_eq!((&other.body["owner_id"], &other.body["backup_owner_id"]), (&json!(app.site.admin), &json!(kim)));
}

#[actix_web::test]
async fn a_successor_is_another_active_member_who_may_own() {
    let app = App::start().await;
    let (admin, robin, dana) = (app.admin(), app.site.admin, app.site.coordinator);
    let gone = add(&admin, "gone", "admin").await;
    deactivate(&admin, gone, &json!({})).await.expect(200);
    let kim = add(&admin, "kim", "admin").await;
    let mut refusals = Vec::new();
    for other in [robin.0, app.site.viewer.0, gone.0, app.other_site.coordinator.0, uuid::Uuid::from_u128(7)] {
        let refused = deactivate(&admin, robin, &json!({"reassign_to": other, "new_site_lead": other})).await;
        assert_eq!(refused.faults(), ["/reassign_to unknown_reference", "/new_site_lead unknown_reference"]);
        let mut body = refused.expect_problem(422, "invalid_body").body;
        body["request_id"].take();
        refusals.push(body);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "a foreign member answers like an unknown one");
    let refused = deactivate(&admin, dana, &json!({"reassign_to": kim, "new_site_lead": kim})).await;
    assert_eq!(refused.expect(422).faults(), ["/new_site_lead inconsistent"]);
    deactivate(&admin, robin, &json!({"reassign_to": kim})).await.expect_problem(409, "site_lead_required");

    // The site lead leaves: one takes the lead, another the work.
    let lee = add(&admin, "lee", "coordinator").await;
    deactivate(&admin, robin, &json!({"reassign_to": kim, "new_site_lead": lee})).await.expect(200);
    let admin = app.member(&app.site, kim);
    assert_eq!(admin.get(&path(robin)).await.expect(200).body["is_site_lead"], false);
    let lead = admin.get(&path(lee)).await.expect(200);
    assert_eq!((&lead.body["is_site_lead"], lead.etag()), (&json!(true), "\"2\"".into()));
    let route = admin.get(&format!("/v1/routes/{}", app.site.partner.route)).await.expect(200);
    assert_eq!((&route.body["owner_id"], &route.body["backup_owner_id"]), (&json!(dana), &json!(kim)));
    // Back, but neither lead nor owner again.
    let back = reactivate(&admin, robin).await.expect(200);
    assert_eq!((&back.body["is_site_lead"], &back.body["role"]), (&json!(false), &json!("admin")));
    assert_eq!(app.db.count(&format!("SELECT count(*) FROM handoff_routes WHERE '{robin}' IN (owner_id, backup_owner_id)")), 0);
}
