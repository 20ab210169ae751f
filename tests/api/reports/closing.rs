//! Closed periods: when a month is closed, what small partners get, and that nothing which is learnt later changes what was shown.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{close, roll};
use crate::contract::witness::Witness;
use crate::support::App;
use crate::support::make;

/// Sends this many referrals of the app's partner now.
async fn send(app: &App, count: usize) -> Vec<String> {
    let mut sent = Vec::with_capacity(count);
    for _ in 0..count {
        sent.push(make::sent(&app.partner()).await.id());
    }
    sent
}

fn to(app: &App, time: &str) {
    let time: chrono::DateTime<chrono::Utc> = time.parse().unwrap();
    app.clock.advance(time - app.clock.now());
}

async fn feedback(app: &App) -> Value {
    app.partner().get("/v1/feedback").await.expect(200).body
}

async fn summary(app: &App) -> Value {
    app.coordinator().get("/v1/reports/sponsor-summary?study=heart-2026").await.expect(200).body
}

async fn issue(app: &App, referral: &str, code: &str) {
    let body = json!({"code": code});
    app.coordinator().post_on(&format!("/v1/referrals/{referral}/issues"), "*", &body).await.expect(200);
}

async fn transition(app: &App, referral: &str, body: Value) {
    app.coordinator().post_on(&format!("/v1/referrals/{referral}/transitions"), "*", &body).await.expect(200);
}

#[actix_web::test]
async fn a_month_is_closed_thirty_days_after_its_end_and_shows_bands() {
    let app = App::start().await;
    let sent = send(&app, 25).await;
    for referral in &sent[..12] {
        issue(&app, referral, "expectation_payment").await;
    }
    issue(&app, &sent[0], "incomplete_handoff").await;
    // The partner had another route for the study before: it is one source all the same.
    let before = "INSERT INTO handoff_routes SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'status', 'retired',
                      'source_tag', 'lakeside.before'))).* FROM handoff_routes r WHERE id = ";
    app.db.superuser().batch_execute(&format!("{before} '{}'", app.site.partner.route)).unwrap();
    // What it sent and withdrew at once is not in it.
    let etag = app.partner().get(&format!("/v1/referrals/{}", sent[24])).await.etag();
    app.partner().post_on(&format!("/v1/referrals/{}/withdraw", sent[24]), &etag, &json!({})).await.expect(200);
    roll(&app).await;
    to(&app, "2026-07-31T03:59:00Z");
    assert_eq!(close(&app).await, 0, "July has 31 days, and in New York it is still the 30th");
    assert_eq!(feedback(&app).await["periods"], json!([]));
    to(&app, "2026-07-31T04:00:00Z");
    assert_eq!(close(&app).await, 1);
    let told = feedback(&app).await;
    let period = &told["periods"][0];
    assert_eq!(
        (&period["from"], &period["until"], &period["study"]),
        (&json!("2026-06-01"), &json!("2026-06-30"), &json!("heart-2026"))
    );
    assert_eq!(period["volume"], json!({"at_least": 21, "at_most": 30}));
    assert_eq!(period["incomplete"]["count"], json!({"at_least": 0, "at_most": 10}));
    let of = |code: &str| {
        let issues = period["issues"].as_array().unwrap();
        issues.iter().find(|issue| issue["issue"] == code).unwrap()["referrals"].clone()
    };
    // Of 25, 11 to 20 leaves ten values, and so does 21 to 25 merged into it.
    assert_eq!(of("expectation_payment"), json!({"at_least": 11, "at_most": 30}));
    assert_eq!(of("expectation_timing"), json!({"at_least": 0, "at_most": 10}));
    assert_eq!(period["clarify"], json!(["what_not_to_promise"]));
    assert_eq!(told["collecting"], json!([{"study": "heart-2026", "since": "2026-07-01"}]));
    // Staff read exactly what the partner reads, and a sibling nothing of it.
    let staff = app.coordinator().get("/v1/feedback?partner=lakeside").await.expect(200);
    assert_eq!(staff.body, told);
    let sibling = app.sibling_partner().get("/v1/feedback").await.expect(200).body;
    assert_eq!(sibling["periods"], json!([]));
    app.sibling_partner().get("/v1/feedback?partner=lakeside").await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn what_is_learnt_after_a_month_was_closed_leaves_it_as_it_was_shown() {
    let app = App::start().await;
    let sent = send(&app, 40).await;
    for referral in &sent {
        transition(&app, referral, json!({"to": "connected"})).await;
        transition(&app, referral, json!({"to": "handed_off"})).await;
    }
    for referral in &sent[..30] {
        transition(&app, referral, json!({"to": "closed", "reason": "handoff_complete"})).await;
    }
    to(&app, "2026-08-05T12:00:00Z");
    roll(&app).await;
    assert_eq!(close(&app).await, 1);
    let (partner, sponsor) = (feedback(&app).await, summary(&app).await);
    let etag = app.partner().get("/v1/feedback").await.etag();
    assert_eq!(sponsor["periods"][0]["movement"]["completed"], json!({"at_least": 21, "at_most": 30}));
    assert_eq!(sponsor["periods"][0]["movement"]["reopened"], json!({"at_least": 0, "at_most": 10}));
    // 24 of them are opened again, more are found to be for another study, and June's threshold is another one now.
    for referral in &sent[..24] {
        transition(&app, referral, json!({"to": "received", "reason": "person_returned"})).await;
    }
    for referral in &sent[..35] {
        issue(&app, referral, "wrong_study").await;
    }
    app.admin().patch("/v1/site", "*", &json!({"suppression_threshold": 35})).await.expect(200);
    roll(&app).await;
    assert_eq!(close(&app).await, 0);
    assert_eq!((feedback(&app).await, summary(&app).await), (partner.clone(), sponsor.clone()));
    assert_eq!(app.partner().get("/v1/feedback").await.etag(), etag);
    // The staff's report is live and says so at once.
    let live = app.coordinator().get("/v1/reports/source-quality?from=2026-06-01&until=2026-06-30").await.expect(200).body;
    assert_eq!(live["total"]["wrong_study"]["count"], 35);
    assert_eq!(live["total"]["connected"]["count"], 16);

    // What was opened again counts in the month in which it was, and June stays.
    app.admin().patch("/v1/site", "*", &json!({"suppression_threshold": 11})).await.expect(200);
    send(&app, 15).await;
    to(&app, "2026-10-02T12:00:00Z");
    roll(&app).await;
    assert_eq!(close(&app).await, 2);
    let later = summary(&app).await;
    let periods = later["periods"].as_array().unwrap();
    assert_eq!(periods.len(), 2, "July held none, so that August has it");
    assert_eq!((&periods[0]["from"], &periods[0]["until"]), (&json!("2026-07-01"), &json!("2026-08-31")));
    assert_eq!(periods[0]["movement"]["reopened"], json!({"at_least": 21, "at_most": 30}));
    assert_eq!(periods[1], sponsor["periods"][0]);
    assert_eq!(feedback(&app).await["periods"][1], partner["periods"][0]);
}

