//! Due times in the hours that the site works: over weekends, holidays and clock changes, by route, and told both ways for what is
//! logged late.

mod calendars;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use crate::support::callers::Answer;
use crate::support::onboard;
use crate::support::{App, make};

/// Nine to five from Monday to Friday, in New York.
pub fn office() -> Value {
    ["monday", "tuesday", "wednesday", "thursday", "friday"].map(|day| format!("{day} 09:00-17:00")).to_vec().into()
}

pub async fn set(app: &App, changes: Value) -> Answer {
    app.admin().patch("/v1/site", "*", &changes).await.expect(200)
}

/// A server whose site keeps office hours, with this many of them for the first action.
async fn in_office(acknowledge: i32) -> App {
    let app = App::start().await;
    set(&app, json!({"business_hours": office(), "acknowledge_due_hours": acknowledge, "contact_due_hours": 16})).await;
    app
}

fn until(app: &App, at: &str) {
    app.clock.advance(at.parse::<DateTime<Utc>>().unwrap() - app.clock.now());
}

/// The path of a referral that the partner sent.
async fn sent(app: &App) -> String {
    format!("/v1/referrals/{}", make::sent(&app.partner()).await.id())
}

async fn read(app: &App, path: &str) -> Value {
    app.coordinator().get(path).await.expect(200).body
}

async fn go(app: &App, path: &str, body: Value) -> Value {
    app.coordinator().post_on(&format!("{path}/transitions"), "*", &body).await.expect(200).body
}

#[actix_web::test]
async fn a_friday_afternoon_goes_on_on_monday_with_and_without_a_clock_change_between() {
    let app = in_office(6).await;
    for (friday, monday) in [
        // 15:00 in New York to 13:00, four hours behind UTC.
        ("2026-06-05T19:00:00Z", "2026-06-08T17:00:00Z"),
        // The clock is put back on Sunday 2026-11-01: Monday is an hour later in UTC.
        ("2026-10-30T19:00:00Z", "2026-11-02T18:00:00Z"),
        // It is put forward on Sunday 2027-03-14: Monday is an hour earlier.
        ("2027-03-12T20:00:00Z", "2027-03-15T17:00:00Z"),
    ] {
        until(&app, friday);
        let path = sent(&app).await;
        let seen = read(&app, &path).await;
        assert_eq!(seen["next_action_due_at"], monday);
        assert_eq!(
            (&seen["first_action"]["due_at"], &seen["first_action"]["due_by_receipt_at"]),
            (&json!(monday), &json!(monday))
        );
    }
    // The contact attempt has sixteen hours: from Friday 16:00 on, one is left of the day, and fifteen are Monday and most of Tuesday.
    let path = sent(&app).await;
    until(&app, "2027-03-12T21:00:00Z");
    let contacting = go(&app, &path, json!({"to": "contacting"})).await;
    assert_eq!(contacting["next_action_due_at"], "2027-03-16T20:00:00Z");
}

#[actix_web::test]
async fn what_arrives_outside_the_hours_begins_to_count_when_the_site_opens() {
    let app = in_office(8).await;
    // Monday, five in the morning; then Saturday noon.
    assert_eq!(read(&app, &sent(&app).await).await["next_action_due_at"], "2026-06-01T21:00:00Z");
    until(&app, "2026-06-06T16:00:00Z");
    assert_eq!(read(&app, &sent(&app).await).await["next_action_due_at"], "2026-06-08T21:00:00Z");
    // The same without hours: eight of the clock.
    set(&app, json!({"business_hours": []})).await;
    assert_eq!(read(&app, &sent(&app).await).await["next_action_due_at"], "2026-06-07T00:00:00Z");
}

