//! Who takes what comes in while members are away, to the microsecond; and that being away takes nothing from anybody.

use handoff::domain::ids::MemberId;
use serde_json::json;

use super::{delete, go_to, join, own_path, plan, times};
use crate::support::onboard;
use crate::support::{App, make};

/// A route with Dana and Kim on it, and Robin as the site lead behind them.
async fn staffed() -> (App, MemberId) {
    let app = App::start().await;
    let kim = join(&app, "kim").await;
    let route = format!("/v1/routes/{}", app.site.partner.route);
    onboard::edit(&app, &route, json!({"backup_owner_id": kim})).await;
    (app, kim)
}

async fn away(app: &App, member: MemberId, from: &str, until: &str) -> String {
    own_path(&plan(&app.admin(), member, &times(from, until)).await.expect(201))
}

async fn owner(app: &App, id: &str) -> String {
    app.admin().get(&format!("/v1/referrals/{id}")).await.expect(200).body["owner_id"].as_str().unwrap().to_owned()
}

/// Who owns what this partner sends now.
async fn taker(app: &App) -> String {
    owner(app, &make::sent(&app.partner()).await.id()).await
}

#[actix_web::test]
async fn a_new_referral_goes_to_the_owner_the_backup_owner_or_the_lead_from_one_microsecond_to_the_next() {
    let (app, kim) = staffed().await;
    let (robin, dana, kim_id) = (app.site.admin.to_string(), app.site.coordinator.to_string(), kim.to_string());
    away(&app, app.site.coordinator, "2026-06-01T12:00:00Z", "2026-06-01T18:00:00Z").await;
    away(&app, kim, "2026-06-01T14:00:00Z", "2026-06-01T16:00:00Z").await;
    for (moment, expected) in [
        ("2026-06-01T11:59:59.999999Z", &dana),
        ("2026-06-01T12:00:00Z", &kim_id),
        ("2026-06-01T13:59:59.999999Z", &kim_id),
        ("2026-06-01T14:00:00Z", &robin),
        ("2026-06-01T15:59:59.999999Z", &robin),
        ("2026-06-01T16:00:00Z", &kim_id),
        ("2026-06-01T17:59:59.999999Z", &kim_id),
        ("2026-06-01T18:00:00Z", &dana),
    ] {
        go_to(&app, moment);
        assert_eq!(taker(&app).await, *expected, "{moment}");
        // What the site records goes the same way.
        let recorded = app.admin().post("/v1/referrals", &make::referral_of("lakeside")).await.expect(201).id();
        assert_eq!(owner(&app, &recorded).await, *expected, "recorded, {moment}");
    }
    // The lead takes it though away: it is the last.
    away(&app, app.site.coordinator, "2026-06-02T12:00:00Z", "2026-06-03T18:00:00Z").await;
    away(&app, kim, "2026-06-02T12:00:00Z", "2026-06-03T18:00:00Z").await;
    let of_robin = away(&app, app.site.admin, "2026-06-02T12:00:00Z", "2026-06-03T18:00:00Z").await;
    go_to(&app, "2026-06-02T12:00:00Z");
    assert_eq!(taker(&app).await, robin);
    // The same to the partner, whoever takes it.
    let answer = make::sent(&app.partner()).await;
    assert_eq!(answer.body["status"], "accepted_for_review");
    assert!(!answer.text.contains("owner") && !answer.text.contains(&robin));
    // Another lead, at once.
    delete(&app.admin(), &of_robin, "*").await.expect(204);
    let lee = join(&app, "lee").await;
    app.admin().patch(&format!("/v1/members/{lee}"), "*", &json!({"is_site_lead": true})).await.expect(200);
    assert_eq!(taker(&app).await, lee.to_string());
}

#[actix_web::test]
async fn an_absence_that_is_moved_or_deleted_counts_at_once() {
    let (app, kim) = staffed().await;
    let (dana, kim_id) = (app.site.coordinator.to_string(), kim.to_string());
    // Away since before it was said.
    let window = away(&app, app.site.coordinator, "2026-05-31T12:00:00Z", "2026-06-05T18:00:00Z").await;
    assert_eq!(taker(&app).await, kim_id);
    app.admin().patch(&window, "*", &json!({"starts_at": "2026-06-02T12:00:00Z"})).await.expect(200);
    assert_eq!(taker(&app).await, dana);
    app.admin().patch(&window, "*", &json!({"starts_at": "2026-06-01T09:00:00Z"})).await.expect(200);
    assert_eq!(taker(&app).await, kim_id);
    delete(&app.admin(), &window, "*").await.expect(204);
    assert_eq!(taker(&app).await, dana);
    // Whoever is away elsewhere, or at another site, is nobody of this one.
    away(&app, app.site.viewer, "2026-05-31T12:00:00Z", "2026-06-05T18:00:00Z").await;
    let foreign = app.member(&app.other_site, app.other_site.admin);
    let body = times("2026-05-31T12:00:00Z", "2026-06-05T18:00:00Z");
    plan(&foreign, app.other_site.coordinator, &body).await.expect(201);
    assert_eq!(taker(&app).await, dana);
}

