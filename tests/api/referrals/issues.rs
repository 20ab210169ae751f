//! What went wrong with a handoff: marked and taken back by the site, at any time, and never seen by a partner.

use handoff::domain::vocabulary::{HandoffIssue, Scope};
use handoff::ops::issue_key::Holder;
use reqwest::Method;
use serde_json::{Value, json};

use super::journal::{audit, events};
use crate::support::callers::{Answer, Person, send, together};
use crate::support::{App, make};

async fn mark(person: &Person, path: &str, etag: &str, code: &str) -> Answer {
    person.post_on(&format!("{path}/issues"), etag, &json!({"code": code})).await
}

async fn unmark(person: &Person, path: &str, etag: &str, code: &str) -> Answer {
    send(person.request(Method::DELETE, &format!("{path}/issues/{code}")).header("If-Match", etag)).await
}

#[actix_web::test]
async fn an_issue_is_marked_once_and_taken_back_and_the_audit_trail_tells_both() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    let (path, coordinator, key) = (format!("/v1/referrals/{id}"), app.coordinator(), app.site_key());
    let told = events(&app, &id);
    let marked = mark(&coordinator, &path, "\"1\"", "materials_unclear").await.expect(200);
    assert_eq!((&marked.body["handoff_issues"], marked.etag().as_str()), (&json!(["materials_unclear"]), "\"2\""));
    // In the order of the vocabulary, whoever marked what first.
    let both = mark(&key, &path, "\"2\"", "wrong_study").await.expect(200);
    assert_eq!(both.body["handoff_issues"], json!(["wrong_study", "materials_unclear"]));
    // Marked already: the same answer, and nothing written.
    let again = mark(&coordinator, &path, "\"3\"", "wrong_study").await.expect(200);
    assert_eq!((again.text, again.headers.get("etag")), (both.text.clone(), both.headers.get("etag")));
    let seen = coordinator.get(&path).await.expect(200);
    assert_eq!((&seen.text, seen.etag().as_str()), (&both.text, "\"3\""));
    // Another reader's version is stale, for either.
    mark(&coordinator, &path, "\"2\"", "wrong_study").await.expect_problem(412, "stale_version");
    unmark(&coordinator, &path, "\"2\"", "wrong_study").await.expect_problem(412, "stale_version");

    let left = unmark(&coordinator, &path, "\"3\"", "wrong_study").await.expect(200);
    assert_eq!((&left.body["handoff_issues"], left.etag().as_str()), (&json!(["materials_unclear"]), "\"4\""));
    for strange in ["wrong_study", "zqx7", "ineligible", ""] {
        unmark(&coordinator, &path, "*", strange).await.expect_problem(404, "not_found");
    }
    let entries = audit(&app, &id);
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| json!([entry["operation"], entry["actor_kind"], entry["before"], entry["after"], entry["reason"]]))
        .collect();
    assert_eq!(
        entries[1..],
        [
            json!(["mark_referral_issue", "staff", {"handoff_issues": []}, {"handoff_issues": ["materials_unclear"]}, null]),
            json!(["mark_referral_issue", "site_key", {"handoff_issues": ["materials_unclear"]},
                {"handoff_issues": ["wrong_study", "materials_unclear"]}, null]),
            json!(["unmark_referral_issue", "staff", {"handoff_issues": ["wrong_study", "materials_unclear"]},
                {"handoff_issues": ["materials_unclear"]}, null]),
        ]
    );
    // The site's own systems hear that it changed, and not of what: reports and mirrors follow the feed.
    let heard = events(&app, &id);
    assert_eq!(heard[..told.len()], told[..]);
    assert_eq!(heard.len(), told.len() + 3, "one for each mark that was made or taken back");
    assert!(!format!("{heard:?}").contains("materials_unclear"));
}

#[actix_web::test]
async fn every_issue_may_be_marked_in_every_state_and_stays_through_moves() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    let (path, coordinator) = (format!("/v1/referrals/{id}"), app.coordinator());
    let before = coordinator.get(&path).await.expect(200).body;
    for issue in HandoffIssue::ALL {
        mark(&coordinator, &path, "*", issue.as_str()).await.expect(200);
    }
    let all: Vec<&str> = HandoffIssue::ALL.iter().map(|issue| issue.as_str()).collect();
    let after = coordinator.get(&path).await.expect(200).body;
    for (field, value) in before.as_object().unwrap() {
        let expected = if field == "handoff_issues" { json!(all) } else { value.clone() };
        assert_eq!(after[field], expected, "{field}: a mark changes nothing else");
    }
    let transitions = format!("{path}/transitions");
    coordinator.post_on(&transitions, "*", &json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    // It comes out late: the referral is closed.
    unmark(&coordinator, &path, "*", "wrong_study").await.expect(200);
    let closed = coordinator.get(&path).await.expect(200).body;
    assert_eq!((&closed["status"], &closed["close_reason"]), (&json!("closed"), &json!("wrong_study")));
    assert_eq!(
        closed["handoff_issues"],
        json!(all[..1].iter().chain(&all[2..]).collect::<Vec<_>>()),
        "what a reason says is no mark"
    );
    mark(&coordinator, &path, "*", "wrong_study").await.expect(200);
    let open =
        coordinator.post_on(&transitions, "*", &json!({"to": "received", "reason": "closed_by_mistake"})).await.expect(200);
    assert_eq!(open.body["handoff_issues"], json!(all));
}

