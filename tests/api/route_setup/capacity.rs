//! How many referrals a route takes in a month of the site's calendar.

use serde_json::{Value, json};

use super::{change, path};
use crate::support::callers::together;
use crate::support::{App, make};

/// What the partner is told, and what sending then does, one right after the other.
async fn asked_and_sent(app: &App) -> (Value, u16) {
    let asked =
        app.partner().post("/v1/routes/preflight", &json!({"study": make::STUDY, "channel": "secure_form"})).await.expect(200);
    (asked.body["state"].clone(), app.partner().post("/v1/referrals", &make::referral()).await.status)
}

#[actix_web::test]
async fn a_month_takes_its_capacity_and_the_next_one_begins_anew() {
    let app = App::start().await;
    // Two before anybody limits: they count once there is a limit.
    for _ in 0..2 {
        make::sent(&app.partner()).await;
    }
    change(&app, json!({"monthly_capacity": 3})).await;
    assert_eq!(asked_and_sent(&app).await, (json!("accepting"), 201));
    assert_eq!(asked_and_sent(&app).await, (json!("no_capacity"), 409));
    let full = app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(409, "route_at_capacity");
    assert!(full.body["detail"].as_str().unwrap().contains("month"));
    app.site_key().post("/v1/referrals", &make::referral_of("lakeside")).await.expect_problem(409, "route_at_capacity");
    app.coordinator().post("/v1/referrals", &make::referral_of("lakeside")).await.expect_problem(409, "route_at_capacity");
    // What happened is recorded all the same, and counts.
    let late = make::referral_with(json!({"partner": "lakeside", "late_reason": "paper_backlog"}));
    app.coordinator().post("/v1/referrals", &late).await.expect(201);
    change(&app, json!({"monthly_capacity": 4})).await;
    assert_eq!(asked_and_sent(&app).await.1, 409, "four are there");
    change(&app, json!({"monthly_capacity": 5})).await;
    assert_eq!(asked_and_sent(&app).await, (json!("accepting"), 201));
    assert_eq!(asked_and_sent(&app).await, (json!("no_capacity"), 409));
    // The other partner's route has its own, which is none.
    app.sibling_partner().post("/v1/referrals", &make::referral()).await.expect(201);

    // June ends with the site's clock, four hours after that of UTC.
    for (at, (state, status)) in [("2026-07-01T03:59:00Z", ("no_capacity", 409)), ("2026-07-01T04:00:00Z", ("accepting", 201))] {
        app.clock.advance(at.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - app.clock.now());
        assert_eq!(asked_and_sent(&app).await, (json!(state), status), "{at}");
    }
    change(&app, json!({"monthly_capacity": null})).await;
    for _ in 0..6 {
        make::sent(&app.partner()).await;
    }
}

#[actix_web::test]
async fn what_is_refused_or_sent_again_takes_no_place() {
    let app = App::start().await;
    change(&app, json!({"monthly_capacity": 2})).await;
    let body = make::referral_with(json!({"partner_reference": "R-1"}));
    let first = app.partner().post_with_key("/v1/referrals", "one-key-for-one", &body).await.expect(201);
    for _ in 0..3 {
        let again = app.partner().post_with_key("/v1/referrals", "one-key-for-one", &body).await.expect(201);
        assert_eq!(again.text, first.text);
        app.partner().post("/v1/referrals", &body).await.expect_problem(409, "partner_reference_used");
        let unlisted = make::referral_with(json!({"channel": "phone_handoff"}));
        app.partner().post("/v1/referrals", &unlisted).await.expect_problem(422, "invalid_body");
    }
    assert_eq!(app.db.count("SELECT recorded::bigint AS count FROM route_counts"), 1);
    make::sent(&app.partner()).await;
    // Whoever sends what is known is told that, and not that there is no room.
    app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(409, "route_at_capacity");
}

#[actix_web::test]
async fn many_at_once_take_exactly_the_places_that_there_are() {
    let app = App::start().await;
    let mut taken = 0;
    for capacity in [3, 8, 20] {
        change(&app, json!({"monthly_capacity": capacity})).await;
        for _ in 0..2 {
            let send =
                |partner: crate::support::callers::Person| async move { partner.post("/v1/referrals", &make::referral()).await };
            let answers = together(std::array::from_fn::<_, 16, _>(|_| send(app.partner()))).await;
            for answer in &answers {
                match (answer.status, answer.code()) {
                    (201, _) => taken += 1,
                    (409, "route_at_capacity") | (503, _) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        // Whoever was told to come again does: all places are taken, and not one more.
        while app.partner().post("/v1/referrals", &make::referral()).await.status == 201 {
            taken += 1;
        }
        assert_eq!(taken, capacity);
        assert_eq!(app.db.count("SELECT count(*) FROM referrals"), i64::from(capacity));
        assert_eq!(app.db.count("SELECT recorded::bigint AS count FROM route_counts"), i64::from(capacity));
    }
}

#[actix_web::test]
async fn a_capacity_has_bounds() {
    let app = App::start().await;
    for (capacity, code) in [(json!(0), "out_of_range"), (json!(1_000_001), "out_of_range"), (json!("many"), "wrong_type")] {
        let refused =
            app.admin().patch(&path(&app), "*", &json!({"monthly_capacity": capacity})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/monthly_capacity {code}")]);
    }
}
