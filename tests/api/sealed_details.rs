//! Sealed details: what an approved process opens is sent, lies sealed, is read for a purpose, and goes.

mod ending;
mod keys;
mod reading;
mod sending;
mod shape;
mod traces;

use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, send};
use crate::support::{App, make};

/// Every field that a process may open.
const FIELDS: [&str; 4] = ["preferred_contact_time", "interpreter_language", "age_band", "sealed_note"];
const NOTE: &str = "Prefers a call at work.";

/// An approved process that opens these fields for the study and all of its partners; its id.
pub async fn process(app: &App, fields: &[&str]) -> String {
    process_with(app, fields, json!({})).await
}

async fn process_with(app: &App, fields: &[&str], changes: Value) -> String {
    let mut body = json!({
        "study": make::STUDY, "fields": fields, "purpose": "language_access", "approval_reference": "IRB-2026-114",
        "valid_from": "2026-06-01", "valid_until": "2026-12-31",
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.admin().post("/v1/approved-processes", &body).await.expect(201).id()
}

fn all() -> Value {
    json!({
        "preferred_contact_time": "weekday_evening", "interpreter_language": "es", "age_band": "from_65_to_79", "sealed_note": NOTE,
    })
}

fn with(details: Value) -> Value {
    make::referral_with(json!({"details": details}))
}

/// The id of a referral that the partner sent with these details.
async fn sealed(app: &App, details: Value) -> String {
    app.partner().post("/v1/referrals", &with(details)).await.expect(201).id()
}

async fn read(person: &Person, id: &str) -> Answer {
    read_for(person, id, json!({"purpose": "contact_person"})).await
}

pub async fn read_for(person: &Person, id: &str, body: Value) -> Answer {
    send(person.request(reqwest::Method::POST, &format!("/v1/referrals/{id}/details-reads")).json(&body)).await
}

/// The site's system with these scopes.
fn key_with(app: &App, scopes: &[Scope]) -> Person {
    app.person(&make::db_key(&app.db, &app.site, &Holder::Site(scopes.to_vec()), false))
}

/// Entries of the audit trail by this operation, newest first.
async fn trail(app: &App, operation: &str) -> Vec<Value> {
    app.sequence().await;
    let all = app.admin().get("/v1/audit?limit=200").await.expect(200).body["data"].as_array().unwrap().clone();
    all.into_iter().filter(|entry| entry["operation"] == operation).collect()
}

async fn has_details(app: &App, id: &str) -> bool {
    app.coordinator().get(&format!("/v1/referrals/{id}")).await.expect(200).body["has_sealed_details"].as_bool().unwrap()
}

fn count(app: &App) -> i64 {
    app.db.count("SELECT count(*) FROM sealed_details")
}
