//! A partner's study has words, one version approved and acknowledged and one in review, and an approved process: all marked.

use serde_json::json;

use crate::language::{draft_with, step};
use crate::support::App;
use crate::support::make::{Partner, Site};

/// Their ids.
pub struct Words {
    pub current: String,
    pub in_review: String,
    pub process: String,
}

pub async fn words(app: &App, site: &Site, partner: &Partner, study: &str, place: &str) -> Words {
    let (author, approver) = (app.member(site, site.coordinator), app.member(site, site.admin));
    let draft = draft_with(json!({
        "study": study, "where_to_go": format!("zq-{place}-review-words"), "effective_on": "2026-06-20",
    }));
    let in_review = author.post("/v1/language-versions", &draft).await.expect(201).id();
    step(&author, &in_review, "submit", json!({})).await.expect(200);
    let approved = author.get(&format!("/v1/language-versions?study={study}&status=approved")).await.expect(200);
    let process = json!({
        "study": study, "partner": partner.code, "fields": ["age_band", "sealed_note"], "purpose": "recruitment_plan",
        "approval_reference": format!("zq-{place}-process"), "valid_from": "2026-06-01", "valid_until": "2026-12-31",
    });
    let process = approver.post("/v1/approved-processes", &process).await.expect(201).id();
    Words { current: approved.body["data"][0]["id"].as_str().unwrap().to_owned(), in_review, process }
}
