//! A coordinator's morning: whose turn it is, how much there is, and what went wrong with a handoff.

use reqwest::Method;
use serde_json::json;

use super::super::witness::Witness;
use super::{get, post, post_on};
use crate::support::{App, make};

/// The queue and its counts with every filter, and an issue that is marked and taken back.
pub async fn queue(app: &App, witness: &mut Witness) {
    let (coordinator, key) = (app.coordinator(), app.site_key());
    let sent = post(witness, &app.partner(), "/v1/referrals", &make::referral()).await.expect(201).id();
    for who in [&coordinator, &key] {
        let page = get(witness, who, "/v1/queue?limit=1").await.expect(200);
        let next = page.body["next_cursor"].as_str().unwrap();
        get(witness, who, &format!("/v1/queue?limit=1&cursor={next}")).await.expect(200);
        get(witness, who, "/v1/queue/counts").await.expect(200);
    }
    let filter = format!(
        "owner={}&study=heart-2026&partner=lakeside&next_action=acknowledge&due_before=2027-01-01T00:00:00Z",
        app.site.coordinator
    );
    for path in ["/v1/queue", "/v1/queue/counts"] {
        let mine = get(witness, &coordinator, &format!("{path}?owner=me")).await.expect(200);
        assert!(!mine.text.contains(&app.site.admin.to_string()));
        get(witness, &coordinator, &format!("{path}?{filter}")).await.expect(200);
        get(witness, &coordinator, &format!("{path}?aging=dependency_blocked&blocker=duplicate_review")).await.expect(200);
        get(witness, &key, &format!("{path}?owner=me")).await.expect_problem(400, "invalid_parameter");
        get(witness, &coordinator, &format!("{path}?owner=zqx7")).await.expect_problem(400, "invalid_parameter");
    }
    let issues = format!("/v1/referrals/{sent}/issues");
    let code = json!({"code": "expectation_timing"});
    let marked = post_on(witness, &key, &issues, "\"1\"", Some(&code)).await.expect(200);
    post_on(witness, &key, &issues, "\"1\"", Some(&code)).await.expect_problem(412, "stale_version");
    let path = format!("{issues}/expectation_timing");
    let back = |request: reqwest::RequestBuilder| request.header("If-Match", marked.etag());
    witness.call(&key, Method::DELETE, &path, back).await.expect(200);
    let again = |request: reqwest::RequestBuilder| request.header("If-Match", "*");
    witness.call(&key, Method::DELETE, &path, again).await.expect_problem(404, "not_found");
}
