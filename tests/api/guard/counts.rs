//! `GET /v1/refusals`: who was refused, over which route, on which day of the site, for what, how often.

use chrono::Duration;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, together};
use crate::support::{App, make};

async fn refuse(person: &Person, changes: Value) {
    person.post("/v1/referrals", &make::referral_with(changes)).await.expect(422);
}

fn rows(answer: &Answer) -> Vec<Value> {
    let row = |row: &Value| json!([row["day"], row["partner"], row["study"], row["code"], row["refused"]]);
    answer.body["data"].as_array().unwrap().iter().map(row).collect()
}

#[actix_web::test]
async fn counts_are_by_partner_route_day_and_code_the_newest_first() {
    let app = App::start().await;
    for _ in 0..3 {
        refuse(&app.partner(), json!({"diagnosis": "x"})).await;
    }
    app.clock.advance(Duration::seconds(1));
    refuse(&app.partner(), json!({"colour": "x"})).await;
    app.clock.advance(Duration::seconds(1));
    refuse(&app.sibling_partner(), json!({"diagnosis": "x"})).await;
    app.clock.advance(Duration::seconds(1));
    // Of a study that the partner has no route for, and of one that nobody has: its own all the same, of no route.
    refuse(&app.partner(), json!({"study": "none-such", "diagnosis": "x"})).await;
    // Late in the evening at the site, which is the next day in UTC.
    app.clock.advance(Duration::hours(20));
    refuse(&app.partner(), json!({"diagnosis": "x"})).await;

    let all = app.coordinator().get("/v1/refusals").await.expect(200);
    assert_eq!(
        rows(&all),
        [
            json!(["2026-06-02", "lakeside", "heart-2026", "sensitive_field", 1]),
            json!(["2026-06-01", "lakeside", null, "sensitive_field", 1]),
            json!(["2026-06-01", "voices", "heart-2026", "sensitive_field", 1]),
            json!(["2026-06-01", "lakeside", "heart-2026", "unknown_field", 1]),
            json!(["2026-06-01", "lakeside", "heart-2026", "sensitive_field", 3]),
        ]
    );
    for (filter, expected) in [
        ("partner=voices", 1),
        ("study=heart-2026", 4),
        ("code=unknown_field", 1),
        ("from=2026-06-02", 1),
        ("until=2026-06-01&partner=lakeside", 3),
        ("from=2026-06-03", 0),
        ("partner=nobody", 0),
    ] {
        let answer = app.admin().get(&format!("/v1/refusals?{filter}")).await.expect(200);
        assert_eq!(rows(&answer).len(), expected, "{filter}");
    }
    let page = app.admin().get("/v1/refusals?limit=2").await.expect(200);
    let next = format!("/v1/refusals?limit=2&cursor={}", page.body["next_cursor"].as_str().unwrap());
    assert_eq!(rows(&app.admin().get(&next).await.expect(200)), rows(&all)[2..4]);
}

#[actix_web::test]
async fn no_partner_no_viewer_and_no_other_site_reads_them() {
    let app = App::start().await;
    refuse(&app.partner(), json!({"diagnosis": "x"})).await;
    for person in [app.partner(), app.viewer()] {
        person.get("/v1/refusals").await.expect_problem(403, "forbidden");
    }
    let elsewhere = app.member(&app.other_site, app.other_site.admin);
    assert_eq!(rows(&elsewhere.get("/v1/refusals").await.expect(200)), [] as [Value; 0]);
    assert_eq!(rows(&app.site_key().get("/v1/refusals").await.expect(200)).len(), 1, "the control: config:read does");
}

#[actix_web::test]
async fn of_sixteen_at_once_each_is_counted() {
    let app = App::start().await;
    let partner = app.partner();
    let body = make::referral_with(json!({"diagnosis": "x"}));
    let sent = (0..16).map(|_| {
        let (partner, body) = (partner.clone(), body.clone());
        async move { partner.post("/v1/referrals", &body).await.status }
    });
    assert_eq!(together(sent).await, [422; 16]);
    let counted = app.admin().get("/v1/refusals").await.expect(200);
    assert_eq!(rows(&counted), [json!(["2026-06-01", "lakeside", "heart-2026", "sensitive_field", 16])]);
}
