//! Approval: by four eyes, within the dates, one version at a time.

use serde_json::json;

use super::{approved, draft, events, in_review, on, second_admin, status, step};

#[actix_web::test]
async fn nobody_approves_their_own_words_and_neither_does_whoever_changed_them_last() {
    let app = super::start().await;
    let id = app.admin().post("/v1/language-versions", &draft()).await.expect(201).id();
    step(&app.admin(), &id, "submit", json!({})).await.expect(200);
    step(&app.admin(), &id, "approve", json!({})).await.expect_problem(403, "four_eyes_required");
    step(&app.coordinator(), &id, "approve", json!({})).await.expect_problem(403, "forbidden");
    let alex = second_admin(&app).await;
    // Alex changes a word, and is out of the question too.
    step(&alex, &id, "return", json!({"reason": "wording_unclear"})).await.expect(200);
    alex.patch(&format!("/v1/language-versions/{id}"), "*", &json!({"where_to_go": "Here."})).await.expect(200);
    step(&alex, &id, "submit", json!({})).await.expect(200);
    for who in [&alex, &app.admin()] {
        step(who, &id, "approve", json!({})).await.expect_problem(403, "four_eyes_required");
    }
    assert_eq!(status(&app, &id).await, "in_review");
    let other = in_review(&app, json!({})).await;
    let done = step(&alex, &other, "approve", json!({})).await.expect(200);
    assert_eq!((&done.body["status"], &done.body["in_force_on"]), (&json!("approved"), &json!("2026-06-01")));
    assert_eq!(events(&app).await, [format!("language.approved {other}")]);
}

#[actix_web::test]
async fn an_approval_that_is_over_and_versions_that_overlap_are_refused() {
    let app = super::start().await;
    let expired = in_review(&app, json!({"effective_on": "2026-01-01", "expires_on": "2026-05-31"})).await;
    step(&app.admin(), &expired, "approve", json!({})).await.expect_problem(409, "approval_expired");
    let current = approved(&app, json!({})).await;
    for (effective, code) in [("2026-06-01", 409), ("2026-05-20", 409), ("2026-06-10", 200)] {
        let id = in_review(&app, json!({"effective_on": effective})).await;
        let answer = step(&app.admin(), &id, "approve", json!({})).await;
        assert_eq!(answer.status, code, "{effective}: {}", answer.text);
        if code == 409 {
            answer.expect_problem(409, "language_overlaps");
        }
    }
    // The same day as the scheduled one; another locale is another line.
    let same_day = in_review(&app, json!({"effective_on": "2026-06-10"})).await;
    step(&app.admin(), &same_day, "approve", json!({})).await.expect_problem(409, "language_overlaps");
    approved(&app, json!({"locale": "es", "effective_on": "2026-06-10"})).await;
    assert_eq!(status(&app, &current).await, "approved");
    step(&app.admin(), &current, "submit", json!({})).await.expect_problem(409, "illegal_transition");
}

#[actix_web::test]
async fn approving_a_later_version_supersedes_the_current_one_at_once_or_on_its_day() {
    let app = super::start().await;
    let first = approved(&app, json!({})).await;
    on(&app, "2026-06-05");
    let second = approved(&app, json!({"effective_on": "2026-06-03"})).await;
    let seen = app.admin().get(&format!("/v1/language-versions/{first}")).await.expect(200);
    assert_eq!(
        (&seen.body["status"], &seen.body["superseded_by_id"], &seen.body["superseded_on"]),
        (&json!("superseded"), &json!(second), &json!("2026-06-05"))
    );
    let third = approved(&app, json!({"effective_on": "2026-06-20"})).await;
    assert_eq!(status(&app, &second).await, "approved");
    let read = |moment: &str| {
        let (partner, path) = (app.partner(), format!("/v1/language/current?study=heart-2026&moment={moment}"));
        async move { partner.get(&path).await.expect(200).body["version_id"].as_str().unwrap().to_owned() }
    };
    assert_eq!((read("current").await, read("scheduled").await), (second.clone(), third.clone()));
    // On its day, whether or not the job has run.
    on(&app, "2026-06-20");
    assert_eq!(read("current").await, third);
    let mut told = events(&app).await;
    told.sort();
    let mut expected: Vec<String> = [&first, &second, &third].iter().map(|id| format!("language.approved {id}")).collect();
    expected.push(format!("language.superseded {first}"));
    expected.sort();
    assert_eq!(told, expected, "the job has not run: nothing is told of the second one's end");
}

#[actix_web::test]
async fn what_is_retired_counts_no_more_and_the_one_before_does_not_come_back() {
    let app = super::start().await;
    let first = approved(&app, json!({})).await;
    let second = approved(&app, json!({"effective_on": "2026-06-02"})).await;
    on(&app, "2026-06-03");
    let gone = step(&app.admin(), &second, "retire", json!({"reason": "approval_withdrawn"})).await.expect(200);
    assert_eq!((&gone.body["status"], &gone.body["retirement_reason"]), (&json!("retired"), &json!("approval_withdrawn")));
    assert_eq!(status(&app, &first).await, "superseded");
    app.partner().get("/v1/language/current?study=heart-2026").await.expect_problem(409, "no_approved_language");
    step(&app.admin(), &second, "approve", json!({})).await.expect_problem(409, "illegal_transition");
    step(&app.admin(), &second, "retire", json!({"reason": "expired"})).await.expect_problem(422, "invalid_body");
}