#[actix_web::test]
async fn a_routes_own_hours_are_counted_in_the_sites_working_time_and_holidays_are_left_out() {
    let app = in_office(8).await;
    let route = format!("/v1/routes/{}", app.site.partner.route);
    onboard::edit(&app, &route, json!({"acknowledge_due_hours": 2, "follow_up_due_hours": 9})).await;
    until(&app, "2026-07-02T20:00:00Z");
    let path = sent(&app).await;
    assert_eq!(read(&app, &path).await["next_action_due_at"], "2026-07-03T14:00:00Z", "Thursday 16:00 and Friday 10:00");
    set(&app, json!({"holidays": ["2026-07-03", "2026-07-06"]})).await;
    let after = sent(&app).await;
    assert_eq!(read(&app, &after).await["next_action_due_at"], "2026-07-07T14:00:00Z", "not on Friday, not on Monday");
    let connected = go(&app, &after, json!({"to": "connected"})).await;
    assert_eq!(connected["next_action_due_at"], "2026-07-07T21:00:00Z", "one hour on Thursday, eight on Tuesday");
    let by_sibling = make::referral_with(json!({"contact_basis": "self_referral"}));
    let other = app.sibling_partner().post("/v1/referrals", &by_sibling).await.expect(201).id();
    let other = read(&app, &format!("/v1/referrals/{other}")).await;
    assert_eq!(other["next_action_due_at"], "2026-07-07T20:00:00Z", "another route keeps the site's eight");
}

#[actix_web::test]
async fn a_calendar_that_changes_leaves_running_due_times_and_decides_the_next() {
    let app = in_office(8).await;
    let path = sent(&app).await;
    let before = app.coordinator().get(&path).await;
    set(&app, json!({"business_hours": ["saturday 10:00-12:00"], "holidays": ["2026-06-06"], "time_zone": "Europe/Berlin"}))
        .await;
    let after = app.coordinator().get(&path).await;
    assert_eq!((after.etag(), &after.text), (before.etag(), &before.text));
    let moved = go(&app, &path, json!({"to": "connected"})).await;
    // 120 hours are sixty Saturdays from 2026-06-13 on; the last is in summer.
    assert_eq!(moved["next_action_due_at"], "2027-07-31T10:00:00Z");
    assert_eq!(moved["first_action"]["due_at"], before.body["first_action"]["due_at"]);
}

#[actix_web::test]
async fn a_phone_handoff_that_is_logged_late_is_told_both_ways() {
    let app = in_office(8).await;
    until(&app, "2026-06-03T14:00:00Z");
    let of = |received_at: &str| {
        make::referral_with(json!({
            "partner": "lakeside", "channel": "phone_handoff", "contact_basis": "site_workforce", "received_at": received_at,
            "late_reason": "phone_handoff_logged_late",
        }))
    };
    for future in ["2026-06-03T14:02:01Z", "2026-06-04T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let refused = app.coordinator().post("/v1/referrals", &of(future)).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/received_at out_of_range"]);
        assert!(!refused.text.contains(future));
    }
    // Two working days ago, Monday at ten.
    let made = app.coordinator().post("/v1/referrals", &of("2026-06-01T14:00:00Z")).await.expect(201);
    let path = format!("/v1/referrals/{}", made.id());
    let mut expected = json!({
        "due_at": "2026-06-04T14:00:00Z", "due_by_receipt_at": "2026-06-02T14:00:00Z", "taken_at": null, "met": null,
        "met_by_receipt": false,
    });
    assert_eq!(made.body["first_action"], expected);
    assert_eq!((&made.body["aging"], &made.body["next_action_due_at"]), (&Value::Null, &json!("2026-06-04T14:00:00Z")));
    until(&app, "2026-06-04T14:00:00Z");
    let taken = go(&app, &path, json!({"to": "acknowledged"})).await;
    expected["taken_at"] = json!("2026-06-04T14:00:00Z");
    expected["met"] = json!(true);
    assert_eq!(taken["first_action"], expected);
    until(&app, "2026-06-30T14:00:00Z");
    assert_eq!(read(&app, &path).await["first_action"], expected, "and so it stays");
}

