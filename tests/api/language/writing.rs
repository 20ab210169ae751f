//! Drafts: what is kept, what is refused and with which code, and who may not see them.

use serde_json::{Value, json};

use super::{approved, draft, draft_with, in_review, step};

#[actix_web::test]
async fn a_draft_is_kept_in_its_seven_parts_and_changed_part_by_part() {
    let app = super::start().await;
    let made = app.coordinator().post("/v1/language-versions", &draft()).await.expect(201);
    for (name, value) in draft().as_object().unwrap() {
        assert_eq!(&made.body[name], value, "{name}");
    }
    assert_eq!((&made.body["status"], &made.body["grace_days"]), (&json!("draft"), &json!(14)));
    assert_eq!(made.body["author_id"], json!(app.site.coordinator));
    let path = format!("/v1/language-versions/{}", made.id());
    let patch = json!({"where_to_go": "Call the site.", "approval_reference": null, "grace_days": 0});
    let changed = app.admin().patch(&path, &made.etag(), &patch).await.expect(200);
    assert_eq!(changed.body["where_to_go"], "Call the site.");
    assert_eq!((&changed.body["approval_reference"], &changed.body["grace_days"]), (&Value::Null, &json!(0)));
    assert_eq!(changed.body["public_name"], made.body["public_name"]);
    assert_eq!(changed.body["last_editor_id"], json!(app.site.admin));
    app.admin().patch(&path, &made.etag(), &patch).await.expect_problem(412, "stale_version");
    // The trail says that the words changed, and never what they are.
    app.sequence().await;
    let told = app.admin().get("/v1/audit?operation=update_language_version").await.expect(200);
    assert!(told.text.contains("where_to_go") && !told.text.contains("Call the site"), "{}", told.text);
}

#[actix_web::test]
async fn a_draft_outside_the_contract_is_refused_with_every_fault_and_nothing_is_kept() {
    let app = super::start().await;
    for (changes, faults) in [
        (json!({"locale": "xx"}), vec!["/locale unknown_value"]),
        (json!({"locale": "en-XQ"}), vec!["/locale unknown_value"]),
        (json!({"locale": "english"}), vec!["/locale too_long"]),
        (json!({"effective_on": "2027-06-01"}), vec!["/expires_on inconsistent"]),
        (json!({"expires_on": "2036-06-01"}), vec!["/expires_on out_of_range"]),
        (json!({"effective_on": "2026-02-30"}), vec!["/effective_on bad_format"]),
        (json!({"study": "nothing-here"}), vec!["/study unknown_reference"]),
        (json!({"grace_days": 91}), vec!["/grace_days out_of_range"]),
        (json!({"where_to_go": "One\nTwo"}), vec!["/where_to_go forbidden_character"]),
        (json!({"what_not_to_promise": "x".repeat(1001)}), vec!["/what_not_to_promise too_long"]),
        (json!({"who_may_contact": "a\u{200b}b"}), vec!["/who_may_contact forbidden_character"]),
        (json!({"locale": "xx", "study": "nothing-here"}), vec!["/locale unknown_value", "/study unknown_reference"]),
    ] {
        let refused = app.coordinator().post("/v1/language-versions", &draft_with(changes.clone())).await;
        assert_eq!(refused.expect_problem(422, "invalid_body").faults(), faults, "{changes}");
    }
    assert_eq!(app.db.count("SELECT count(*) FROM language_versions"), 0);
    // The control: without a fault it is kept.
    app.coordinator().post("/v1/language-versions", &draft()).await.expect(201);
}

