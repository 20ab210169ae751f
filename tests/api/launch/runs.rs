//! Test runs as resources: one at a time, for seven days, whoever advances them.

use serde_json::{Value, json};

use super::Scene;
use crate::support::callers::{fresh_key, together};
use crate::tenancy::texts;
use handoff::jobs::test_runs;

#[actix_web::test]
async fn a_run_waits_seven_days_and_then_it_is_over() {
    let scene = Scene::with_language().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.let_jobs_run().await;
    scene.app.clock.advance(chrono::Duration::days(7) - chrono::Duration::seconds(1));
    scene.let_jobs_run().await;
    assert_eq!(scene.read(&run).await["status"], "open");
    scene.app.clock.advance(chrono::Duration::seconds(1));
    scene.send_test(json!({})).await.expect_problem(403, "no_open_test_run");
    scene.let_jobs_run().await;
    let over = scene.read(&run).await;
    assert_eq!((&over["status"], &over["ended_at"]), (&json!("expired"), &json!("2026-06-08T09:00:00Z")));
    let ended = scene.app.coordinator().post_on(&format!("{run}/confirm"), "*", &json!({})).await;
    ended.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn another_run_takes_the_place_of_an_open_one_and_a_retry_opens_none() {
    let scene = Scene::with_language().await;
    let (path, key) = (format!("{}/test-referrals", scene.route), fresh_key());
    let coordinator = scene.app.coordinator();
    let first = coordinator.post_with_key(&path, &key, &json!({})).await.expect(201);
    let again = coordinator.post_with_key(&path, &key, &json!({})).await.expect(201);
    assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), Some("true")));
    assert_eq!(again.header("location"), Some(format!("/v1/test-runs/{}", again.id()).as_str()));
    // Runs of one moment have no order.
    scene.app.clock.advance(chrono::Duration::seconds(1));
    let second = coordinator.post(&path, &json!({})).await.expect(201).id();
    let list = coordinator.get(&format!("/v1/test-runs?route={}", scene.route.rsplit('/').next().unwrap())).await.expect(200);
    let told: Vec<Value> = list.body["data"].as_array().unwrap().iter().map(|run| json!([run["id"], run["status"]])).collect();
    assert_eq!(told, [json!([second, "open"]), json!([again.id(), "cancelled"])]);
    let page = coordinator.get("/v1/test-runs?limit=1&status=cancelled").await.expect(200);
    assert_eq!(page.body["data"][0]["id"], json!(again.id()));
    // Of many at once one is open.
    let opening = (0..8).map(|_| {
        let (who, path) = (scene.app.coordinator(), path.clone());
        async move { who.post(&path, &json!({})).await.status }
    });
    for status in together(opening).await {
        assert!(matches!(status, 201 | 503), "{status}");
    }
    let open = coordinator.get("/v1/test-runs?status=open").await.expect(200);
    assert_eq!(open.body["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn two_servers_that_advance_a_run_at_once_tell_the_owner_once_and_pass_it_once() {
    let scene = Scene::with_language().await;
    let run = scene.open_run(None).await;
    scene.send_test(json!({})).await.expect(201);
    scene.send_test(json!({})).await.expect(201);
    handoff::jobs::match_duplicates::pass(&scene.app.state).await.unwrap();
    // With the same ways out: to a server without mail the owner is not reachable, and the run would fail.
    let beside = scene.app.state_sending(&scene.app.master, super::outbound(&scene.smtp));
    for _ in 0..10 {
        let passes = [scene.app.state.clone(), beside.clone(), scene.app.state.clone(), beside.clone()];
        let passes = passes.map(|state| async move { drop(test_runs::pass(&state).await) });
        together(passes).await;
    }
    let told = "SELECT count(*)::text AS text FROM alerts WHERE kind = 'test_run'";
    assert_eq!(texts(&mut scene.app.db.superuser(), told), ["1"]);
    scene.let_jobs_run().await;
    scene.confirm_alert(scene.app.site.coordinator).await;
    let passes = [scene.app.state.clone(), beside.clone()].map(|state| async move { drop(test_runs::pass(&state).await) });
    together(passes).await;
    scene.let_jobs_run().await;
    assert_eq!(scene.read(&run).await["status"], "passed");
    let events = scene.events().await;
    assert_eq!(events.iter().filter(|told| *told == "route.tested").count(), 1, "{events:?}");
    let trail = "SELECT count(*)::text AS text FROM audit_entries WHERE subject_kind = 'test_run' AND after LIKE '%\"status\":\"passed\"%'";
    assert_eq!(texts(&mut scene.app.db.superuser(), trail), ["1"]);
}

/// Whoever edits and whoever launches are decided one after the other: a route that is live has a proof of what it is.
#[actix_web::test]
async fn no_route_is_launched_without_its_proof_beside_an_edit() {
    let scene = Scene::with_language().await;
    scene.prove().await;
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..12 {
        let (launcher, editor, route) = (scene.app.admin(), scene.app.admin(), scene.route.clone());
        let hours = json!({"contact_due_hours": if round % 2 == 0 { json!(12) } else { json!(null) }});
        let launch = {
            let route = route.clone();
            actix_web::rt::spawn(async move { launcher.post_on(&format!("{route}/launch"), "*", &json!({})).await.status })
        };
        let edit = actix_web::rt::spawn(async move { editor.patch(&route, "*", &hours).await.status });
        let (launched, edited) = (launch.await.unwrap(), edit.await.unwrap());
        *seen.entry((launched, edited)).or_insert(0) += 1;
        assert!(matches!(launched, 200 | 409 | 503) && matches!(edited, 200 | 503), "{launched} {edited}");
        let live = scene.read(&scene.route).await["status"] == "launched";
        let proven = scene.read(&format!("{}/launch-check", scene.route)).await["proof"].is_object();
        assert!(!live || proven, "round {round}: live without a proof, {seen:?}");
    }
    println!("launch beside edit: {seen:?}, never live without its proof");
}
