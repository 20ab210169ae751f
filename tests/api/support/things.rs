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
    partner_review: String,
}

impl Things {
    /// Makes what is not there from the beginning.
    pub async fn make(app: &App) -> Self {
        let (referral, other) = (make::sent(&app.partner()).await.id(), make::sent(&app.partner()).await.id());
        let pair = json!({"referral_ids": [referral, other]});
        let away = json!({"starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"});
        let member = app.site.viewer.to_string();
        let decided = json!({"decision": "continue", "reason": "routine"});
        let reviews = format!("/v1/partners/{}/reviews", app.site.partner.id);
        Self {
            review: app.coordinator().post("/v1/duplicate-reviews", &pair).await.expect(201).id(),
            window: app.admin().post(&format!("/v1/members/{member}/away-windows"), &away).await.expect(201).id(),
            partner_review: app.admin().post(&reviews, &decided).await.expect(201).id(),
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
            _ => &self.referral,
        };
        path.replace("{id}", id).replace("{window_id}", &self.window).replace("{review_id}", &self.partner_review)
    }

    /// The path with well-formed ids of nothing.
    pub fn unknown(path: &str) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        path.replace("{id}", &id).replace("{window_id}", &id).replace("{review_id}", &id)
    }
}