#[actix_web::test]
async fn a_partner_with_four_referrals_a_month_gets_a_longer_period_once_that_holds_enough() {
    let app = App::start().await;
    for month in ["2026-06-10", "2026-07-10", "2026-08-10", "2026-09-10"] {
        to(&app, &format!("{month}T12:00:00Z"));
        // Language and proof stand; only the calendar goes on.
        send(&app, 4).await;
        roll(&app).await;
        close(&app).await;
        assert_eq!(feedback(&app).await["periods"], json!([]), "{month}");
        app.db.superuser().batch_execute("DELETE FROM idempotency_keys").unwrap();
    }
    to(&app, "2026-09-29T12:00:00Z");
    close(&app).await;
    assert_eq!(feedback(&app).await["periods"], json!([]), "eight of July and June are too few");
    to(&app, "2026-10-01T12:00:00Z");
    close(&app).await;
    let told = feedback(&app).await;
    assert_eq!(told["periods"].as_array().unwrap().len(), 1);
    let period = &told["periods"][0];
    assert_eq!((&period["from"], &period["until"]), (&json!("2026-06-01"), &json!("2026-08-31")));
    assert_eq!(period["volume"], json!({"at_least": 11, "at_most": 20}));
    // Of twelve nothing else is told: each figure is somewhere from none to all.
    for issue in period["issues"].as_array().unwrap() {
        assert_eq!(issue["referrals"], json!({"at_least": 0, "at_most": 20}), "{issue}");
    }
    assert_eq!(period["wrong_study"]["count"], json!({"at_least": 0, "at_most": 20}));
    assert_eq!(told["collecting"], json!([{"study": "heart-2026", "since": "2026-09-01"}]));
}

