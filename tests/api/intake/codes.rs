//! Arrivals with a handoff code: the person and their referral are joined, however the code was typed.

use serde_json::json;

use super::{arrive, code, correct, credit, desk};
use crate::contact_withdrawals::{go, seen, state, withdraw};
use crate::duplicates;
use crate::support::{App, make};

fn alerts_of(app: &App, id: &str) -> i64 {
    app.db.count(&format!("SELECT count(*) FROM alerts WHERE referral_id = '{id}'"))
}

#[actix_web::test]
async fn a_code_joins_the_person_with_the_open_referral_however_it_is_typed() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let given = code(&sent);
    let grouped = given.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect::<Vec<_>>().join("-");
    let mistaken = given.to_lowercase().replace('0', "o").replace('1', "l");
    for spoken in [given.clone(), grouped, mistaken, given.replace('1', "I").replace('0', "O")] {
        let joined = arrive(&desk(&app), json!({"handoff_code": spoken, "external_ref": "CRM-1"})).await.expect(200);
        assert_eq!(json!([joined.body["attached"], joined.body["referral"]["id"]]), json!([true, sent.id()]), "{spoken}");
        assert_eq!(joined.body["referral"]["external_ref"], "CRM-1");
        assert_eq!(
            json!([joined.body["referral"]["status"], joined.body["referral"]["contact_path"]]),
            json!(["received", "person_uses_intake"])
        );
        assert_eq!(joined.etag(), "\"2\"", "one change, whoever says it again");
    }
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 1);
    assert_eq!(alerts_of(&app, &sent.id()), 1);
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries WHERE operation = 'create_intake'"), 4);
    // Its partner sees no difference.
    assert_eq!(app.partner().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200).body, sent.body);
}

#[actix_web::test]
async fn a_referral_that_carries_another_record_of_the_site_is_left_alone_and_named() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let with = |record: &str| json!({"handoff_code": code(&sent), "external_ref": record});
    arrive(&desk(&app), with("CRM-1")).await.expect(200);
    let refused = arrive(&desk(&app), with("CRM-2")).await.expect_problem(409, "external_ref_differs");
    assert_eq!(refused.body["referral_id"], json!(sent.id()));
    assert_eq!(seen(&app, &sent.id()).await["external_ref"], "CRM-1");
}

#[actix_web::test]
async fn a_code_of_nobody_is_taken_in_without_credit_and_is_not_kept() {
    let app = App::start().await;
    for (number, nobodys) in ["7Q2MZK4R9D", "4155552671", "ana smith"].iter().enumerate() {
        let body = json!({"study": make::STUDY, "handoff_code": nobodys, "external_ref": format!("CRM-{number}")});
        let taken = arrive(&desk(&app), body).await.expect(201);
        assert_eq!(credit(&taken.body["referral"]), json!([null, "unverified", null]), "{nobodys}");
        assert!(!app.db.dump().contains(nobodys), "{nobodys} was kept");
    }
    // A tag beside it counts.
    let body = json!({"handoff_code": "7Q2MZK4R9D", "source_tag": "voices.heart", "external_ref": "CRM-8"});
    assert_eq!(arrive(&desk(&app), body).await.expect(201).body["referral"]["partner"], "voices");
}

#[actix_web::test]
async fn live_arrivals_meet_no_test_referral_and_a_test_key_takes_in_nobody() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let twin = make::db_test_twin(&app.db, &sent.id());
    let sql = format!("SELECT handoff_code AS text FROM referrals WHERE id = '{twin}'");
    let of_test = crate::tenancy::texts(&mut app.db.superuser(), &sql).concat();
    let body = json!({"study": make::STUDY, "handoff_code": of_test, "external_ref": "CRM-1"});
    let taken = arrive(&desk(&app), body.clone()).await.expect(201);
    assert_eq!(json!([taken.body["attached"], taken.body["referral"]["partner"]]), json!([false, null]));
    let holder = handoff::ops::issue_key::Holder::Site(vec![handoff::domain::vocabulary::Scope::IntakeWrite]);
    let test_desk = app.person(&make::db_key(&app.db, &app.site, &holder, true));
    arrive(&test_desk, body).await.expect_problem(403, "no_open_test_run");
}

#[actix_web::test]
async fn what_waited_for_the_person_goes_on_when_the_person_arrives() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    go(&app, &sent.id(), json!({"to": "contacting"})).await.expect(200);
    go(&app, &sent.id(), json!({"to": "on_hold", "blocker": "awaiting_person_reply"})).await.expect(200);
    let joined = arrive(&desk(&app), json!({"handoff_code": code(&sent), "external_ref": "CRM-1"})).await.expect(200);
    let referral = &joined.body["referral"];
    assert_eq!(
        json!([referral["status"], referral["blocker"], referral["next_action"]]),
        json!(["contacting", null, "attempt_contact"])
    );
    let other = make::sent(&app.partner()).await;
    go(&app, &other.id(), json!({"to": "on_hold", "blocker": "scheduling_capacity"})).await.expect(200);
    let joined = arrive(&desk(&app), json!({"handoff_code": code(&other), "external_ref": "CRM-2"})).await.expect(200);
    assert_eq!(joined.body["referral"]["blocker"], "scheduling_capacity", "what waits for something else waits on");
}

