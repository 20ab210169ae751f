//! What may be planned, and by whom.

use serde_json::{Value, json};

use super::{deactivate, delete, go_to, join, july, listed, own_path, path, plan, times, trail};
use crate::support::App;
use crate::support::callers::Person;

fn stored(app: &App) -> i64 {
    app.db.count("SELECT count(*) FROM away_windows")
}

#[actix_web::test]
async fn no_two_absences_of_a_member_overlap_and_one_may_follow_another() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let first = own_path(&plan(&dana, member, &july(6, 20)).await.expect(201));
    let overlapping = [july(6, 20), july(1, 7), july(19, 25), july(8, 9), july(1, 31), july(6, 7), july(19, 20)];
    for body in &overlapping {
        plan(&dana, member, body).await.expect_problem(409, "away_window_overlaps");
        plan(&app.admin(), member, body).await.expect_problem(409, "away_window_overlaps");
    }
    let inside = times("2026-07-20T11:59:59.999999Z", "2026-07-21T12:00:00Z");
    plan(&dana, member, &inside).await.expect_problem(409, "away_window_overlaps");
    // Whoever is back at a moment may leave at that moment.
    let (before, after) =
        (plan(&dana, member, &july(1, 6)).await.expect(201), plan(&dana, member, &july(20, 25)).await.expect(201));
    let mut expected = vec![first.rsplit('/').next().unwrap().to_owned(), before.id(), after.id()];
    expected.sort();
    assert_eq!(listed(&dana, member).await, expected);
    // Moving meets the same, and its own old place is free.
    dana.patch(&first, "*", &json!({"starts_at": "2026-07-05T12:00:00Z"})).await.expect_problem(409, "away_window_overlaps");
    dana.patch(&first, "*", &json!({"ends_at": "2026-07-20T12:00:01Z"})).await.expect_problem(409, "away_window_overlaps");
    dana.patch(&first, "*", &july(7, 19)).await.expect(200);
    dana.patch(&first, "*", &july(8, 20)).await.expect(200);
    // What goes makes room, and other members have room of their own.
    delete(&dana, &first, "*").await.expect(204);
    plan(&dana, member, &july(6, 20)).await.expect(201);
    plan(&app.admin(), app.site.admin, &july(6, 20)).await.expect(201);
    assert_eq!(stored(&app), 4);
}

#[actix_web::test]
async fn an_absence_is_still_to_come_or_going_on_and_neither_endless_nor_far_away() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    // It is 2026-06-01T09:00:00Z.
    for (starts_at, ends_at, faults) in [
        ("2026-07-06T12:00:00Z", "2026-07-06T12:00:00Z", vec!["/ends_at inconsistent"]),
        ("2026-07-06T12:00:00Z", "2026-07-06T11:59:59Z", vec!["/ends_at inconsistent"]),
        ("2026-07-06T12:00:00Z", "2026-07-06T12:00:00.0000009Z", vec!["/ends_at inconsistent"]),
        ("2026-05-01T09:00:00Z", "2026-06-01T09:00:00Z", vec!["/ends_at out_of_range"]),
        ("2026-07-06T12:00:00Z", "2027-07-07T12:00:00.000001Z", vec!["/ends_at out_of_range"]),
        ("2028-06-01T09:00:00.000001Z", "2028-06-02T09:00:00Z", vec!["/starts_at out_of_range"]),
        ("9999-12-31T23:59:59Z", "2026-07-01T00:00:00Z", vec!["/starts_at out_of_range", "/ends_at inconsistent"]),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", vec!["/ends_at out_of_range", "/starts_at out_of_range"]),
        ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", vec!["/ends_at out_of_range"]),
    ] {
        let refused = plan(&dana, member, &times(starts_at, ends_at)).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), faults, "{starts_at} {ends_at}");
        assert!(!refused.text.contains(starts_at), "values are not echoed");
    }
    assert_eq!((stored(&app), trail(&app).len()), (0, 0), "what is refused changes nothing");
    for (starts_at, ends_at) in [
        // A member who was away already, until a moment ahead.
        ("2025-06-01T09:00:00.000001Z", "2026-06-01T09:00:00.000001Z"),
        ("2026-07-06T12:00:00Z", "2026-07-06T12:00:00.000001Z"),
        ("2026-07-06T12:00:00.000001Z", "2027-07-07T12:00:00.000001Z"),
        ("2028-06-01T09:00:00Z", "2029-06-02T09:00:00Z"),
    ] {
        let planned = plan(&dana, member, &times(starts_at, ends_at)).await.expect(201);
        assert_eq!((&planned.body["starts_at"], &planned.body["ends_at"]), (&json!(starts_at), &json!(ends_at)));
    }
}

