//! The site's calendar: what is taken, what is refused and with which code, and what is told of it.

use serde_json::{Value, json};

use super::{office, set};
use crate::support::App;
use crate::support::callers::together;

/// This many different dates.
fn dates(count: usize) -> Vec<String> {
    let first = chrono::NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();
    first.iter_days().take(count).map(|date| date.to_string()).collect()
}

/// What the audit trail tells of the last change to the site.
async fn last_change(app: &App) -> Value {
    app.sequence().await;
    let told = app.admin().get("/v1/audit?operation=update_site&limit=200").await.expect(200);
    let last = told.body["data"].as_array().unwrap().iter().max_by_key(|entry| entry["position"].as_i64()).unwrap();
    last["changes"].clone()
}

#[actix_web::test]
async fn a_calendar_is_kept_as_it_was_sent_and_emptied_by_an_empty_list() {
    let app = App::start().await;
    let before = app.admin().get("/v1/site").await.expect(200);
    for name in ["business_hours", "holidays"] {
        assert_eq!(before.body[name], json!([]));
    }
    assert_eq!(before.body["escalation_hours"], 8);
    let calendar = json!({
        "business_hours": ["sunday 23:00-24:00", "monday 13:00-17:00", "monday 00:00-12:00", "monday 12:00-13:00"],
        "holidays": ["2026-12-25", "2026-02-28", "2028-02-29"], "escalation_hours": 720,
    });
    let set = app.admin().patch("/v1/site", &before.etag(), &calendar).await.expect(200);
    for (name, value) in calendar.as_object().unwrap() {
        assert_eq!(&set.body[name], value);
    }
    assert_eq!(app.site_key().get("/v1/site").await.expect(200).text, set.text);
    // Each list by itself, and whole.
    let emptied = app.admin().patch("/v1/site", &set.etag(), &json!({"business_hours": []})).await.expect(200);
    assert_eq!((&emptied.body["business_hours"], &emptied.body["holidays"]), (&json!([]), &calendar["holidays"]));
    let replaced = app.admin().patch("/v1/site", &emptied.etag(), &json!({"holidays": ["2027-01-01"]})).await.expect(200);
    assert_eq!(replaced.body["holidays"], json!(["2027-01-01"]));
    // A week of six periods a day is the most.
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let full: Vec<String> =
        days.iter().flat_map(|day| (0..6).map(move |hour| format!("{day} {hour:02}:00-{hour:02}:59"))).collect();
    app.admin().patch("/v1/site", "*", &json!({"business_hours": full, "holidays": dates(400)})).await.expect(200);
    let told = last_change(&app).await;
    let fields: Vec<&Value> = told.as_array().unwrap().iter().map(|change| &change["field"]).collect();
    assert_eq!(fields, ["business_hours", "holidays"]);
    assert_eq!(told[1]["after"].as_str().unwrap().len(), 400 * 11 - 1, "the longest list is told whole, within 5,000 characters");
}

