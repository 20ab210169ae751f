//! Approved language: how it is written and approved, who acknowledged it, and what it opens.

mod acknowledging;
mod approving;
mod boundaries;
mod dates;
mod processes;
mod races;
mod writing;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use handoff::domain::ids::MemberId;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person};
use crate::support::make;

/// A site whose study has no language yet, and no live route that would need it.
pub async fn start() -> App {
    let app = App::start().await;
    app.db
        .superuser()
        .batch_execute(
            "DELETE FROM language_acknowledgements; DELETE FROM language_versions; UPDATE handoff_routes SET status = 'draft'",
        )
        .unwrap();
    app
}

/// A draft for the study, as a coordinator writes it. Tests begin on 1 June 2026.
pub fn draft() -> Value {
    json!({
        "study": make::STUDY, "locale": "en-US", "audience": "general_public", "public_name": "Heart Rhythm Study",
        "short_description": "A study of two approaches to heart rhythm care.",
        "who_may_contact": "Adults who want to know more may contact the site themselves.",
        "what_site_reviews": "The study team talks with each person about whether the study fits.",
        "what_not_to_promise": "Do not promise a place, a treatment, a result or a payment.",
        "where_to_go": "Give the person the code and the intake address.",
        "who_handles_questions": "The study team answers all questions about taking part.",
        "approval_reference": "IRB-2026-114", "effective_on": "2026-06-01", "expires_on": "2027-05-31",
    })
}

pub fn draft_with(changes: Value) -> Value {
    let mut body = draft();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A second admin: the first one approves.
pub async fn second_admin(app: &App) -> Person {
    let body = json!({"display_name": "Alex", "email": "alex@riverside.example", "role": "admin"});
    let id: MemberId = app.admin().post("/v1/members", &body).await.expect(201).id().parse().unwrap();
    app.member(&app.site, id)
}

pub async fn step(who: &Person, id: &str, step: &str, body: Value) -> Answer {
    let path = format!("/v1/language-versions/{id}/{step}");
    // A step without a body takes an empty object.
    who.post_on(&path, "*", &body).await
}

/// A version that a coordinator wrote and submitted.
pub async fn in_review(app: &App, changes: Value) -> String {
    let id = app.coordinator().post("/v1/language-versions", &draft_with(changes)).await.expect(201).id();
    step(&app.coordinator(), &id, "submit", json!({})).await.expect(200);
    id
}

/// A version that an admin approved.
pub async fn approved(app: &App, changes: Value) -> String {
    let id = in_review(app, changes).await;
    step(&app.admin(), &id, "approve", json!({})).await.expect(200);
    id
}

pub async fn acknowledge(partner: &Person, version: &str) -> Answer {
    partner.post("/v1/language/acknowledgements", &json!({"version_id": version})).await
}

/// Where a version stands.
pub async fn status(app: &App, id: &str) -> String {
    let seen = app.admin().get(&format!("/v1/language-versions/{id}")).await.expect(200);
    seen.body["status"].as_str().unwrap().to_owned()
}

/// What a partner is told of its standing: the word, and until when.
pub async fn standing(partner: &Person) -> Value {
    let seen = partner.get("/v1/language/current?study=heart-2026").await.expect(200);
    json!([seen.body["own"]["standing"], seen.body["own"]["until"]])
}

/// Moves the clock to noon of a day in New York, where the site is.
pub fn on(app: &App, day: &str) {
    let noon: DateTime<Utc> = format!("{day}T16:00:00Z").parse().unwrap();
    app.clock.advance(noon - app.clock.now());
}

/// The events of approved language, in their order, as type and version.
pub async fn events(app: &App) -> Vec<String> {
    app.sequence().await;
    let known = crate::tenancy::texts(&mut app.db.superuser(), "SELECT id::text AS text FROM language_versions");
    let page = app.person(&app.site.narrow_key).get("/v1/events?limit=200").await.expect(200);
    let events = page.body["data"].as_array().unwrap().iter();
    events
        .filter(|event| event["type"].as_str().unwrap().starts_with("language."))
        // What `start` took away was told of before.
        .filter(|event| known.iter().any(|id| event["language_version_id"] == id.as_str()))
        .map(|event| format!("{} {}", event["type"].as_str().unwrap(), event["language_version_id"].as_str().unwrap()))
        .collect()
}
