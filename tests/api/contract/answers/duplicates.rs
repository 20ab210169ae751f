//! Two partners send one person, and somebody of the site decides.

use handoff::jobs::match_duplicates;
use serde_json::json;

use super::super::witness::Witness;
use super::{STUDY, get, post, post_on};
use crate::support::{App, make};

/// A pair that is found and parted, and one that is made by hand and merged.
pub async fn reviews(app: &App, witness: &mut Witness) {
    let coordinator = app.coordinator();
    let body = make::referral_with(json!({"match": {"email": "twice@mail.example"}}));
    let one = post(witness, &app.partner(), "/v1/referrals", &body).await.expect(201).id();
    let two = post(witness, &app.sibling_partner(), "/v1/referrals", &body).await.expect(201).id();
    match_duplicates::pass(&app.state).await.unwrap();
    let list = "/v1/duplicate-reviews?status=open&study=heart-2026&partner=voices&limit=1";
    let page = get(witness, &coordinator, list).await.expect(200);
    let path = format!("/v1/duplicate-reviews/{}", page.body["data"][0]["id"].as_str().unwrap());
    let review = get(witness, &coordinator, &path).await.expect(200);
    let (resolve, different) = (format!("{path}/resolve"), json!({"resolution": "different"}));
    post_on(witness, &coordinator, &resolve, "\"9\"", Some(&different)).await.expect_problem(412, "stale_version");
    let strange = json!({"resolution": "same", "keep": app.site.admin});
    post_on(witness, &coordinator, &resolve, &review.etag(), Some(&strange)).await.expect_problem(422, "invalid_body");
    let parted = post_on(witness, &coordinator, &resolve, &review.etag(), Some(&different)).await.expect(200);
    post_on(witness, &coordinator, &resolve, &parted.etag(), Some(&different)).await.expect_problem(409, "state_conflict");

    let three = post(witness, &app.partner(), "/v1/referrals", &make::referral()).await.expect(201).id();
    let pair = json!({"referral_ids": [three, two]});
    let made = post(witness, &coordinator, "/v1/duplicate-reviews", &pair).await.expect(201);
    post(witness, &coordinator, "/v1/duplicate-reviews", &pair).await.expect(200);
    let elsewhere = make::referral_with(json!({"study": STUDY}));
    let elsewhere = post(witness, &app.partner(), "/v1/referrals", &elsewhere).await.expect(201).id();
    let across = json!({"referral_ids": [one, elsewhere]});
    post(witness, &coordinator, "/v1/duplicate-reviews", &across).await.expect_problem(409, "across_studies");
    let resolve = format!("/v1/duplicate-reviews/{}/resolve", made.id());
    let same = json!({"resolution": "same", "keep": two});
    post_on(witness, &coordinator, &resolve, &made.etag(), Some(&same)).await.expect(200);
    get(witness, &coordinator, &format!("/v1/referrals/{three}/events")).await.expect(200);
}
