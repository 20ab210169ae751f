//! What a merge makes of two records, and what each side sees of it.

use serde_json::{Value, json};

use super::{find, in_order, merged_into, pair, resolve, resolve_as, review, reviews, waits};
use crate::contact_withdrawals::{go, refer, seen, state};
use crate::support::callers::Answer;
use crate::support::{App, make};

/// Two partners' referrals of one person, an hour apart, and their review.
async fn twice(app: &App) -> (Answer, Answer, Value) {
    let ana = json!({"email": "ana@mail.example"});
    let first = refer(&app.partner(), ana.clone()).await.expect(201);
    app.clock.advance(chrono::Duration::hours(1));
    let second = refer(&app.sibling_partner(), ana).await.expect(201);
    find(app).await;
    let review = review(app).await;
    (first, second, review)
}

#[actix_web::test]
async fn both_partners_keep_their_attribution_and_see_nothing_of_the_merge() {
    let app = App::start().await;
    let (first, second, review) = twice(&app).await;
    let path = format!("/v1/duplicate-reviews/{}", review["id"].as_str().unwrap());
    let etag = app.coordinator().get(&path).await.expect(200).etag();
    let before = [seen(&app, &first.id()).await, seen(&app, &second.id()).await];
    let merged = resolve_as(&app.coordinator(), &review, &etag, json!({"resolution": "same"})).await.expect(200);
    assert_eq!((&merged.body["status"], &merged.body["kept_referral_id"]), (&json!("same"), &json!(first.id())));
    assert_eq!(merged.body["resolved_by"], json!(app.site.coordinator));
    assert_eq!(merged.body["referrals"][1]["merged_into_id"], json!(first.id()));
    assert_eq!((state(&app, &first.id()).await, state(&app, &second.id()).await), ("received".into(), "closed duplicate".into()));
    let after = [seen(&app, &first.id()).await, seen(&app, &second.id()).await];
    for (before, after) in before.iter().zip(&after) {
        for field in ["partner", "source_tag", "attribution", "partner_reference", "route_id", "channel", "received_at"] {
            assert_eq!(before[field], after[field], "{field}");
        }
    }
    // Each partner reads what it was answered when it sent the person, to the byte, until the month is over.
    for (who, sent) in [(app.partner(), &first), (app.sibling_partner(), &second)] {
        let read = who.get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
        assert_eq!((read.text.as_str(), read.headers.get("etag")), (sent.text.as_str(), sent.headers.get("etag")));
        who.get(&path).await.expect_problem(403, "forbidden");
    }
    app.clock.advance(chrono::Duration::days(62));
    let read = app.sibling_partner().get(&format!("/v1/referrals/{}", second.id())).await.expect(200);
    assert_eq!(read.body["status"], "closed");

    // The history reads the same from both ids, and says which record each event is about.
    app.sequence().await;
    let mut read = Vec::new();
    for id in [first.id(), second.id()] {
        read.push(app.coordinator().get(&format!("/v1/referrals/{id}/events")).await.expect(200).body["data"].clone());
    }
    assert_eq!(read[0], read[1]);
    let told: Vec<(&str, bool)> = read[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["referral_id"] == json!(first.id())))
        .collect();
    let count = |what| told.iter().filter(|told| **told == what).count();
    assert_eq!((count(("referral.received", true)), count(("referral.received", false))), (1, 1), "{told:?}");
    assert_eq!((count(("referral.merged", true)), count(("referral.merged", false))), (1, 1), "{told:?}");
    assert_eq!(count(("referral.transitioned", false)), 1, "{told:?}");
}

#[actix_web::test]
async fn a_decision_is_made_once_on_what_was_read_by_staff_alone() {
    let app = App::start().await;
    let (first, second, review) = twice(&app).await;
    let other_site = app.member(&app.other_site, app.other_site.admin);
    resolve_as(&other_site, &review, "*", json!({"resolution": "same"})).await.expect_problem(404, "not_found");
    resolve_as(&app.site_key(), &review, "*", json!({"resolution": "same"})).await.expect_problem(403, "forbidden");
    resolve_as(&app.coordinator(), &review, "\"2\"", json!({"resolution": "same"})).await.expect_problem(412, "stale_version");
    let keeps = |keep: &str| json!({"resolution": "same", "keep": keep});
    let stranger = make::sent(&app.partner()).await.id();
    let refused = resolve(&app, &review, keeps(&stranger)).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/keep unknown_reference"]);
    let refused = resolve(&app, &review, json!({"resolution": "different", "keep": first.id()})).await.expect(422);
    assert_eq!(refused.faults(), ["/keep inconsistent"]);
    go(&app, &first.id(), json!({"to": "closed", "reason": "wrong_site"})).await.expect(200);
    assert_eq!(resolve(&app, &review, keeps(&first.id())).await.expect(422).faults(), ["/keep inconsistent"]);

    // The open one goes on; the closed one keeps the reason that its partner was told, and stays closed for good.
    resolve(&app, &review, json!({"resolution": "same"})).await.expect(200);
    assert_eq!((state(&app, &first.id()).await, merged_into(&app, &first.id())), ("closed wrong_site".into(), second.id()));
    assert_eq!(waits(&app, &second.id()).await, json!([null, "acknowledge"]), "it waits no more");
    go(&app, &first.id(), json!({"to": "received", "reason": "closed_by_mistake"}))
        .await
        .expect_problem(409, "illegal_transition");
    let actions = app.coordinator().get(&format!("/v1/referrals/{}/actions", first.id())).await.expect(200);
    assert!(!actions.text.contains("closed_by_mistake"), "{}", actions.text);
    resolve(&app, &review, json!({"resolution": "different"})).await.expect_problem(409, "state_conflict");
    pair(&app, &first.id(), &second.id()).await.expect_problem(409, "state_conflict");
}

