//! A partner's study gets its words, one version approved and acknowledged and one in review, and an approved process: all marked.

use serde_json::json;

use crate::language::{acknowledge, draft_with, step};
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
    let mut versions = Vec::new();
    for (word, effective) in [("approved", "2026-06-01"), ("review", "2026-06-20")] {
        let draft = draft_with(json!({
            "study": study, "where_to_go": format!("zq-{place}-{word}-words"), "effective_on": effective,
        }));
        let id = author.post("/v1/language-versions", &draft).await.expect(201).id();
        step(&author, &id, "submit", json!({})).await.expect(200);
        versions.push(id);
    }
    step(&approver, &versions[0], "approve", json!({})).await.expect(200);
    acknowledge(&app.person(&partner.key), &versions[0]).await.expect(201);
    let process = json!({
        "study": study, "partner": partner.code, "fields": ["age_band"], "purpose": "recruitment_plan",
        "approval_reference": format!("zq-{place}-process"), "valid_from": "2026-06-01", "valid_until": "2026-12-31",
    });
    let process = approver.post("/v1/approved-processes", &process).await.expect(201).id();
    Words { current: versions.remove(0), in_review: versions.remove(0), process }
}