#[actix_web::test]
async fn what_is_over_is_readable_and_no_more_moved() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let window = own_path(&plan(&dana, member, &july(6, 20)).await.expect(201));
    go_to(&app, "2026-07-20T11:59:59Z");
    let dana = app.coordinator();
    // Back early: the rest of it goes.
    for early in ["2026-07-20T11:59:59Z", "2026-07-19T00:00:00Z"] {
        let refused = dana.patch(&window, "*", &json!({"ends_at": early})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/ends_at out_of_range"]);
    }
    assert_eq!(listed(&dana, member).await.len(), 1);
    go_to(&app, "2026-07-20T12:00:00Z");
    assert_eq!(listed(&dana, member).await.len(), 0, "what is over is not listed");
    dana.get(&window).await.expect(200);
    dana.patch(&window, "*", &json!({"ends_at": "2026-07-25T12:00:00Z"})).await.expect_problem(409, "state_conflict");
    // It stands in nobody's way, and may go.
    plan(&dana, member, &july(10, 25)).await.expect(201);
    delete(&dana, &window, "*").await.expect(204);
}

#[actix_web::test]
async fn a_coordinator_plans_its_own_and_an_admin_everybodys() {
    let app = App::start().await;
    let kim = join(&app, "kim").await;
    let of_kim = own_path(&plan(&app.admin(), kim, &july(6, 20)).await.expect(201));
    let dana = app.coordinator();
    let unknown = handoff::domain::ids::MemberId(uuid::Uuid::from_u128(7));
    let before = trail(&app);
    // The same for whoever is there, elsewhere or nowhere: it tells nothing.
    for other in [kim, app.site.admin, app.site.viewer, app.other_site.coordinator, unknown] {
        plan(&dana, other, &july(1, 2)).await.expect_problem(403, "forbidden");
    }
    dana.patch(&of_kim, "*", &july(7, 8)).await.expect_problem(403, "forbidden");
    delete(&dana, &of_kim, "*").await.expect_problem(403, "forbidden");
    // An absence is below its own member alone.
    let elsewhere = of_kim.replace(&kim.to_string(), &app.site.coordinator.to_string());
    dana.get(&elsewhere).await.expect_problem(404, "not_found");
    dana.patch(&elsewhere, "*", &july(7, 8)).await.expect_problem(404, "not_found");
    delete(&dana, &elsewhere, "*").await.expect_problem(404, "not_found");
    assert_eq!(trail(&app), before);
    app.member(&app.site, kim).patch(&of_kim, "*", &july(7, 8)).await.expect(200);
    let admin = app.admin();
    for (who, member) in [(&dana, app.site.coordinator), (&admin, app.site.admin), (&admin, app.site.viewer)] {
        plan(who, member, &july(6, 20)).await.expect(201);
    }
    for nobody in [app.other_site.coordinator, unknown] {
        plan(&admin, nobody, &july(6, 20)).await.expect_problem(404, "not_found");
        admin.get(&path(nobody)).await.expect_problem(404, "not_found");
    }
    let foreign = app.member(&app.other_site, app.other_site.admin);
    foreign.get(&of_kim).await.expect_problem(404, "not_found");
    delete(&foreign, &of_kim, "*").await.expect_problem(404, "not_found");
    delete(&admin, &of_kim, "*").await.expect(204);
}

