//! One existing thing of each kind, for tests that walk every path of the document.

use serde_json::json;

use super::App;
use super::make;

/// Ids of things that are there, for every path parameter.
#[derive(Clone)]
pub struct Things {
    member: String,
    study: String,
    partner: String,
    route: String,
    key: String,
    pub referral: String,
    review: String,
    window: String,
    /// In review, written by a coordinator.
    version: String,
    process: String,
}

impl Things {
    /// Makes what is not there from the beginning.
    pub async fn make(app: &App) -> Self {
        let (referral, other) = (make::sent(&app.partner()).await.id(), make::sent(&app.partner()).await.id());
        let pair = json!({"referral_ids": [referral, other]});
        let away = json!({"starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"});
        let member = app.site.viewer.to_string();
        crate::language::approved(app, json!({})).await;
        let process = json!({
            "study": make::STUDY, "fields": ["age_band"], "purpose": "recruitment_plan", "approval_reference": "IRB-1",
            "valid_from": "2026-06-01", "valid_until": "2026-12-31",
        });
        Self {
            review: app.coordinator().post("/v1/duplicate-reviews", &pair).await.expect(201).id(),
            window: app.admin().post(&format!("/v1/members/{member}/away-windows"), &away).await.expect(201).id(),
            version: crate::language::in_review(app, json!({"effective_on": "2026-06-20"})).await,
            process: app.admin().post("/v1/approved-processes", &process).await.expect(201).id(),
            member,
            study: app.site.study.to_string(),
            partner: app.site.partner.id.to_string(),
            route: app.site.partner.route.to_string(),
            key: make::db_key_id(&app.db, &app.site.partner),
            referral,
        }
    }

    /// The path with ids of things that are there in the places of its parameters.
    pub fn fill(&self, path: &str) -> String {
        let id = match path.split('/').nth(2).unwrap_or_default() {
            "members" => &self.member,
            "studies" => &self.study,
            "partners" => &self.partner,
            "routes" => &self.route,
            "api-keys" => &self.key,
            "duplicate-reviews" => &self.review,
            "language-versions" => &self.version,
            "approved-processes" => &self.process,
            _ => &self.referral,
        };
        let path = path.replace("{id}", id).replace("{window_id}", &self.window);
        with_query(&path, make::STUDY, id)
    }

    /// The path with well-formed ids of nothing.
    pub fn unknown(path: &str) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        with_query(&path.replace("{id}", &id).replace("{window_id}", &id), "nothing-here", &id)
    }
}

/// The path with the query that its operation cannot do without.
fn with_query(path: &str, study: &str, id: &str) -> String {
    match path {
        "/v1/language/current" => format!("{path}?study={study}"),
        path if path.ends_with("/diff") => format!("{path}?against={id}"),
        path => path.to_owned(),
    }
}