#[actix_web::test]
async fn every_fault_of_a_calendar_is_told_at_once_at_its_place_with_its_code() {
    let app = App::start().await;
    let before = set(&app, json!({"business_hours": office(), "holidays": ["2026-12-25"]})).await;
    let day = |text: &str| json!({"business_hours": [text]});
    let holiday = |text: &str| json!({"holidays": [text]});
    for (changes, faults) in [
        (
            json!({
                "business_hours": ["monday 08:00-12:00", "friday 17:00-08:00", "monday 11:00-13:00", "monday 08:00-12:00"],
                "holidays": ["2026-12-25", "2026-12-24", "2026-12-26", "2026-12-25"], "time_zone": "Mars/Olympus",
            }),
            &[
                "/time_zone unknown_value",
                "/business_hours/1 out_of_range",
                "/business_hours/2 inconsistent",
                "/business_hours/3 duplicate_item",
                "/holidays/3 duplicate_item",
            ][..],
        ),
        (
            json!({"holidays": ["2026-02-29", "2026-12-25", "2026-04-31"], "escalation_hours": 0}),
            &["/holidays/0 bad_format", "/holidays/2 bad_format", "/escalation_hours out_of_range"],
        ),
        (day("monday 09:00-09:00"), &["/business_hours/0 out_of_range"]),
        (day("monday 24:00-24:00"), &["/business_hours/0 bad_format"]),
        (day("Monday 09:00-17:00"), &["/business_hours/0 bad_format"]),
        (day("monday 9:00-17:00"), &["/business_hours/0 too_short"]),
        (day("monday  09:00-17:00"), &["/business_hours/0 bad_format"]),
        (day("m\u{f6}nday 09:00-17:00"), &["/business_hours/0 bad_format"]),
        (day("monday 09:00\u{2013}17:00"), &["/business_hours/0 bad_format"]),
        (day("\u{6708}\u{66dc}\u{65e5} 09:00-17:00 \u{6708}\u{66dc}"), &["/business_hours/0 bad_format"]),
        (day(&"x".repeat(9_000)), &["/business_hours/0 too_long"]),
        (day(""), &["/business_hours/0 too_short"]),
        (json!({"business_hours": [null]}), &["/business_hours/0 null_not_allowed"]),
        (json!({"business_hours": "monday 09:00-17:00"}), &["/business_hours wrong_type"]),
        (json!({"business_hours": vec!["monday 09:00-17:00"; 43]}), &["/business_hours too_many_items"]),
        (json!({"business_hours": null, "holidays": null}), &["/business_hours null_not_allowed", "/holidays null_not_allowed"]),
        (holiday("25.12.2026"), &["/holidays/0 bad_format"]),
        (holiday("2026-1-1"), &["/holidays/0 too_short"]),
        (holiday("\u{ff12}026-12-25"), &["/holidays/0 bad_format"]),
        (holiday("1066-10-14"), &["/holidays/0 out_of_range"]),
        (json!({"holidays": dates(401)}), &["/holidays too_many_items"]),
        (json!({"escalation_hours": 721}), &["/escalation_hours out_of_range"]),
        (json!({"escalation_hours": null}), &["/escalation_hours null_not_allowed"]),
    ] {
        let refused = app.admin().patch("/v1/site", "*", &changes).await.expect_problem(422, "invalid_body");
        let (mut found, mut expected) = (refused.faults(), faults.to_vec());
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let messages: Vec<&Value> = refused.body["errors"].as_array().unwrap().iter().map(|fault| &fault["message"]).collect();
        assert!(messages.iter().all(|message| message.as_str().is_some_and(|text| text.ends_with('.'))), "{messages:?}");
    }
    let oversized = json!({"holidays": dates(3_000)});
    app.admin().patch("/v1/site", "*", &oversized).await.expect_problem(413, "body_too_large");
    assert_eq!(app.admin().get("/v1/site").await.text, before.text, "what is refused changes nothing");
    app.coordinator().patch("/v1/site", "*", &json!({"holidays": []})).await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn the_audit_trail_tells_the_calendar_and_of_two_changes_at_once_one_happens() {
    let app = App::start().await;
    let read = app.admin().get("/v1/site").await.etag();
    let answers = together((0..8).map(|number| {
        let (admin, read) = (app.admin(), read.clone());
        async move {
            let holidays = json!({"holidays": [format!("2026-12-{:02}", 20 + number)], "business_hours": office()});
            admin.patch("/v1/site", &read, &holidays).await
        }
    }))
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(made.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!((refused.status, refused.code()), (412, "stale_version") | (503, "overloaded")), "{}", refused.text);
    }
    assert_eq!(app.admin().get("/v1/site").await.text, made[0].text);
    set(&app, json!({"holidays": ["2026-12-25", "2026-12-26"], "escalation_hours": 4})).await;
    let holiday = made[0].body["holidays"][0].clone();
    let expected = json!([
        {"field": "escalation_hours", "before": "8", "after": "4"},
        {"field": "holidays", "before": holiday, "after": "2026-12-25,2026-12-26"},
    ]);
    assert_eq!(last_change(&app).await, expected);
}
