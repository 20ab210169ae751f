//! What a partner sees of a referral over time: four classes, and an end whose timing tells nothing.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::{App, make};

fn move_clock_to(app: &App, time: &str) {
    app.clock.advance(time.parse::<DateTime<Utc>>().unwrap() - app.clock.now());
}

async fn go(app: &App, path: &str, body: Value) {
    app.member(&app.site, app.site.coordinator).post_on(&format!("{path}/transitions"), "*", &body).await.expect(200);
}

#[actix_web::test]
async fn what_the_site_does_out_of_sight_changes_neither_view_nor_tag() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    for step in [
        json!({"to": "acknowledged"}),
        json!({"to": "on_hold", "blocker": "duplicate_review"}),
        json!({"to": "acknowledged"}),
        json!({"to": "connected"}),
        json!({"to": "handed_off"}),
        json!({"to": "connected"}),
        json!({"to": "closed", "reason": "person_requested_no_contact"}),
        json!({"to": "received", "reason": "closed_by_mistake"}),
        json!({"to": "on_hold", "blocker": "awaiting_study_team_review"}),
        json!({"to": "closed", "reason": "duplicate"}),
    ] {
        go(&app, &path, step).await;
        let seen = app.partner().get(&path).await.expect(200);
        assert_eq!((seen.etag(), &seen.text), (sent.etag(), &sent.text));
        let listed = app.partner().get("/v1/referrals").await.expect(200);
        assert_eq!(listed.body["data"], json!([sent.body]));
    }
    assert_eq!(app.coordinator().get(&path).await.etag(), "\"11\"", "the control: the site saw ten changes");
}

#[actix_web::test]
async fn the_partners_turn_shows_while_it_is_its_turn() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    go(&app, &path, json!({"to": "on_hold", "blocker": "awaiting_partner_completion"})).await;
    let turn = app.partner().get(&path).await.expect(200);
    assert_eq!(turn.body["status"], "needs_partner_action");
    assert_ne!(turn.etag(), sent.etag());
    go(&app, &path, json!({"to": "received"})).await;
    assert_eq!(app.partner().get(&path).await.etag(), sent.etag());
}

#[actix_web::test]
async fn the_partners_turn_shows_in_every_open_state_and_no_other_blocker_does() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    let mut tags = std::collections::BTreeSet::new();
    for step in [None, Some("acknowledged"), Some("contacting"), Some("connected"), Some("handed_off")] {
        if let Some(to) = step {
            go(&app, &path, json!({"to": to})).await;
            assert_eq!(app.partner().get(&path).await.text, sent.text, "a move clears the blocker, and so ends the turn");
        }
        for (blocker, turn) in [(json!("awaiting_records"), false), (json!("awaiting_partner_completion"), true)] {
            app.coordinator().patch(&path, "*", &json!({"blocker": blocker})).await.expect(200);
            let seen = app.partner().get(&path).await.expect(200);
            assert_eq!(seen.body["status"] == "needs_partner_action", turn);
            if turn {
                tags.insert(seen.etag());
            } else {
                assert_eq!(seen.text, sent.text);
            }
        }
    }
    assert_eq!(tags.len(), 1, "the states look alike");
    app.coordinator().patch(&path, "*", &json!({"blocker": null})).await.expect(200);
    assert_eq!(app.partner().get(&path).await.text, sent.text);
}

#[actix_web::test]
async fn what_the_partner_could_have_known_is_told_at_once() {
    let app = App::start().await;
    let reasons =
        ["wrong_study", "wrong_site", "incomplete_handoff", "channel_not_approved", "study_not_accepting", "site_capacity"];
    for reason in reasons {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        go(&app, &path, json!({"to": "closed", "reason": reason})).await;
        let told = app.partner().get(&path).await.expect(200);
        assert_eq!((&told.body["status"], &told.body["not_accepted_reason"]), (&json!("not_accepted"), &json!(reason)));
        assert_ne!(told.etag(), sent.etag());
        go(&app, &path, json!({"to": "received", "reason": "closed_by_mistake"})).await;
        assert_eq!(app.partner().get(&path).await.text, sent.text);
    }
}

#[actix_web::test]
async fn every_other_end_shows_at_a_month_start_thirty_days_on_and_tells_nothing_more() {
    let app = App::start().await;
    let mut paths = Vec::new();
    for reason in [
        "unreachable_after_attempts",
        "no_longer_interested",
        "person_requested_no_contact",
        "duplicate",
        "transferred_site",
        "partner_withdrew",
        "study_team_closed",
        "entered_in_error",
    ] {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        go(&app, &path, json!({"to": "closed", "reason": reason})).await;
        paths.push((path, sent));
    }
    let complete = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", complete.id());
    for step in [json!({"to": "connected"}), json!({"to": "handed_off"}), json!({"to": "closed", "reason": "handoff_complete"})] {
        go(&app, &path, step).await;
    }
    paths.push((path, complete));

    // Thirty days from 1 June, 09:00 UTC end on 1 July, after that month has begun: August is the first start. The site is in
    // New York, where it begins at 04:00 UTC.
    for early in ["2026-07-01T04:00:00Z", "2026-07-01T09:00:00Z", "2026-08-01T03:59:59Z"] {
        move_clock_to(&app, early);
        for (path, sent) in &paths {
            assert_eq!(app.partner().get(path).await.text, sent.text, "{early}");
        }
    }
    move_clock_to(&app, "2026-08-01T04:00:00Z");
    let mut views = Vec::new();
    for (path, sent) in &paths {
        let shown = app.partner().get(path).await.expect(200);
        assert_ne!(shown.etag(), sent.etag());
        let mut view = shown.body;
        assert_eq!(view["status"], "closed");
        view["id"].take();
        view["handoff"].take();
        views.push(view);
    }
    assert!(views.iter().all(|view| *view == views[0]), "one end looks like another");
}

#[actix_web::test]
async fn a_late_end_waits_for_the_month_after_it_and_a_late_entry_for_its_own_thirty_days() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    move_clock_to(&app, "2026-10-31T20:00:00Z");
    go(&app, &path, json!({"to": "closed", "reason": "no_longer_interested"})).await;
    assert_eq!(app.partner().get(&path).await.text, sent.text);

    // Received in June as it says, entered today: the day of entry counts.
    let old = make::referral_with(json!({"received_at": "2026-06-02T00:00:00Z"}));
    let late = app.partner().post("/v1/referrals", &old).await.expect(201);
    let late_path = format!("/v1/referrals/{}", late.id());
    go(&app, &late_path, json!({"to": "closed", "reason": "no_longer_interested"})).await;

    move_clock_to(&app, "2026-11-01T04:00:00Z");
    assert_eq!(app.partner().get(&path).await.body["status"], "closed", "1 November is on summer time until two o'clock");
    assert_eq!(app.partner().get(&late_path).await.text, late.text);
    move_clock_to(&app, "2026-12-01T04:59:59Z");
    assert_eq!(app.partner().get(&late_path).await.text, late.text);
    move_clock_to(&app, "2026-12-01T05:00:00Z");
    assert_eq!(app.partner().get(&late_path).await.body["status"], "closed");
}
