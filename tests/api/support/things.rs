//! One existing thing of each kind, for tests that walk every path of the document.

use serde_json::json;

use super::App;
use super::make;

/// The issue that is marked on the referral.
const MARKED: &str = "materials_unclear";

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
    alert: String,
    endpoint: String,
    import: String,
    /// In review, written by a coordinator.
    version: String,
    process: String,
    partner_review: String,
    /// Open, on the partner's route.
    test_run: String,
}

impl Things {
    /// Makes what is not there from the beginning.
    pub async fn make(app: &App) -> Self {
        let (referral, other) = (make::sent(&app.partner()).await.id(), make::sent(&app.partner()).await.id());
        let pair = json!({"referral_ids": [referral, other]});
        let away = json!({"starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"});
        let member = app.site.viewer.to_string();
        let hook = json!({"url": "https://hooks.site.example/handoff"});
        app.admin().put("/v1/alert-webhook", "*", &hook).await.expect(201);
        let issue = json!({"code": MARKED});
        app.coordinator().post_on(&format!("/v1/referrals/{referral}/issues"), "*", &issue).await.expect(200);
        let process = json!({
            "study": make::STUDY, "fields": ["age_band"], "purpose": "recruitment_plan", "approval_reference": "IRB-1",
            "valid_from": "2026-06-01", "valid_until": "2026-12-31",
        });
        let decided = json!({"decision": "continue", "reason": "routine"});
        let reviews = format!("/v1/partners/{}/reviews", app.site.partner.id);
        Self {
            endpoint: app.admin().post("/v1/webhook-endpoints", &hook).await.expect(201).id(),
            import: crate::imports::waiting(&app.admin()).await,
            alert: app.admin().post_without_body(&format!("/v1/members/{}/test-alert", app.site.admin)).await.expect(201).id(),
            review: app.coordinator().post("/v1/duplicate-reviews", &pair).await.expect(201).id(),
            window: app.admin().post(&format!("/v1/members/{member}/away-windows"), &away).await.expect(201).id(),
            version: crate::language::in_review(app, json!({"effective_on": "2026-06-20"})).await,
            process: app.admin().post("/v1/approved-processes", &process).await.expect(201).id(),
            test_run: app
                .coordinator()
                .post(&format!("/v1/routes/{}/test-referrals", app.site.partner.route), &json!({}))
                .await
                .expect(201)
                .id(),
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
            "alerts" => &self.alert,
            "webhook-endpoints" => &self.endpoint,
            "referral-imports" => &self.import,
            "language-versions" => &self.version,
            "approved-processes" => &self.process,
            "test-runs" => &self.test_run,
            _ => &self.referral,
        };
        let path = path.replace("{id}", id).replace("{window_id}", &self.window).replace("{code}", MARKED);
        with_query(&path.replace("{review_id}", &self.partner_review), make::STUDY, id)
    }

    /// The path with well-formed ids of nothing.
    pub fn unknown(path: &str) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        let path = path.replace("{id}", &id).replace("{window_id}", &id).replace("{code}", MARKED);
        with_query(&path.replace("{review_id}", &id), "nothing-here", &id)
    }
}

/// The path with the query that its operation cannot do without.
fn with_query(path: &str, study: &str, id: &str) -> String {
    match path {
        "/v1/language/current" => format!("{path}?study={study}"),
        "/v1/reports/sponsor-summary" => format!("{path}?study={study}"),
        "/v1/feedback" => format!("{path}?partner=lakeside"),
        path if path.ends_with("/diff") => format!("{path}?against={id}"),
        path => path.to_owned(),
    }
}