#[actix_web::test]
async fn only_a_draft_is_changed_and_only_a_whole_one_goes_before_a_reviewer() {
    let app = super::start().await;
    let bare = draft_with(json!({"approval_reference": null, "effective_on": null, "expires_on": null}));
    let id = app.coordinator().post("/v1/language-versions", &bare).await.expect(201).id();
    let refused = step(&app.coordinator(), &id, "submit", json!({})).await.expect_problem(409, "language_incomplete");
    assert_eq!(
        refused.faults(),
        ["/approval_reference missing_field", "/effective_on missing_field", "/expires_on missing_field"]
    );
    let path = format!("/v1/language-versions/{id}");
    let rest = json!({"approval_reference": "IRB-1", "effective_on": "2026-06-01", "expires_on": "2026-12-31"});
    app.coordinator().patch(&path, "*", &rest).await.expect(200);
    step(&app.coordinator(), &id, "submit", json!({})).await.expect(200);
    let patch = json!({"where_to_go": "Elsewhere."});
    app.coordinator().patch(&path, "*", &patch).await.expect_problem(409, "version_not_draft");
    let returned = step(&app.admin(), &id, "return", json!({"reason": "promises_too_much"})).await.expect(200);
    assert_eq!((&returned.body["status"], &returned.body["return_reason"]), (&json!("draft"), &json!("promises_too_much")));
    app.coordinator().patch(&path, "*", &patch).await.expect(200);
    let kept = approved(&app, json!({"locale": "es"})).await;
    app.admin().patch(&format!("/v1/language-versions/{kept}"), "*", &patch).await.expect_problem(409, "version_not_draft");
}

#[actix_web::test]
async fn two_versions_of_a_study_are_compared_part_by_part() {
    let app = super::start().await;
    let one = in_review(&app, json!({})).await;
    let two = in_review(&app, json!({"where_to_go": "Call the site."})).await;
    let diff = app.site_key().get(&format!("/v1/language-versions/{two}/diff?against={one}")).await.expect(200);
    let parts = diff.body["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 7);
    for part in parts {
        let changed = part["part"] == "where_to_go";
        assert_eq!(part["changed"], json!(changed), "{part}");
        assert_eq!(part["before"] != part["after"], changed);
    }
    let study = json!({"code": "sleep-2026", "public_name": "Sleep", "short_description": "Rest.", "protocol_code": "S-1"});
    app.admin().post("/v1/studies", &study).await.expect(201);
    let other = in_review(&app, json!({"study": "sleep-2026"})).await;
    let refused = app.admin().get(&format!("/v1/language-versions/{two}/diff?against={other}")).await;
    assert_eq!(refused.expect_problem(400, "invalid_parameter").faults(), ["against inconsistent"]);
    let unknown = uuid::Uuid::from_u128(7);
    app.admin().get(&format!("/v1/language-versions/{two}/diff?against={unknown}")).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn no_partner_ever_sees_a_draft() {
    let app = super::start().await;
    let marked = |word: &str| json!({"where_to_go": format!("zq-{word}-canary"), "expires_on": "2027-05-31"});
    let mut ids = vec![app.coordinator().post("/v1/language-versions", &draft_with(marked("draft"))).await.expect(201).id()];
    ids.push(in_review(&app, marked("review")).await);
    let abandoned = in_review(&app, marked("abandoned")).await;
    step(&app.admin(), &abandoned, "retire", json!({"reason": "entered_in_error"})).await.expect(200);
    ids.push(abandoned);
    let partner = app.partner();
    let mut said = String::new();
    for id in &ids {
        said += &partner.get(&format!("/v1/language-versions/{id}")).await.expect(403).text;
        let refused = super::acknowledge(&partner, id).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/version_id unknown_reference"]);
        said += &refused.text;
    }
    said += &partner.get("/v1/language-versions").await.expect(403).text;
    for moment in ["current", "scheduled"] {
        let path = format!("/v1/language/current?study=heart-2026&moment={moment}");
        said += &partner.get(&path).await.expect_problem(409, "no_approved_language").text;
    }
    assert!(!said.contains("canary"), "{said}");
    // The control: once it is approved, it is read.
    step(&app.admin(), &ids[1], "approve", json!({})).await.expect(200);
    let seen = partner.get("/v1/language/current?study=heart-2026").await.expect(200);
    assert_eq!(seen.body["where_to_go"], "zq-review-canary");
}
