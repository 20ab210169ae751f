//! What a partner may and must not, and what of its pay the site has to look at; nothing anywhere pays or enrols.

use serde_json::{Value, json};

use crate::support::make;

#[actix_web::test]
async fn a_partner_reads_its_boundaries_with_its_route_and_what_never_may_be_stays_in_them() {
    let app = super::start().await;
    let path = format!("/v1/routes/{}", app.site.partner.route);
    let site = app.admin().get(&path).await.expect(200);
    let partner = app.partner().get(&path).await.expect(200);
    assert_eq!(site.body["boundaries"], partner.body["boundaries"]);
    assert_eq!(site.body["boundaries"]["may"].as_array().unwrap().len(), 3);
    let never = ["imply_eligibility", "enrol_or_consent", "answer_consent_questions", "collect_health_information"];
    let changed = app.admin().patch(&path, &site.etag(), &json!({"boundaries": {"may_not": never}})).await.expect(200);
    assert_eq!(changed.body["boundaries"]["may_not"], json!(never));
    assert_eq!(changed.body["boundaries"]["may"], site.body["boundaries"]["may"], "a list that is not sent stays");
    for left_out in 0..never.len() {
        let mut words = vec!["discuss_results"];
        words.extend(never.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, word)| *word));
        let refused = app.admin().patch(&path, "*", &json!({"boundaries": {"may_not": words}})).await;
        assert_eq!(refused.expect_problem(422, "invalid_body").faults(), ["/boundaries/may_not inconsistent"]);
    }
    for (boundaries, fault) in [
        (json!({"may": []}), "/boundaries/may too_few_items"),
        (json!({"may": ["enrol"]}), "/boundaries/may/0 unknown_value"),
        (json!({"may": ["hand_over", "hand_over"]}), "/boundaries/may inconsistent"),
    ] {
        let refused = app.admin().patch(&path, "*", &json!({"boundaries": boundaries})).await;
        assert_eq!(refused.expect_problem(422, "invalid_body").faults(), [fault]);
    }
    let mut route = make::route(&app.site, "voices");
    route["boundaries"] = json!({"may": ["mention_study"]});
    app.admin().post("/v1/routes", &route).await.expect_problem(409, "already_exists");
}

#[actix_web::test]
async fn pay_that_counts_people_is_flagged_to_the_site_and_never_to_the_partner() {
    let app = super::start().await;
    for (basis, flags) in [
        ("none", json!([])),
        ("flat", json!([])),
        ("hourly", json!([])),
        ("per_referral", json!(["remuneration_per_referral"])),
        ("per_enrolment", json!(["remuneration_per_enrolment"])),
    ] {
        let path = format!("/v1/partners/{}", app.site.partner.id);
        app.admin().patch(&path, "*", &json!({"remuneration_basis": basis})).await.expect(200);
        for who in [app.admin(), app.coordinator(), app.site_key()] {
            let seen = who.get(&path).await.expect(200);
            assert_eq!((&seen.body["view"], &seen.body["flags"]), (&json!("site"), &flags), "{basis}");
        }
        for answer in [app.partner().get(&path).await.expect(200), app.partner().get("/v1/partners").await.expect(200)] {
            assert!(!answer.text.contains("flags") && !answer.text.contains("remuneration_per"), "{}", answer.text);
        }
    }
}

/// Words of payouts and of enrolment. What names how a partner is paid, what it must not promise and whom a flag is about is no such
/// record.
const NAMED: [&str; 7] = [
    "per_enrolment",
    "remuneration_per_enrolment",
    "enrol_or_consent",
    "promise_payment",
    "expectation_payment",
    "payment_emphasised",
    "enrolment_statement",
];

fn offences(words: &[String]) -> Vec<&String> {
    let pays = ["payout", "payment", "invoice", "bounty", "enrol", "enroll", "randomis", "randomiz", "screen_fail"];
    words.iter().filter(|word| !NAMED.contains(&word.as_str()) && pays.iter().any(|stem| word.contains(stem))).collect()
}

/// Every name that the document gives: properties, words of vocabularies, operations, paths, parameters.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "properties" | "paths" => {
                        found.extend(member.as_object().into_iter().flatten().map(|(name, _)| name.clone()))
                    }
                    "enum" => {
                        found.extend(member.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)))
                    }
                    "operationId" | "name" => found.extend(member.as_str().map(str::to_owned)),
                    "examples" | "example" | "description" => continue,
                    _ => {}
                }
                names(member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn no_word_of_the_document_pays_somebody_out_or_tells_of_an_enrolment() {
    let document: Value = serde_json::from_str(&handoff::openapi::document().unwrap()).unwrap();
    let mut words = Vec::new();
    names(&document, &mut words);
    assert!(words.len() > 500, "{} names", words.len());
    assert_eq!(offences(&words), Vec::<&String>::new());
    // The control: each kind of word is seen.
    for planted in ["referral.enrolled", "payout_amount", "create_invoice", "screen_failure"] {
        assert_eq!(offences(&[planted.to_owned()]).len(), 1, "{planted}");
    }
}
