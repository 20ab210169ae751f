//! People arrive at the intake by themselves, and one is credited later.

use serde_json::json;

use super::super::witness::Witness;
use super::{get, post, post_on};
use crate::support::{App, make};

/// An arrival with a code, one with a tag and one with neither; refusals; a correction there and back.
pub async fn arrivals(app: &App, witness: &mut Witness) {
    let coordinator = app.coordinator();
    let sent = post(witness, &app.partner(), "/v1/referrals", &make::referral()).await.expect(201);
    let code = sent.body["handoff"]["code"].clone();
    let with_code = |record: &str| json!({"handoff_code": code, "external_ref": record});
    post(witness, &coordinator, "/v1/intake", &with_code("DAY-1")).await.expect(200);
    post(witness, &coordinator, "/v1/intake", &with_code("DAY-2")).await.expect_problem(409, "external_ref_differs");
    let tagged = json!({"source_tag": "lakeside.heart", "external_ref": "DAY-3", "match": {"email": "walks-in@mail.example"}});
    post(witness, &coordinator, "/v1/intake", &tagged).await.expect(201);
    let nobodys = json!({"source_tag": "lakeside.hart", "external_ref": "DAY-4"});
    post(witness, &coordinator, "/v1/intake", &nobodys).await.expect_problem(422, "invalid_body");
    let nobodys = json!({"study": make::STUDY, "source_tag": "lakeside.hart", "external_ref": "DAY-4"});
    let taken = post(witness, &coordinator, "/v1/intake", &nobodys).await.expect(201);
    let path = format!("/v1/referrals/{}", taken.body["referral"]["id"].as_str().unwrap());
    assert_eq!(get(witness, &coordinator, &path).await.expect(200).body["partner"], json!(null));
    get(witness, &coordinator, "/v1/referrals?attribution=unverified").await.expect(200);

    let correct = format!("{path}/attribution");
    let to = |partner: Option<&str>| Some(json!({"partner": partner, "reason": "tag_mistyped"}));
    post_on(witness, &coordinator, &correct, "\"9\"", to(Some("lakeside")).as_ref()).await.expect_problem(412, "stale_version");
    post_on(witness, &coordinator, &correct, &taken.etag(), to(Some("nobody-known")).as_ref())
        .await
        .expect_problem(422, "invalid_body");
    let credited = post_on(witness, &coordinator, &correct, &taken.etag(), to(Some("lakeside")).as_ref()).await.expect(200);
    get(witness, &app.partner(), &path).await.expect(200);
    post_on(witness, &coordinator, &correct, &credited.etag(), to(None).as_ref()).await.expect(200);
    get(witness, &app.partner(), &path).await.expect_problem(404, "not_found");
}