#[actix_web::test]
async fn a_person_who_comes_back_reopens_what_had_ended_and_what_ended_for_good_begins_anew() {
    let app = App::start().await;
    for (number, (reason, back)) in [
        ("unreachable_after_attempts", "reopened"),
        ("no_longer_interested", "reopened"),
        ("entered_in_error", "anew"),
        ("person_requested_no_contact", "held"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = make::sent(&app.partner()).await;
        go(&app, &sent.id(), json!({"to": "closed", "reason": reason})).await.expect(200);
        let body = json!({"handoff_code": code(&sent), "external_ref": format!("CRM-{number}")});
        let answer = arrive(&desk(&app), body).await;
        let referral = &answer.body["referral"];
        if back == "reopened" {
            assert_eq!(
                json!([answer.status, referral["id"], referral["status"], referral["reopen_reason"]]),
                json!([200, sent.id(), "received", "person_returned"])
            );
            assert_eq!(alerts_of(&app, &sent.id()), 1);
            continue;
        }
        assert_eq!((answer.status, seen(&app, &sent.id()).await["status"].as_str()), (201, Some("closed")), "{reason}");
        assert_eq!(credit(referral), json!(["lakeside", "verified", "lakeside.heart"]), "from the same source");
        assert_eq!(referral["status"], if back == "held" { "quarantined" } else { "received" }, "{reason}");
    }
    // Another record of the site's is another record, and the person is not dropped for it.
    let sent = make::sent(&app.partner()).await;
    let with = |record: &str| json!({"handoff_code": code(&sent), "external_ref": record});
    arrive(&desk(&app), with("OLD-1")).await.expect(200);
    go(&app, &sent.id(), json!({"to": "closed", "reason": "no_longer_interested"})).await.expect(200);
    assert_eq!(arrive(&desk(&app), with("NEW-1")).await.expect(201).body["referral"]["partner"], "lakeside");
}

#[actix_web::test]
async fn the_code_of_a_merged_referral_leads_to_the_one_that_goes_on() {
    let app = App::start().await;
    let (one, two) = (make::sent(&app.partner()).await, make::sent(&app.sibling_partner()).await);
    duplicates::pair(&app, &one.id(), &two.id()).await.expect(201);
    let review = duplicates::review(&app).await;
    duplicates::resolve(&app, &review, json!({"resolution": "same", "keep": two.id()})).await.expect(200);
    let joined = arrive(&desk(&app), json!({"handoff_code": code(&one), "external_ref": "CRM-1"})).await.expect(200);
    assert_eq!(joined.body["referral"]["id"], json!(two.id()));
}

#[actix_web::test]
async fn whoever_withdrew_permission_is_held_at_every_door() {
    let app = App::start().await;
    let details = json!({"email": "ana@mail.example"});
    withdraw(&app.coordinator(), details.clone()).await.expect(201);
    let sent = make::sent(&app.partner()).await;
    let bodies = [
        json!({"handoff_code": code(&sent), "external_ref": "CRM-1", "match": details}),
        json!({"source_tag": "voices.heart", "external_ref": "CRM-2", "match": details}),
        json!({"study": make::STUDY, "source_tag": "voices.hart", "external_ref": "CRM-3", "match": details}),
    ];
    for (body, status) in bodies.into_iter().zip([200, 201, 201]) {
        let taken = arrive(&desk(&app), body).await.expect(status);
        let id = taken.body["referral"]["id"].as_str().unwrap().to_owned();
        assert_eq!(state(&app, &id).await, "quarantined contact_withdrawn");
    }
}

#[actix_web::test]
async fn details_that_arrive_with_the_person_find_duplicates_also_where_nobody_referred() {
    let app = App::start().await;
    let details = json!({"phone": "+1 415 555 2671"});
    let sent = crate::contact_withdrawals::refer(&app.partner(), details.clone()).await.expect(201);
    let body = json!({"study": make::STUDY, "external_ref": "CRM-1", "match": details});
    let taken = arrive(&desk(&app), body).await.expect(201);
    let id = taken.body["referral"]["id"].as_str().unwrap().to_owned();
    assert_eq!(duplicates::find(&app).await, 2);
    let review = duplicates::review(&app).await;
    assert!(review.to_string().contains(&sent.id()) && review.to_string().contains(&id));
    let waits = duplicates::waits(&app, &id).await;
    let other = duplicates::waits(&app, &sent.id()).await;
    assert!([waits, other].contains(&json!(["duplicate_review", "resolve_duplicate"])));
    // Merged, it keeps what it says of its source: nobody; and a correction afterwards is still possible.
    duplicates::resolve(&app, &review, json!({"resolution": "same", "keep": sent.id()})).await.expect(200);
    assert_eq!(credit(&seen(&app, &id).await), json!([null, "unverified", null]));
    assert_eq!(correct(&app, &id, Some("voices")).await.expect(200).body["partner"], "voices");
}
