//! A referral that nobody is credited with lives like any other: it has an owner, a due time, an escalation and every move.

use chrono::Duration;
use handoff::jobs::escalation;
use serde_json::json;

use super::{desk, stranger};
use crate::contact_withdrawals::{go, seen};
use crate::support::App;

#[actix_web::test]
async fn it_is_owned_by_the_site_lead_due_by_the_sites_hours_and_moves_like_any_other() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let new = seen(&app, &id).await;
    assert_eq!(new["owner_id"], json!(app.site.admin));
    let site = app.admin().get("/v1/site").await.expect(200).body;
    let hours = site["acknowledge_due_hours"].as_i64().unwrap();
    let due: chrono::DateTime<chrono::Utc> = new["next_action_due_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(due - app.clock.now(), Duration::hours(hours));
    for to in ["acknowledged", "contacting", "connected", "handed_off"] {
        go(&app, &id, json!({"to": to})).await.expect(200);
    }
    go(&app, &id, json!({"to": "closed", "reason": "handoff_complete"})).await.expect(200);
    go(&app, &id, json!({"to": "received", "reason": "handoff_resumed"})).await.expect(200);
    let patch = json!({"owner_id": app.site.coordinator, "reason": "workload"});
    app.coordinator().patch(&format!("/v1/referrals/{id}"), "*", &patch).await.expect(200);
    let bulk = json!({"transition": {"to": "contacting"}, "referrals": [{"id": id}]});
    let moved = app.coordinator().post("/v1/bulk-actions", &bulk).await.expect(200);
    assert_eq!(seen(&app, &id).await["status"], "contacting", "{}", moved.text);
    app.coordinator().get(&format!("/v1/referrals/{id}/events")).await.expect(200);
    app.coordinator().get(&format!("/v1/referrals/{id}/actions")).await.expect(200);
}

#[actix_web::test]
async fn nobody_waits_for_a_partner_where_nobody_referred() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let blocker = json!({"blocker": "awaiting_partner_completion"});
    let patched = app.coordinator().patch(&format!("/v1/referrals/{id}"), "*", &blocker).await;
    assert_eq!(patched.expect_problem(422, "invalid_body").faults(), ["/blocker inconsistent"]);
    let hold = json!({"to": "on_hold", "blocker": "awaiting_partner_completion"});
    assert_eq!(go(&app, &id, hold).await.expect_problem(422, "invalid_body").faults(), ["/blocker inconsistent"]);
    go(&app, &id, json!({"to": "on_hold", "blocker": "awaiting_records"})).await.expect(200);
}

#[actix_web::test]
async fn when_it_stalls_it_goes_to_the_site_lead_without_a_backup_owner_in_between() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let patch = json!({"owner_id": app.site.coordinator, "reason": "workload"});
    app.coordinator().patch(&format!("/v1/referrals/{id}"), "*", &patch).await.expect(200);
    let mut steps = Vec::new();
    for _ in 0..3 {
        app.clock.advance(Duration::days(8));
        escalation::pass(&app.state).await.unwrap();
        let seen = seen(&app, &id).await;
        steps.push(json!([seen["escalation"], seen["owner_id"]]));
    }
    let (reminder, lead) = (json!(["reminder", app.site.coordinator]), json!(["site_lead", app.site.admin]));
    assert_eq!(steps, [reminder, lead.clone(), lead]);
}

#[actix_web::test]
async fn the_pause_of_its_study_holds_it_and_its_owners_leaving_hands_it_over() {
    let app = App::start().await;
    let id = stranger(&app, "CRM-1").await;
    let study = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&study, "*", &json!({"to": "paused"})).await.expect(200);
    assert_eq!(seen(&app, &id).await["blocker"], "study_paused");
    app.admin().post_on(&study, "*", &json!({"to": "open"})).await.expect(200);
    assert_eq!(seen(&app, &id).await["status"], "received");
    let patch = json!({"owner_id": app.site.coordinator, "reason": "workload"});
    app.admin().patch(&format!("/v1/referrals/{id}"), "*", &patch).await.expect(200);
    let new = json!({"display_name": "Kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &new).await.expect(201).id();
    let leave = format!("/v1/members/{}/deactivate", app.site.coordinator);
    app.admin().post_on(&leave, "*", &json!({"reassign_to": kim})).await.expect(200);
    let id = format!("/v1/referrals/{id}");
    assert_eq!(app.admin().get(&id).await.expect(200).body["owner_id"], json!(kim));
    // The intake's key alone reads nothing.
    desk(&app).get(&id).await.expect_problem(403, "insufficient_scope");
}
