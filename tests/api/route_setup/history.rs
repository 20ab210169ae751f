//! The configuration's hash, and the configurations that a route had.

use serde_json::{Value, json};

use super::{change, hash, path};
use crate::support::callers::Answer;
use crate::support::{App, make};

async fn history(app: &App) -> Vec<Value> {
    let answer = app.coordinator().get(&format!("{}/configurations", path(app))).await.expect(200);
    answer.body["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn every_edit_of_the_configuration_gives_another_hash_and_a_row_and_nothing_else_does() {
    let app = App::start().await;
    let mut seen = vec![hash(&app).await];
    for changes in [
        json!({"channels": make::channels(&["secure_form", "self_referral"], "Another instruction.")}),
        json!({"channels": make::channels(&["secure_form"], "Another instruction.")}),
        json!({"source_tag": "another.tag"}),
        json!({"intake_url": "https://heart.example/in"}),
        json!({"owner_id": app.site.admin, "backup_owner_id": app.site.coordinator}),
        json!({"duplicate_policy": "review_cross_partner"}),
        json!({"approval_reference": "IRB-1"}),
        json!({"acknowledge_due_hours": 5}),
        json!({"contact_due_hours": 5}),
        json!({"follow_up_due_hours": 5}),
    ] {
        let changed = change(&app, changes.clone()).await;
        let now = changed.body["configuration_hash"].as_str().unwrap().to_owned();
        assert!(!seen.contains(&now), "{changes}");
        assert_eq!(hash(&app).await, now);
        seen.push(now);
    }
    let before = change(&app, json!({"channels": make::channels(&["secure_form", "phone_handoff"], "The same.")})).await;
    seen.push(hash(&app).await);
    // The order of the channels, the capacity, a pause, nothing at all: none of it is configuration.
    for changes in [
        json!({"channels": make::channels(&["phone_handoff", "secure_form"], "The same.")}),
        json!({"monthly_capacity": 5}),
        json!({}),
    ] {
        assert_eq!(change(&app, changes).await.body["configuration_hash"], before.body["configuration_hash"]);
    }
    for step in ["pause", "resume"] {
        app.admin().post_on(&format!("{}/{step}", path(&app)), "*", &json!({})).await.expect(200);
    }
    let rows = history(&app).await;
    let told: Vec<&str> = rows.iter().rev().map(|row| row["configuration_hash"].as_str().unwrap()).collect();
    assert_eq!(told, seen, "oldest to newest, each once");
    assert_eq!(rows.iter().map(|row| row["number"].as_i64().unwrap()).collect::<Vec<_>>(), (1..=12).rev().collect::<Vec<_>>());
    assert_eq!(rows[11]["operation"], "create_route");
    assert_eq!((&rows[0]["operation"], &rows[0]["by"]["id"]), (&json!("update_route"), &json!(app.site.admin)));
    assert_eq!(rows[0]["intake_url"], "https://heart.example/in");
    assert_eq!(rows[2]["channels"], make::channels(&["secure_form"], "Another instruction."));
}

#[actix_web::test]
async fn a_configuration_that_comes_back_is_a_row_of_its_own() {
    let app = App::start().await;
    let first = hash(&app).await;
    change(&app, json!({"contact_due_hours": 7})).await;
    assert_ne!(hash(&app).await, first);
    change(&app, json!({"contact_due_hours": null})).await;
    let rows = history(&app).await;
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["configuration_hash"], &rows[2]["configuration_hash"]), (&json!(first), &json!(first)));
    // Page by page, and back to the beginning.
    let list = format!("{}/configurations?limit=2", path(&app));
    let page = app.admin().get(&list).await.expect(200);
    let next = app.admin().get(&format!("{list}&cursor={}", page.body["next_cursor"].as_str().unwrap())).await.expect(200);
    let numbers = |answer: &Answer| -> Vec<i64> {
        answer.body["data"].as_array().unwrap().iter().map(|row| row["number"].as_i64().unwrap()).collect()
    };
    assert_eq!((numbers(&page), numbers(&next), &next.body["next_cursor"]), (vec![3, 2], vec![1], &Value::Null));
    app.partner().get(&list).await.expect_problem(403, "forbidden");
    let foreign = app.member(&app.other_site, app.other_site.admin);
    foreign.get(&list).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_member_who_leaves_and_a_site_that_moves_its_intake_change_the_routes_they_stand_in() {
    let app = App::start().await;
    let sibling = format!("/v1/routes/{}", app.site.sibling.route);
    app.admin().patch(&sibling, "*", &json!({"intake_url": "https://voices.example/in"})).await.expect(200);
    let (own, other) = (app.admin().get(&path(&app)).await, app.admin().get(&sibling).await);

    // Nothing of the route follows from the site's other settings, or from the intake that stays.
    for changes in [json!({"contact_due_hours": 9}), json!({"intake_url": "https://intake.riverside.example/start"})] {
        app.admin().patch("/v1/site", "*", &changes).await.expect(200);
        assert_eq!(app.admin().get(&path(&app)).await.text, own.text);
    }
    app.admin().patch("/v1/site", "*", &json!({"intake_url": "https://moved.example/start"})).await.expect(200);
    let moved = app.admin().get(&path(&app)).await.expect(200);
    assert_ne!(moved.body["configuration_hash"], own.body["configuration_hash"]);
    assert_ne!(moved.etag(), own.etag());
    assert!(moved.body["intake_link"].as_str().unwrap().starts_with("https://moved.example/start?"));
    assert_eq!(app.admin().get(&sibling).await.text, other.text, "an intake of its own stays");
    let rows = history(&app).await;
    assert_eq!((&rows[0]["operation"], &rows[0]["intake_url"]), (&json!("update_site"), &json!("https://moved.example/start")));

    let new = json!({"display_name": "Kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &new).await.expect(201).id();
    let leave = format!("/v1/members/{}/deactivate", app.site.coordinator);
    app.admin().post_on(&leave, "*", &json!({"reassign_to": kim})).await.expect(200);
    let left = app.admin().get(&path(&app)).await.expect(200);
    assert_ne!(left.body["configuration_hash"], moved.body["configuration_hash"]);
    let answer = app.admin().get(&format!("{}/configurations", path(&app))).await.expect(200);
    let newest = &answer.body["data"][0];
    assert_eq!(
        (&newest["operation"], &newest["owner_id"], &newest["number"]),
        (&json!("deactivate_member"), &json!(kim), &json!(3))
    );
    assert_eq!(newest["configuration_hash"], left.body["configuration_hash"], "the newest is what the route is");
}

/// Whoever configures a route and whoever moves the site's intake are decided one after the other: the newest row is always the route.
#[actix_web::test]
async fn no_route_is_left_with_an_intake_that_has_moved() {
    let app = App::start().await;
    for round in 0..12 {
        let (admin, own) = (app.admin(), path(&app));
        let site = json!({"intake_url": format!("https://moved-{round}.example/start")});
        let mover = actix_web::rt::spawn(async move { admin.patch("/v1/site", "*", &site).await.status });
        let admin = app.admin();
        let tag = json!({"source_tag": format!("tag.{round}")});
        let editor = actix_web::rt::spawn(async move { admin.patch(&own, "*", &tag).await.status });
        for done in [mover.await.unwrap(), editor.await.unwrap()] {
            assert!([200, 503].contains(&done), "{done}");
        }
        let rows = history(&app).await;
        assert_eq!(rows[0]["configuration_hash"], json!(hash(&app).await), "round {round}");
    }
}