#[actix_web::test]
async fn nothing_that_is_planned_by_hand_moves_what_was_promised() {
    let app = in_office(8).await;
    let path = sent(&app).await;
    let promised = read(&app, &path).await["first_action"].clone();
    let plan = json!({"next_action": "reroute", "next_action_due_at": "2026-09-01T00:00:00Z", "reason": "correction"});
    let planned = app.coordinator().patch(&path, "*", &plan).await.expect(200);
    assert_eq!(planned.body["first_action"], promised);
    // An hour after five in the afternoon it is missed, whatever was planned; and the version is the same.
    until(&app, "2026-06-01T22:00:00Z");
    let late = app.coordinator().get(&path).await;
    assert_eq!((&late.body["first_action"]["met"], &late.body["first_action"]["met_by_receipt"]), (&json!(false), &json!(false)));
    assert_eq!((late.etag(), &late.body["aging"]), (planned.etag(), &Value::Null), "the plan itself is not overdue");
    until(&app, "2026-09-01T00:00:00Z");
    assert_eq!(read(&app, &path).await["aging"], "no_first_action");
    go(&app, &path, json!({"to": "contacting"})).await;
    until(&app, "2026-09-30T00:00:00Z");
    let listed = app.coordinator().get("/v1/referrals").await.expect(200).body["data"][0].clone();
    assert_eq!((&listed["aging"], &listed["first_action"]["taken_at"]), (&json!("stalled"), &json!("2026-09-01T00:00:00Z")));
}

#[actix_web::test]
async fn the_end_counts_as_the_first_action_and_a_reopened_referral_begins_anew() {
    let app = in_office(8).await;
    let path = sent(&app).await;
    until(&app, "2026-06-01T21:00:01Z");
    let closed = go(&app, &path, json!({"to": "closed", "reason": "site_capacity"})).await;
    assert_eq!((&closed["first_action"]["taken_at"], &closed["first_action"]["met"]), (&closed["closed_at"], &json!(false)));
    assert_eq!((&closed["aging"], &closed["next_action"]), (&Value::Null, &Value::Null));
    until(&app, "2026-06-02T14:00:00Z");
    let open = go(&app, &path, json!({"to": "received", "reason": "person_returned"})).await;
    let anew = json!({
        "due_at": "2026-06-03T14:00:00Z", "due_by_receipt_at": "2026-06-03T14:00:00Z", "taken_at": null, "met": null,
        "met_by_receipt": null,
    });
    assert_eq!(open["first_action"], anew);
    let taken = go(&app, &path, json!({"to": "acknowledged"})).await;
    assert_eq!((&taken["first_action"]["met"], &taken["first_action"]["met_by_receipt"]), (&json!(true), &json!(true)));
}

#[actix_web::test]
async fn a_blocker_says_since_when_and_a_referral_from_before_due_times_says_nothing() {
    let app = in_office(8).await;
    let path = sent(&app).await;
    let blocked = |blocker: &str| json!({"blocker": blocker});
    let first = app.coordinator().patch(&path, "*", &blocked("awaiting_records")).await.expect(200).body;
    assert_eq!((&first["blocked_since"], &first["aging"]), (&json!("2026-06-01T09:00:00Z"), &json!("dependency_blocked")));
    until(&app, "2026-06-02T09:00:00Z");
    let same = app.coordinator().patch(&path, "*", &blocked("awaiting_records")).await.expect(200).body;
    assert_eq!(same["blocked_since"], "2026-06-01T09:00:00Z");
    let other = app.coordinator().patch(&path, "*", &blocked("route_broken")).await.expect(200).body;
    assert_eq!(other["blocked_since"], "2026-06-02T09:00:00Z", "another blocker waits anew");
    let id = path.rsplit('/').next().unwrap();
    let older = format!("UPDATE referrals SET first_due_at = NULL, first_due_by_receipt_at = NULL WHERE id = '{id}'");
    app.db.superuser().batch_execute(&older).unwrap();
    until(&app, "2026-06-30T09:00:00Z");
    let unknown = json!({"due_at": null, "due_by_receipt_at": null, "taken_at": null, "met": null, "met_by_receipt": null});
    assert_eq!(read(&app, &path).await["first_action"], unknown);
    assert_eq!(read(&app, &path).await["merged_into_id"], Value::Null);
}