#[actix_web::test]
async fn a_partner_sees_nothing_of_it() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    let (path, coordinator, partner) = (format!("/v1/referrals/{id}"), app.coordinator(), app.partner());
    let mut states = 0;
    for step in [
        json!(null),
        json!({"to": "on_hold", "blocker": "awaiting_partner_completion"}),
        json!({"to": "closed", "reason": "wrong_study"}),
    ] {
        if !step.is_null() {
            coordinator.post_on(&format!("{path}/transitions"), "*", &step).await.expect(200);
        }
        app.sequence().await;
        let seen = async || {
            let (one, list) = (partner.get(&path).await.expect(200), partner.get("/v1/referrals").await.expect(200));
            (one.etag(), one.text, list.text)
        };
        let before = seen().await;
        for issue in HandoffIssue::ALL {
            mark(&coordinator, &path, "*", issue.as_str()).await.expect(200);
        }
        app.sequence().await;
        assert_eq!(seen().await, before, "marked");
        // What the partner read before is still good to act on.
        if step["to"] == "on_hold" {
            partner.post_on(&format!("{path}/complete"), &before.0, &json!({})).await.expect(200);
        }
        app.sequence().await;
        let now = seen().await;
        for issue in HandoffIssue::ALL {
            unmark(&coordinator, &path, "*", issue.as_str()).await.expect(200);
        }
        app.sequence().await;
        assert_eq!(seen().await, now, "taken back");
        states += 1;
    }
    assert_eq!(states, 3);
    // The control: what a partner may see does change what it reads.
    let before = partner.get(&path).await.expect(200);
    coordinator
        .post_on(&format!("{path}/transitions"), "*", &json!({"to": "received", "reason": "person_returned"}))
        .await
        .expect(200);
    assert_ne!(partner.get(&path).await.expect(200).etag(), before.etag());

    for stranger in [&partner, &app.sibling_partner(), &app.viewer()] {
        mark(stranger, &path, "*", "wrong_study").await.expect_problem(403, "forbidden");
        unmark(stranger, &path, "*", "wrong_study").await.expect_problem(403, "forbidden");
    }
    let reader = app.person(&make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::ReferralsRead]), false));
    mark(&reader, &path, "*", "wrong_study").await.expect_problem(403, "insufficient_scope");
    let foreign = app.member(&app.other_site, app.other_site.admin);
    mark(&foreign, &path, "*", "wrong_study").await.expect_problem(404, "not_found");
    unmark(&foreign, &path, "*", "wrong_study").await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn strange_marks_change_nothing_and_are_not_echoed() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    let (path, coordinator) = (format!("/v1/referrals/{id}"), app.coordinator());
    let issues = format!("{path}/issues");
    for (body, code, fault) in [
        (json!({"code": "zqx7"}), "invalid_body", "/code unknown_value"),
        (json!({"code": "ineligible"}), "invalid_body", "/code unknown_value"),
        (json!({"code": null}), "invalid_body", "/code null_not_allowed"),
        (json!({"code": ["wrong_study"]}), "invalid_body", "/code wrong_type"),
        (json!({}), "invalid_body", "/code missing_field"),
        (json!({"code": "wrong_study", "zqx7": 1}), "unknown_field", "#1 unknown_field"),
        (json!({"code": "wrong_study", "diagnosis": "zqx7"}), "sensitive_field", "#1 sensitive_field"),
    ] {
        let answer = coordinator.post_on(&issues, "*", &body).await.expect_problem(422, code);
        assert_eq!(answer.faults(), [fault], "{body}");
        assert!(!answer.text.contains("zqx7") && !answer.text.contains("ineligible"), "{}", answer.text);
    }
    send(coordinator.request(Method::POST, &issues).json(&json!({"code": "wrong_study"})))
        .await
        .expect_problem(428, "if_match_required");
    let without = coordinator.request(Method::DELETE, &format!("{issues}/wrong_study"));
    send(without).await.expect_problem(428, "if_match_required");
    let seen = coordinator.get(&path).await.expect(200);
    assert_eq!((seen.etag().as_str(), &seen.body["handoff_issues"]), ("\"1\"", &json!([])));
}

#[actix_web::test]
async fn a_retry_under_one_key_and_two_at_once_mark_once() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    let path = format!("/v1/referrals/{id}");
    let keyed = |code: &'static str, key: &'static str, etag: &'static str| {
        let request = app.coordinator().request(Method::POST, &format!("{path}/issues"));
        send(request.header("If-Match", etag).header("Idempotency-Key", key).json(&json!({"code": code})))
    };
    let first = keyed("stale_language", "issue-key-1", "\"1\"").await.expect(200);
    let retry = keyed("stale_language", "issue-key-1", "\"1\"").await.expect(200);
    assert_eq!((&retry.text, retry.header("idempotency-replayed")), (&first.text, Some("true")));
    keyed("wrong_study", "issue-key-1", "\"2\"").await.expect_problem(422, "idempotency_key_reused");

    // Of two on one version, one is stale; whatever anybody marked is there.
    let racing = ["expectation_payment", "expectation_timing", "expectation_treatment", "expectation_eligibility"].map(|code| {
        let (person, path) = (app.coordinator(), path.clone());
        async move { mark(&person, &path, "\"2\"", code).await.status }
    });
    let mut statuses = together(racing).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412]);
    let racing = ["expectation_payment", "expectation_timing", "expectation_treatment", "expectation_eligibility"].map(|code| {
        let (person, path) = (app.coordinator(), path.clone());
        async move { mark(&person, &path, "*", code).await.status }
    });
    assert_eq!(together(racing).await, [200; 4]);
    let seen = app.coordinator().get(&path).await.expect(200).body;
    assert_eq!(seen["handoff_issues"].as_array().unwrap().len(), 5, "none was lost");
}