#[actix_web::test]
async fn a_viewer_reads_its_studies_alone_and_of_each_what_staff_reads() {
    let app = App::start().await;
    send(&app, 30).await;
    to(&app, "2026-08-05T12:00:00Z");
    roll(&app).await;
    close(&app).await;
    let path = "/v1/reports/sponsor-summary?study=heart-2026";
    app.viewer().get(path).await.expect_problem(404, "not_found");
    app.viewer().get("/v1/reports/sponsor-summary?study=no-such-study").await.expect_problem(404, "not_found");
    let viewer = format!("/v1/members/{}", app.site.viewer);
    app.admin().patch(&viewer, "*", &json!({"studies": ["heart-2026"]})).await.expect(200);
    let read = app.viewer().get(path).await.expect(200);
    assert_eq!(read.body, summary(&app).await);
    let sources = read.body["periods"][0]["sources"].as_array().unwrap();
    let volumes: Vec<_> = sources.iter().map(|source| (source["partner"].as_str().unwrap(), &source["volume"])).collect();
    assert_eq!(
        volumes,
        [("lakeside", &json!({"at_least": 21, "at_most": 30})), ("voices", &json!({"at_least": 0, "at_most": 10}))]
    );
    assert_eq!(read.body["periods"][0]["leading_next_action"], json!("acknowledge"));
    assert_eq!(read.body["periods"][0]["leading_blocker"], json!(null));
    // Nothing else is a viewer's.
    for other in ["source-quality", "movement", "blockers", "next-actions", "workflow-signal"] {
        app.viewer().get(&format!("/v1/reports/{other}")).await.expect_problem(403, "forbidden");
    }
    app.viewer().get("/v1/feedback?partner=lakeside").await.expect_problem(403, "forbidden");
    app.partner().get(path).await.expect_problem(403, "forbidden");
}

/// Two ranges that overlap would tell the days by which they differ: nobody chooses a range, and what is chosen for them never overlaps.
#[actix_web::test]
async fn no_reader_gets_two_ranges_that_overlap() {
    let app = App::start().await;
    let viewer = format!("/v1/members/{}", app.site.viewer);
    app.admin().patch(&viewer, "*", &json!({"studies": ["heart-2026"]})).await.expect(200);
    // Months of many, few and none, while the threshold goes up and down.
    for (month, count, threshold) in
        [("06", 25, 11), ("07", 3, 11), ("08", 14, 31), ("09", 0, 31), ("10", 33, 11), ("11", 4, 11), ("12", 12, 11)]
    {
        to(&app, &format!("2026-{month}-10T12:00:00Z"));
        app.admin().patch("/v1/site", "*", &json!({"suppression_threshold": threshold})).await.expect(200);
        send(&app, count).await;
        roll(&app).await;
        close(&app).await;
        app.db.superuser().batch_execute("DELETE FROM idempotency_keys").unwrap();
    }
    to(&app, "2027-03-05T12:00:00Z");
    roll(&app).await;
    close(&app).await;
    let told = [feedback(&app).await, app.viewer().get("/v1/reports/sponsor-summary?study=heart-2026").await.expect(200).body];
    for told in told {
        let periods = told["periods"].as_array().unwrap();
        assert!(periods.len() >= 3, "{told}");
        for pair in periods.windows(2) {
            let day = |value: &Value| value.as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
            assert_eq!(day(&pair[1]["until"]) + Duration::days(1), day(&pair[0]["from"]), "one begins where the other ends");
        }
    }
    for range in ["from=2026-06-10", "until=2026-07-10", "period=2026-06", "from=2026-06-10&until=2026-07-10"] {
        let refused = app.viewer().get(&format!("/v1/reports/sponsor-summary?study=heart-2026&{range}")).await;
        refused.expect_problem(400, "invalid_parameter");
        app.partner().get(&format!("/v1/feedback?{range}")).await.expect_problem(400, "invalid_parameter");
    }
    // Nor do finer parts of a study: they would overlap with the whole.
    for part in ["partner=lakeside", "channel=secure_form", "late_logged=only"] {
        let refused = app.viewer().get(&format!("/v1/reports/sponsor-summary?study=heart-2026&{part}")).await;
        refused.expect_problem(400, "invalid_parameter");
    }
}