#[actix_web::test]
async fn a_third_referral_meets_the_record_that_goes_on_and_no_chain_is_made() {
    let app = App::start().await;
    let (first, second, review) = twice(&app).await;
    resolve(&app, &review, json!({"resolution": "same"})).await.expect(200);
    app.clock.advance(chrono::Duration::hours(1));
    let third = refer(&app.partner(), json!({"email": "ana@mail.example"})).await.expect(201).id();
    find(&app).await;
    let met = super::review(&app).await;
    assert_eq!((&met["referrals"][0]["id"], &met["referrals"][1]["id"]), (&json!(first.id()), &json!(third)));
    resolve(&app, &met, json!({"resolution": "same", "keep": third})).await.expect(200);
    assert_eq!((merged_into(&app, &first.id()), merged_into(&app, &second.id())), (third.clone(), third.clone()));
    assert_eq!(
        app.db.count(
            "SELECT count(*) FROM referrals a JOIN referrals b ON a.merged_into_id = b.id WHERE b.merged_into_id IS NOT NULL"
        ),
        0
    );
    let history = app.coordinator().get(&format!("/v1/referrals/{}/events?limit=200", second.id())).await.expect(200);
    for id in [&first.id(), &second.id(), &third] {
        assert!(history.text.contains(id.as_str()), "the whole person is read from each id");
    }
}

/// Three open reviews of three records: each decision counts for whatever was merged before.
#[actix_web::test]
async fn a_decision_of_two_people_counts_for_every_record_of_them() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(refer(&app.partner(), json!({"phone": "+1 415 555 2671"})).await.expect(201).id());
        app.clock.advance(chrono::Duration::minutes(1));
    }
    find(&app).await;
    assert_eq!(reviews(&app, "open").await.len(), 6);
    let between = async |one: &str, other: &str| {
        let open = reviews(&app, "open").await;
        let of = |review: &Value| {
            in_order(one, other).map(|id| json!(id))
                == [review["referrals"][0]["id"].clone(), review["referrals"][1]["id"].clone()]
        };
        open.into_iter().find(of).expect("an open review")
    };
    let (zero_one, same) = (between(&ids[0], &ids[1]).await, json!({"resolution": "same"}));
    resolve(&app, &zero_one, same.clone()).await.expect(200);
    assert_eq!(waits(&app, &ids[2]).await, json!(["duplicate_review", "resolve_duplicate"]));
    // 1 is 0 by now: what is said of 1 and 2 is said of 0 and 2.
    resolve(&app, &between(&ids[1], &ids[2]).await, json!({"resolution": "different"})).await.expect(200);
    assert_eq!((reviews(&app, "different").await.len(), reviews(&app, "open").await.len()), (2, 3));
    // 2 waits for the review with 3 still, and so does 3 for all of them.
    assert_eq!(waits(&app, &ids[3]).await, json!(["duplicate_review", "resolve_duplicate"]));
    let kept = json!({"resolution": "same", "keep": ids[1]});
    let merged = resolve(&app, &between(&ids[1], &ids[3]).await, kept).await.expect(200);
    assert_eq!(
        merged.body["kept_referral_id"],
        json!(ids[0]),
        "the record that was merged before is kept in the one that stands for it"
    );
    assert_eq!((merged_into(&app, &ids[3]), reviews(&app, "open").await.len()), (ids[0].clone(), 1));
    // And the parted ones stay parted, whichever record of theirs comes up.
    app.coordinator().patch(&format!("/v1/referrals/{}", ids[3]), "*", &json!({"external_ref": "CRM-1"})).await.expect(200);
    app.coordinator().patch(&format!("/v1/referrals/{}", ids[2]), "*", &json!({"external_ref": "CRM-1"})).await.expect(200);
    find(&app).await;
    assert_eq!(app.db.count("SELECT count(*) FROM duplicate_reviews"), 6);
}

#[actix_web::test]
async fn a_partner_may_still_act_on_its_referral_that_was_merged_and_learns_nothing() {
    let app = App::start().await;
    let (first, second, review) = twice(&app).await;
    resolve(&app, &review, json!({"resolution": "same"})).await.expect(200);
    let (path, partner) = (format!("/v1/referrals/{}", second.id()), app.sibling_partner());
    // As on any that the site does not wait for.
    let refused = partner.post_on(&format!("{path}/complete"), "*", &json!({})).await.expect_problem(409, "state_conflict");
    let open = make::sent(&partner).await.id();
    let other =
        partner.post_on(&format!("/v1/referrals/{open}/complete"), "*", &json!({})).await.expect_problem(409, "state_conflict");
    assert_eq!(refused.body["detail"], other.body["detail"]);
    let withdraw = partner.request(reqwest::Method::POST, &format!("{path}/withdraw")).header("If-Match", second.etag());
    assert_eq!(crate::support::callers::send(withdraw).await.expect(200).body["status"], "closed");
    assert_eq!((state(&app, &second.id()).await, merged_into(&app, &second.id())), ("closed duplicate".into(), first.id()));
    assert_eq!(state(&app, &first.id()).await, "received", "the other partner's referral goes on");
}
