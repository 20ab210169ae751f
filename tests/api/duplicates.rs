//! Who may be the same person: found after the commit, decided by a person, and seen by no partner.

mod finding;
mod merging;
mod permission;
mod races;
mod timing;

use handoff::jobs::match_duplicates;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person};

/// Lets the job look at everything that waits; says how much that was.
pub async fn find(app: &App) -> usize {
    match_duplicates::pass(&app.state).await.unwrap()
}

/// The reviews in this state, oldest first.
pub async fn reviews(app: &App, status: &str) -> Vec<Value> {
    let page = app.coordinator().get(&format!("/v1/duplicate-reviews?status={status}&limit=200")).await.expect(200);
    page.body["data"].as_array().unwrap().clone()
}

/// The one open review.
pub async fn review(app: &App) -> Value {
    let open = reviews(app, "open").await;
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].clone()
}

pub async fn resolve(app: &App, review: &Value, body: Value) -> Answer {
    resolve_as(&app.coordinator(), review, "*", body).await
}

pub async fn resolve_as(who: &Person, review: &Value, etag: &str, body: Value) -> Answer {
    who.post_on(&format!("/v1/duplicate-reviews/{}/resolve", review["id"].as_str().unwrap()), etag, &body).await
}

/// Pairs two referrals by hand.
pub async fn pair(app: &App, one: &str, other: &str) -> Answer {
    app.coordinator().post("/v1/duplicate-reviews", &json!({"referral_ids": [one, other]})).await
}

/// Blocker and next action, as the site sees them.
pub async fn waits(app: &App, id: &str) -> Value {
    let seen = crate::contact_withdrawals::seen(app, id).await;
    json!([seen["blocker"], seen["next_action"]])
}

/// The record that a referral was merged into.
pub fn merged_into(app: &App, id: &str) -> String {
    let sql = format!("SELECT coalesce(merged_into_id::text, '') AS text FROM referrals WHERE id = '{id}'");
    crate::tenancy::texts(&mut app.db.superuser(), &sql).concat()
}

/// Two ids in the order in which a review keeps them: those of one moment are in no order of their making.
pub fn in_order<'a>(one: &'a str, other: &'a str) -> [&'a str; 2] {
    if one < other { [one, other] } else { [other, one] }
}