/// A partner that pads its numbers learns from a narrower band what the site marked on the rest.
#[actix_web::test]
async fn what_a_partner_takes_back_makes_nothing_look_larger_than_it_is() {
    let app = App::start().await;
    let padded = async |real: usize| {
        for referral in send(&app, real).await {
            issue(&app, &referral, "expectation_payment").await;
        }
        for referral in send(&app, 9).await {
            app.partner().post_on(&format!("/v1/referrals/{referral}/withdraw"), "*", &json!({})).await.expect(200);
        }
        roll(&app).await;
    };
    padded(6).await;
    to(&app, "2026-07-31T12:00:00Z");
    assert_eq!(close(&app).await, 1);
    assert_eq!(feedback(&app).await["periods"], json!([]), "six are too few, whatever was taken back");
    padded(5).await;
    to(&app, "2026-09-01T12:00:00Z");
    assert_eq!(close(&app).await, 1);
    let period = feedback(&app).await["periods"][0].clone();
    assert_eq!(period["volume"], json!({"at_least": 11, "at_most": 20}));
    let issues = period["issues"].as_array().unwrap();
    let marked = issues.iter().find(|issue| issue["issue"] == "expectation_payment").unwrap();
    assert_eq!(marked["referrals"], json!({"at_least": 0, "at_most": 20}), "all eleven are, and it must not show");
}

/// What the other tests of the contract do not see: reports with something in them, and periods that were released.
#[actix_web::test]
async fn reports_and_released_periods_are_as_the_document_says() {
    let app = App::start().await;
    let sent = send(&app, 30).await;
    issue(&app, &sent[0], "expectation_timing").await;
    transition(&app, &sent[1], json!({"to": "connected"})).await;
    transition(&app, &sent[2], json!({"to": "closed", "reason": "wrong_study"})).await;
    transition(&app, &sent[3], json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    let viewer = format!("/v1/members/{}", app.site.viewer);
    app.admin().patch(&viewer, "*", &json!({"studies": ["heart-2026"]})).await.expect(200);
    let mut witness = Witness::new();
    for report in ["source-quality", "movement", "blockers", "next-actions", "workflow-signal"] {
        let path = format!("/v1/reports/{report}");
        witness.call(&app.coordinator(), Method::GET, &path, |request| request).await.expect(200);
    }
    to(&app, "2026-08-05T12:00:00Z");
    roll(&app).await;
    assert_eq!(close(&app).await, 1);
    for (person, path) in [(app.partner(), "/v1/feedback"), (app.viewer(), "/v1/reports/sponsor-summary?study=heart-2026")] {
        let told = witness.call(&person, Method::GET, path, |request| request).await.expect(200);
        assert_eq!(told.body["periods"].as_array().unwrap().len(), 1);
    }
    for path in ["source-quality?study=heart-2026", "movement?study=heart-2026"] {
        let request = app.coordinator().request(Method::GET, &format!("/v1/reports/{path}"));
        let drawn = crate::support::callers::send(request.header("Accept", "image/svg+xml")).await.expect(200);
        assert!(drawn.text.starts_with("<svg ") && drawn.text.contains("role=\"img\""), "{}", drawn.text);
    }
    let request = app.coordinator().request(Method::GET, "/v1/reports/movement").header("Accept", "image/svg+xml");
    crate::support::callers::send(request).await.expect_problem(400, "invalid_parameter");
}

#[actix_web::test]
async fn a_server_that_was_off_for_months_closes_each_of_them_when_it_is_back() {
    let app = App::start().await;
    send(&app, 20).await;
    app.clock.advance(Duration::days(31));
    send(&app, 20).await;
    app.clock.advance(Duration::days(120));
    roll(&app).await;
    assert_eq!(close(&app).await, 3, "September has a day to go");
    let told = feedback(&app).await;
    let periods = told["periods"].as_array().unwrap();
    let ends: Vec<_> = periods.iter().map(|period| period["until"].as_str().unwrap()).collect();
    assert_eq!(ends, ["2026-07-31", "2026-06-30"]);
    assert_eq!(close(&app).await, 0);
}