#[actix_web::test]
async fn what_opens_again_goes_to_an_heir_who_is_there_alone_and_among_many() {
    let (app, kim) = staffed().await;
    let (robin, dana, kim_id) = (app.site.admin.to_string(), app.site.coordinator.to_string(), kim.to_string());
    let lee = join(&app, "lee").await;
    let mut closed = Vec::new();
    for _ in 0..2 {
        let id = make::sent(&app.partner()).await.id();
        // Its own owner is another than the route's.
        let given = json!({"owner_id": lee, "reason": "workload"});
        app.coordinator().patch(&format!("/v1/referrals/{id}"), "*", &given).await.expect(200);
        closed.push(id);
    }
    away(&app, lee, "2026-06-01T12:00:00Z", "2026-06-01T18:00:00Z").await;
    away(&app, app.site.coordinator, "2026-06-01T13:00:00Z", "2026-06-01T18:00:00Z").await;
    away(&app, kim, "2026-06-01T14:00:00Z", "2026-06-01T18:00:00Z").await;
    let (close, reopen) =
        (json!({"to": "closed", "reason": "no_longer_interested"}), json!({"to": "received", "reason": "person_returned"}));
    for (moment, expected) in [
        ("2026-06-01T11:59:59.999999Z", lee.to_string()),
        ("2026-06-01T12:00:00Z", dana.clone()),
        ("2026-06-01T13:00:00Z", kim_id),
        ("2026-06-01T14:00:00Z", robin),
        ("2026-06-01T18:00:00Z", lee.to_string()),
    ] {
        go_to(&app, moment);
        let admin = app.admin();
        let both = |transition: &serde_json::Value| json!({"transition": transition, "referrals": [{"id": closed[1]}]});
        for step in [&close, &reopen] {
            admin.post_on(&format!("/v1/referrals/{}/transitions", closed[0]), "*", step).await.expect(200);
            assert_eq!(admin.post("/v1/bulk-actions", &both(step)).await.expect(200).body["done"], 1);
        }
        for id in &closed {
            assert_eq!(owner(&app, id).await, expected, "{moment}");
            // As before the next moment.
            let given = json!({"owner_id": lee, "reason": "workload"});
            admin.patch(&format!("/v1/referrals/{id}"), "*", &given).await.expect(200);
        }
    }
}

#[actix_web::test]
async fn being_away_leaves_a_member_active_and_its_work_with_it() {
    let (app, _kim) = staffed().await;
    let dana = app.coordinator();
    let id = make::sent(&app.partner()).await.id();
    let path = format!("/v1/referrals/{id}");
    let before = dana.get(&path).await.expect(200);
    let member = dana.get(&format!("/v1/members/{}", app.site.coordinator)).await.expect(200);
    let told = app.db.count("SELECT count(*) FROM events");
    away(&app, app.site.coordinator, "2026-06-01T08:00:00Z", "2026-06-05T18:00:00Z").await;
    let after = dana.get(&path).await.expect(200);
    assert_eq!((&after.text, after.etag()), (&before.text, before.etag()));
    let same = dana.get(&format!("/v1/members/{}", app.site.coordinator)).await.expect(200);
    assert_eq!((&same.text, same.etag()), (&member.text, member.etag()));
    assert_eq!(app.db.count("SELECT count(*) FROM events"), told, "nobody is told");
    // It works as ever, and is given work by name.
    dana.post_on(&format!("{path}/transitions"), "*", &json!({"to": "contacting"})).await.expect(200);
    let second = make::sent(&app.partner()).await.id();
    let given = json!({"owner_id": app.site.coordinator, "reason": "agreed_with_person"});
    app.admin().patch(&format!("/v1/referrals/{second}"), "*", &given).await.expect(200);
    assert_eq!(owner(&app, &second).await, app.site.coordinator.to_string());
    for route in [app.site.partner.route, app.site.sibling.route] {
        let read = dana.get(&format!("/v1/routes/{route}")).await.expect(200);
        assert_eq!(read.body["owner_id"], json!(app.site.coordinator));
    }
    // A move that does not open it again leaves it where it is.
    dana.post_on(&format!("{path}/transitions"), "*", &json!({"to": "on_hold", "blocker": "awaiting_records"})).await.expect(200);
    dana.post_on(&format!("{path}/transitions"), "*", &json!({"to": "contacting"})).await.expect(200);
    assert_eq!(owner(&app, &id).await, app.site.coordinator.to_string());
}