#[actix_web::test]
async fn no_viewer_and_no_key_plans_or_reads() {
    let app = App::start().await;
    let window = own_path(&plan(&app.admin(), app.site.viewer, &july(6, 20)).await.expect(201));
    let callers: [Person; 5] =
        [app.viewer(), app.site_key(), app.person(&app.site.narrow_key), app.partner(), app.person(&app.site.partner.test_key)];
    for caller in callers {
        // Not its own either.
        plan(&caller, app.site.viewer, &july(1, 2)).await.expect_problem(403, "forbidden");
        caller.patch(&window, "*", &july(7, 8)).await.expect_problem(403, "forbidden");
        delete(&caller, &window, "*").await.expect_problem(403, "forbidden");
        caller.get(&window).await.expect_problem(403, "forbidden");
        caller.get(&path(app.site.viewer)).await.expect_problem(403, "forbidden");
    }
    plan(&app.stranger(), app.site.viewer, &july(1, 2)).await.expect_problem(401, "unauthenticated");
    assert_eq!(app.admin().get(&window).await.expect(200).etag(), "\"1\"");
}

#[actix_web::test]
async fn whoever_leaves_is_expected_nowhere_and_what_was_planned_goes() {
    let app = App::start().await;
    let (admin, kim) = (app.admin(), join(&app, "kim").await);
    let over = own_path(&plan(&admin, kim, &times("2026-05-01T12:00:00Z", "2026-06-01T10:00:00Z")).await.expect(201));
    let (coming, later) = (
        own_path(&plan(&admin, kim, &july(6, 20)).await.expect(201)),
        own_path(&plan(&admin, kim, &july(25, 26)).await.expect(201)),
    );
    let other = own_path(&plan(&admin, app.site.coordinator, &july(6, 20)).await.expect(201));
    app.clock.advance(chrono::Duration::hours(1));
    deactivate(&app, kim, &json!({})).await.expect(200);
    let gone: Vec<String> = trail(&app).into_iter().filter(|entry| entry.starts_with("deactivate_member")).collect();
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(gone.iter().all(|entry| entry.contains(&kim.to_string()) && entry.contains("2026-07-")));
    for (window, status) in [(&over, 200), (&coming, 404), (&later, 404), (&other, 200)] {
        admin.get(window).await.expect(status);
    }
    plan(&admin, kim, &july(6, 20)).await.expect_problem(409, "state_conflict");
    admin.patch(&over, "*", &july(6, 20)).await.expect_problem(409, "state_conflict");
    app.member(&app.site, kim).get(&over).await.expect_problem(401, "invalid_credentials");
    assert_eq!(listed(&admin, kim).await, [] as [String; 0], "its list can be read");
    delete(&admin, &over, "*").await.expect(204);
    let back = admin.request(reqwest::Method::POST, &format!("/v1/members/{kim}/reactivate")).header("If-Match", "*");
    crate::support::callers::send(back).await.expect(200);
    plan(&admin, kim, &july(6, 20)).await.expect(201);
}

