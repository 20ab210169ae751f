//! The lives of studies, partners and routes: which moves there are, and what becomes of a route that is retired.

use super::*;

#[actix_web::test]
async fn lifecycles_allow_the_moves_of_the_product_and_name_them_when_they_refuse() {
    let app = App::start().await;
    let admin = app.admin();
    let study = format!("/v1/studies/{}", admin.post("/v1/studies", &study("sleep-2026")).await.expect(201).id());
    for (to, refused, allowed) in [
        ("paused", "paused", json!(["open", "closed"])),
        ("open", "open", json!(["paused", "closed"])),
        ("closed", "open", json!([])),
    ] {
        assert_eq!(go(&admin, &study, to).await.expect(200).body["status"], to);
        let refused = go(&admin, &study, refused).await.expect_problem(409, "illegal_transition");
        assert_eq!(refused.body["allowed_actions"], allowed);
    }
    let partner = format!("/v1/partners/{}", admin.post("/v1/partners", &partner("elm-clinic")).await.expect(201).id());
    let route = admin.post("/v1/routes", &make::route(&app.site, "elm-clinic")).await.expect(201).id();
    for (to, refused, allowed) in [
        ("language_pending", "active", json!(["test_pending", "ended"])),
        ("test_pending", "draft", json!(["active", "ended"])),
        ("active", "suspended", json!(["paused", "ended"])),
        ("paused", "paused", json!(["active", "ended"])),
        ("active", "test_pending", json!(["paused", "ended"])),
        ("ended", "active", json!([])),
    ] {
        if to == "test_pending" || to == "active" && refused == "suspended" {
            // What each of them needs is asked in `launch`.
            go(&admin, &partner, to).await.expect_problem(409, "state_conflict");
            onboard::db_step(&app, &route, to);
        } else {
            assert_eq!(go(&admin, &partner, to).await.expect(200).body["status"], to);
        }
        let refused = go(&admin, &partner, refused).await.expect_problem(409, "illegal_transition");
        assert_eq!(refused.body["allowed_actions"], allowed);
    }
    for path in [&study, &partner] {
        let refused = go(&admin, path, "gone").await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/to unknown_value"]);
    }
}

#[actix_web::test]
async fn a_route_is_launched_paused_resumed_and_retired_for_good() {
    let app = App::start().await;
    let admin = app.admin();
    admin.post("/v1/partners", &partner("elm-clinic")).await.expect(201);
    let route = format!("/v1/routes/{}", admin.post("/v1/routes", &make::route(&app.site, "elm-clinic")).await.expect(201).id());
    let person = app.coordinator();
    step(&person, &route, "launch").await.expect_problem(403, "forbidden");
    step(&admin, &route, "launch").await.expect_problem(409, "launch_blocked");
    onboard::db_live(&app, &route);
    for (word, status, refused, allowed) in [
        ("pause", "paused", "launch", json!(["resume", "retire"])),
        ("resume", "launched", "launch", json!(["pause", "retire"])),
        ("retire", "retired", "resume", json!([])),
    ] {
        assert_eq!(step(&admin, &route, word).await.expect(200).body["status"], status);
        let refused = step(&admin, &route, refused).await.expect_problem(409, "illegal_transition");
        assert_eq!(refused.body["allowed_actions"], allowed);
        for person in [app.coordinator(), app.site_key(), app.partner()] {
            step(&person, &route, word).await.expect_problem(403, "forbidden");
        }
    }
    let before = admin.get(&route).await.expect(200);
    admin.patch(&route, "*", &json!({"source_tag": "too.late"})).await.expect_problem(409, "state_conflict");
    admin.patch(&route, "*", &json!({})).await.expect_problem(409, "state_conflict");
    assert_eq!(admin.get(&route).await.text, before.text);
}

#[actix_web::test]
async fn a_retired_route_makes_room_for_another_with_its_tag() {
    let app = App::start().await;
    let retire = format!("/v1/routes/{}/retire", app.site.partner.route);
    send(app.admin().request(reqwest::Method::POST, &retire).header("If-Match", "*")).await.expect(200);
    app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(409, "route_not_launched");
    let next = app.admin().post("/v1/routes", &make::route(&app.site, "lakeside")).await.expect(201);
    onboard::db_live(&app, next.id());
    let sent = make::sent(&app.partner()).await;
    let seen = app.coordinator().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
    assert_eq!(seen.body["route_id"], next.id(), "the route in force is the one that is not retired");
    app.admin().post("/v1/routes", &make::route(&app.site, "lakeside")).await.expect_problem(409, "already_exists");
}
