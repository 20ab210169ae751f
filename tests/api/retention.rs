//! How long digests of contact details recognise a person whose referral has ended.

use chrono::Duration;
use handoff::jobs::{retention, survey};
use serde_json::{Value, json};

use crate::contact_withdrawals::{go, seen, withdraw};
use crate::duplicates::{find, merged_into, resolve, review, reviews};
use crate::support::{App, make};

async fn referred(app: &App, email: &str) -> String {
    app.partner()
        .post("/v1/referrals", &make::referral_with(json!({"match": {"email": format!("{email}@mail.example")}})))
        .await
        .expect(201)
        .id()
}

async fn close(app: &App, id: &str) {
    go(app, id, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
}

async fn keep_for(app: &App, days: Value) -> crate::support::callers::Answer {
    app.admin().patch("/v1/site", "*", &json!({"contact_digests_retention_days": days})).await
}

#[actix_web::test]
async fn a_person_is_forgotten_the_sites_days_after_the_end_of_their_referral() {
    let app = App::start().await;
    assert_eq!(app.admin().get("/v1/site").await.expect(200).body["contact_digests_retention_days"], 730);
    for (days, fault) in [(json!(29), "out_of_range"), (json!(3651), "out_of_range"), (json!(null), "null_not_allowed")] {
        assert_eq!(keep_for(&app, days).await.expect(422).faults(), [format!("/contact_digests_retention_days {fault}")]);
    }
    keep_for(&app, json!(30)).await.expect(200);
    let (ended, open, reopened) = (referred(&app, "ana").await, referred(&app, "bo").await, referred(&app, "cy").await);
    let gone = referred(&app, "di").await;
    for id in [&ended, &reopened, &gone] {
        close(&app, id).await;
    }
    withdraw(&app.coordinator(), json!({"email": "di@mail.example"})).await.expect(201);
    // Merged into one that is open: of the person it still tells.
    let (merged, kept) = (referred(&app, "ed").await, referred(&app, "ed").await);
    find(&app).await;
    resolve(&app, &review(&app).await, json!({"resolution": "same", "keep": kept})).await.expect(200);
    assert_eq!(merged_into(&app, &merged), kept);

    app.clock.advance(Duration::days(30));
    assert_eq!(retention::pass(&app.state).await.unwrap(), 0, "not before the days are over");
    go(&app, &reopened, json!({"to": "received", "reason": "closed_by_mistake"})).await.expect(200);
    app.clock.advance(Duration::seconds(1));
    let backlog = survey::run(&app.state).await.unwrap();
    assert_eq!(backlog.jobs["retention"].backlog, 2);
    assert_eq!(retention::pass(&app.state).await.unwrap(), 2);
    assert_eq!(retention::pass(&app.state).await.unwrap(), 0);
    assert_eq!(app.db.count("SELECT count(*) FROM referral_digests"), 4, "of those that are open");

    // The one is new to the site, the other is not; and who is not to be contacted is left alone as before.
    let (stranger, known) = (referred(&app, "ana").await, referred(&app, "bo").await);
    let left_alone = referred(&app, "di").await;
    find(&app).await;
    let open_reviews = reviews(&app, "open").await;
    let [review] = open_reviews.as_slice() else { panic!("{open_reviews:?}") };
    assert!(review.to_string().contains(&known) && review.to_string().contains(&open) && !review.to_string().contains(&stranger));
    assert_eq!(seen(&app, &left_alone).await["status"], "quarantined");

    app.sequence().await;
    let entries = app.admin().get("/v1/audit?limit=200").await.expect(200);
    let of_purge = entries.body["data"].as_array().unwrap().iter().filter(|entry| entry["operation"] == "purge_contact_digests");
    let mut told: Vec<_> = of_purge.map(|entry| json!([entry["subject"]["id"], entry["reason"], entry["changes"]])).collect();
    told.sort_by_key(Value::to_string);
    let change = json!([{"field": "contact_digests", "before": null, "after": "changed"}]);
    let mut expected: Vec<_> = [&ended, &gone].map(|id| json!([id, "retention_expired", change])).into();
    expected.sort_by_key(Value::to_string);
    assert_eq!(told, expected);
    // Nothing else of a referral changes.
    assert_eq!(app.coordinator().get(&format!("/v1/referrals/{ended}")).await.expect(200).etag(), "\"2\"");
}
