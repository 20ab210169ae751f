//! What a site is never without: an admin, one site lead, and owners who may own.

use serde_json::json;

use super::{add, change, deactivate, path, reactivate};
use crate::support::callers::Answer;
use crate::support::{App, make};

const LEADS: &str = "SELECT count(*) FROM members WHERE is_site_lead AND active AND role <> 'viewer' AND site_id = ";

#[actix_web::test]
async fn the_lead_moves_from_whoever_has_it_and_is_never_laid_down() {
    let app = App::start().await;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    let before = admin.get(&path(app.site.admin)).await.expect(200);
    assert_eq!(before.body["is_site_lead"], true);
    change(&admin, app.site.admin, json!({"is_site_lead": false})).await.expect_problem(409, "site_lead_required");
    change(&admin, app.site.admin, json!({"role": "viewer"})).await.expect_problem(409, "site_lead_required");
    deactivate(&admin, app.site.admin, &json!({})).await.expect_problem(409, "last_admin");

    let lead = change(&admin, dana, json!({"is_site_lead": true})).await.expect(200);
    assert_eq!(lead.body["is_site_lead"], true);
    let after = admin.get(&path(app.site.admin)).await.expect(200);
    assert_eq!((&after.body["is_site_lead"], after.etag()), (&json!(false), "\"2\"".into()));
    assert_ne!(after.etag(), before.etag());
    // Saying so again, or saying of others that they do not lead, moves nothing.
    change(&admin, dana, json!({"is_site_lead": true})).await.expect(200);
    change(&admin, app.site.admin, json!({"is_site_lead": false})).await.expect(200);
    assert_eq!(app.db.count(&format!("{LEADS} '{}'", app.site.id)), 1);

    let viewer = change(&admin, app.site.viewer, json!({"is_site_lead": true})).await.expect(422);
    assert_eq!(viewer.faults(), ["/is_site_lead inconsistent"]);
    let both = change(&admin, dana, json!({"is_site_lead": true, "role": "viewer"})).await.expect(422);
    assert_eq!(both.faults(), ["/is_site_lead inconsistent"]);
    let kim = add(&admin, "kim", "coordinator").await;
    deactivate(&admin, kim, &json!({})).await.expect(200);
    change(&admin, kim, json!({"is_site_lead": true})).await.expect_problem(409, "state_conflict");
    // A viewer may become coordinator and lead in one change.
    change(&admin, app.site.viewer, json!({"is_site_lead": true, "role": "coordinator"})).await.expect(200);
    assert_eq!(app.db.count(&format!("{LEADS} '{}'", app.site.id)), 1);
    // Both ends of each of the three moves are in the trail, and nothing of the moves that were refused.
    let moves =
        "SELECT count(*) FROM audit_entries WHERE operation = 'update_member' AND before LIKE '%is_site_lead%' AND after LIKE";
    assert_eq!(app.db.count(&format!("{moves} '%true%'")), 2);
    assert_eq!(app.db.count(&format!("{moves} '%false%'")), 2);
}

#[actix_web::test]
async fn the_last_active_admin_stays_one() {
    let app = App::start().await;
    let (admin, robin) = (app.admin(), app.site.admin);
    change(&admin, app.site.coordinator, json!({"is_site_lead": true})).await.expect(200);
    for role in ["coordinator", "viewer"] {
        change(&admin, robin, json!({"role": role})).await.expect_problem(409, "last_admin");
    }
    let to_dana = json!({"reassign_to": app.site.coordinator});
    deactivate(&admin, robin, &to_dana).await.expect_problem(409, "last_admin");
    // One who is deactivated is none, and the admins of other sites are none here.
    let kim = add(&admin, "kim", "admin").await;
    deactivate(&admin, kim, &json!({})).await.expect(200);
    change(&admin, robin, json!({"role": "coordinator"})).await.expect_problem(409, "last_admin");
    // With another one it works, and the new one is then the last.
    reactivate(&admin, kim).await.expect(200);
    change(&admin, robin, json!({"role": "coordinator"})).await.expect(200);
    admin.post("/v1/members", &super::person("lee", "viewer")).await.expect_problem(403, "forbidden");
    let kim_calls = app.member(&app.site, kim);
    change(&kim_calls, kim, json!({"role": "coordinator"})).await.expect_problem(409, "last_admin");
    change(&kim_calls, kim, json!({"display_name": "Kim Admin"})).await.expect(200);
}

#[actix_web::test]
async fn whoever_has_open_work_does_not_become_a_viewer() {
    let app = App::start().await;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    let refused = change(&admin, dana, json!({"role": "viewer"})).await.expect_problem(409, "open_work");
    assert_eq!(refused.body["open_work"]["routes_total"], 2);
    assert_eq!(refused.body["open_work"]["referrals_total"], 0);
    assert_eq!(admin.get(&path(dana)).await.expect(200).etag(), "\"1\"");
    // Without routes a single open referral is enough.
    let referral = make::sent(&app.partner()).await;
    let kim = add(&admin, "kim", "coordinator").await;
    for route in [app.site.partner.route, app.site.sibling.route] {
        admin.patch(&format!("/v1/routes/{route}"), "*", &json!({"owner_id": kim})).await.expect(200);
    }
    let refused = change(&admin, dana, json!({"role": "viewer"})).await.expect_problem(409, "open_work");
    let expected = json!({"referrals": [referral.id()], "referrals_total": 1, "routes": [], "routes_total": 0});
    assert_eq!(refused.body["open_work"], expected);
    change(&admin, dana, json!({"role": "admin"})).await.expect(200);
    let close = json!({"to": "closed", "reason": "wrong_study"});
    admin.post_on(&format!("/v1/referrals/{}/transitions", referral.id()), "*", &close).await.expect(200);
    change(&admin, dana, json!({"role": "viewer"})).await.expect(200);
    // Nor is a viewer given any.
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let refused: Answer = admin.patch(&route, "*", &json!({"owner_id": dana})).await;
    assert_eq!(refused.expect(422).faults(), ["/owner_id unknown_reference"]);
}
