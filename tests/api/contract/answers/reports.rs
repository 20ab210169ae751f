//! Reports, and what leaves to partners and sponsors.

use serde_json::json;

use super::{STUDY, get, patch};
use crate::contract::witness::Witness;
use crate::support::App;

/// Every report, for everybody who reads one. Closed periods: `reports::closing`.
pub async fn reports(app: &App, witness: &mut Witness) {
    let viewer = format!("/v1/members/{}", app.site.viewer);
    patch(witness, &app.admin(), &viewer, "*", &json!({"studies": [STUDY]})).await.expect(200);
    crate::reports::roll(app).await;
    for report in ["source-quality", "movement", "blockers", "next-actions", "workflow-signal"] {
        get(witness, &app.coordinator(), &format!("/v1/reports/{report}")).await.expect(200);
    }
    get(witness, &app.coordinator(), "/v1/reports/movement?until=2020-01-01&from=2020-01-02")
        .await
        .expect_problem(400, "invalid_parameter");
    let summary = format!("/v1/reports/sponsor-summary?study={STUDY}");
    get(witness, &app.viewer(), &summary).await.expect(200);
    get(witness, &app.partner(), "/v1/feedback").await.expect(200);
}
