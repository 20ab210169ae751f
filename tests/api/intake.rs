//! The site's intake: whoever arrives is taken in, nobody is credited by guess, and what was not credited is corrected by a person.

mod bad_input;
mod codes;
mod correcting;
mod races;
mod tags;
mod unattributed;

use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person};
use crate::support::{App, make};

/// The site's intake system: a key that may do nothing else.
pub fn desk(app: &App) -> Person {
    app.person(&make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::IntakeWrite]), false))
}

pub async fn arrive(person: &Person, body: Value) -> Answer {
    person.post("/v1/intake", &body).await
}

/// Somebody whose tag is nobody's; the referral's id.
pub async fn stranger(app: &App, record: &str) -> String {
    let body = json!({"study": make::STUDY, "source_tag": "lakeside.hart", "external_ref": record});
    let taken = arrive(&app.coordinator(), body).await.expect(201);
    taken.body["referral"]["id"].as_str().unwrap().to_owned()
}

/// Whom a referral is credited to, and who has it.
pub fn credit(referral: &Value) -> Value {
    json!([referral["partner"], referral["attribution"], referral["source_tag"]])
}

pub async fn correct(app: &App, id: &str, partner: Option<&str>) -> Answer {
    let body = json!({"partner": partner, "reason": "person_named_partner"});
    app.coordinator().post_on(&format!("/v1/referrals/{id}/attribution"), "*", &body).await
}

/// The code that a referral's person was given.
pub fn code(sent: &Answer) -> String {
    sent.body["handoff"]["code"].as_str().unwrap().to_owned()
}