#[actix_web::test]
async fn a_hundred_are_planned_and_no_more_and_they_are_read_in_pages() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let day = |number: i64| {
        let start = app.clock.now() + chrono::Duration::days(number);
        times(&start.to_rfc3339(), &(start + chrono::Duration::days(1)).to_rfc3339())
    };
    let mut windows = Vec::new();
    for number in 1..=100 {
        windows.push(own_path(&plan(&dana, member, &day(number)).await.expect(201)));
    }
    plan(&dana, member, &day(101)).await.expect_problem(409, "state_conflict");
    let (mut seen, mut next) = (Vec::new(), format!("{}?limit=30", path(member)));
    let mut first = String::new();
    loop {
        let page = dana.get(&next).await.expect(200);
        let ids = page.body["data"].as_array().unwrap().iter().map(|window| window["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        next = format!("{}?limit=30&cursor={cursor}", path(member));
        if first.is_empty() {
            cursor.clone_into(&mut first);
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &sorted), (100, &seen));
    // A cursor is that of one member's list and one reader.
    let of_robin = format!("{}?limit=30&cursor={first}", path(app.site.admin));
    dana.get(&of_robin).await.expect_problem(400, "invalid_cursor");
    app.admin().get(&format!("{}?cursor={first}", path(member))).await.expect_problem(400, "invalid_cursor");
    // One of the hundred moves, one goes, one is over: each as it should.
    dana.patch(&windows[0], "*", &json!({"ends_at": "2026-06-03T08:00:00Z"})).await.expect(200);
    delete(&dana, &windows[1], "*").await.expect(204);
    plan(&dana, member, &day(101)).await.expect(201);
    plan(&dana, member, &day(102)).await.expect_problem(409, "state_conflict");
    go_to(&app, "2026-06-12T09:00:00Z");
    plan(&app.coordinator(), member, &times("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z")).await.expect(201);
}

#[actix_web::test]
async fn a_body_outside_the_contract_is_refused_by_its_own_code() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let whole = july(6, 20);
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body
    };
    for (body, faults) in [
        (json!({}), vec!["/ends_at missing_field", "/starts_at missing_field"]),
        (json!({"starts_at": "2026-07-06T12:00:00Z"}), vec!["/ends_at missing_field"]),
        (with("ends_at", Value::Null), vec!["/ends_at null_not_allowed"]),
        (with("ends_at", json!("")), vec!["/ends_at bad_format"]),
        (with("ends_at", json!("2026-07-20")), vec!["/ends_at bad_format"]),
        (with("ends_at", json!("2026-02-30T12:00:00Z")), vec!["/ends_at bad_format"]),
        (with("ends_at", json!("\u{ff12}026-07-20T12:00:00Z")), vec!["/ends_at bad_format"]),
        (with("ends_at", json!("nächsten Dienstag")), vec!["/ends_at bad_format"]),
        (with("ends_at", json!("9".repeat(5000))), vec!["/ends_at bad_format"]),
        (with("ends_at", json!(1_784_548_800)), vec!["/ends_at wrong_type"]),
        (with("ends_at", json!(["2026-07-20T12:00:00Z"])), vec!["/ends_at wrong_type"]),
        // Insurers give member ids too.
        (with("member_id", json!(app.site.admin)), vec!["#1 sensitive_field"]),
        (with("Grund: Operation am Knie", json!("x")), vec!["#0 unknown_field"]),
    ] {
        let refused = plan(&dana, member, &body).await;
        assert_eq!((refused.status, refused.faults()), (422, faults.iter().map(ToString::to_string).collect()), "{body}");
        assert!(!refused.text.contains("Knie") && !refused.text.contains("Dienstag"));
    }
    for (bytes, status, code) in [
        (Vec::new(), 400, "malformed_json"),
        (b"[]".to_vec(), 400, "not_an_object"),
        (b"{\"starts_at\": \"2026".to_vec(), 400, "malformed_json"),
        (b"{\"starts_at\": \"\xff\"}".to_vec(), 400, "malformed_json"),
        (vec![b' '; 40_000], 413, "body_too_large"),
    ] {
        dana.post_bytes(&path(member), bytes).await.expect_problem(status, code);
    }
    assert_eq!(stored(&app), 0);
    let window = own_path(&plan(&dana, member, &whole).await.expect(201));
    for (patch, faults) in [
        (json!({"ends_at": null}), vec!["/ends_at null_not_allowed"]),
        (json!({"starts_at": "2026-07-20T12:00:00Z"}), vec!["/ends_at inconsistent"]),
        (json!({"starts_at": "x", "ends_at": 3}), vec!["/ends_at wrong_type", "/starts_at bad_format"]),
        (json!({"reason": "surgery"}), vec!["#0 unknown_field"]),
    ] {
        assert_eq!(dana.patch(&window, "*", &patch).await.expect(422).faults(), faults, "{patch}");
    }
    assert_eq!(dana.patch(&window, "\"1\"", &json!({})).await.expect(200).etag(), "\"1\"", "nothing to change is no change");
}
