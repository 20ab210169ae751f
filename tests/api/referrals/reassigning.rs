//! Giving one referral, and many, to another owner: what is refused of either, and with which code.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::journal::{audit, events};
use crate::support::callers::{Answer, Person};
use crate::support::{App, make};

async fn bulk(who: &Person, owner: impl serde::Serialize, referrals: Value) -> Answer {
    who.post("/v1/bulk-actions", &json!({"reassign": {"owner_id": owner, "reason": "absence"}, "referrals": referrals})).await
}

/// What became of each: outcome, version and code.
fn results(answer: &Answer) -> Vec<String> {
    let results = answer.body["results"].as_array().unwrap();
    let of =
        |row: &Value| format!("{} {} {}", row["outcome"].as_str().unwrap(), row["version"], row["code"].as_str().unwrap_or("-"));
    results.iter().map(of).collect()
}

#[actix_web::test]
async fn many_go_to_an_active_admin_or_coordinator_of_the_site_and_to_nobody_else() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let ids = [make::sent(&app.partner()).await.id(), make::sent(&app.sibling_partner()).await.id()];
    let referrals = json!([{"id": ids[0]}, {"id": ids[1], "version": 1}]);
    let body = json!({"display_name": "gone", "email": "gone@riverside.example", "role": "admin"});
    let gone = app.admin().post("/v1/members", &body).await.expect(201).id();
    app.admin().post_on(&format!("/v1/members/{gone}/deactivate"), "*", &json!({})).await.expect(200);
    let dump = app.db.dump().len();
    let mut answers = Vec::new();
    for nobody in
        [app.site.viewer.to_string(), app.other_site.coordinator.to_string(), uuid::Uuid::from_u128(7).to_string(), gone]
    {
        let mut refused = bulk(&coordinator, nobody, referrals.clone()).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/reassign/owner_id unknown_reference"]);
        refused.body["request_id"].take();
        answers.push(refused.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "whoever it is, nothing is told of them");
    for (owner, fault) in [(json!(null), "null_not_allowed"), (json!("dana"), "bad_format"), (json!(7), "wrong_type")] {
        assert_eq!(
            bulk(&coordinator, owner, referrals.clone()).await.expect(422).faults(),
            [format!("/reassign/owner_id {fault}")]
        );
    }
    for reason in [json!(null), json!("because"), json!("wrong_study")] {
        let body = json!({"reassign": {"owner_id": app.site.admin, "reason": reason}, "referrals": referrals});
        assert_eq!(coordinator.post("/v1/bulk-actions", &body).await.expect(422).faults().len(), 1);
    }
    assert_eq!(app.db.dump().len(), dump, "what is refused changes nothing");
    let done = bulk(&coordinator, app.site.admin, referrals).await.expect(200);
    assert_eq!(results(&done), ["done 2 -", "done 2 -"]);
    for id in &ids {
        assert_eq!(events(&app, id).last().unwrap(), &("referral.reassigned".to_owned(), 2));
        let entry = audit(&app, id).pop().unwrap();
        assert_eq!((&entry["operation"], &entry["reason"]), (&json!("create_bulk_action"), &json!("absence")));
        let (was, is) = (json!({"owner_id": app.site.coordinator}), json!({"owner_id": app.site.admin}));
        assert_eq!((&entry["before"], &entry["after"]), (&was, &is), "ids alone");
    }
}

#[actix_web::test]
async fn each_of_many_decides_for_itself_as_it_would_alone() {
    let app = App::start().await;
    let (coordinator, robin) = (app.coordinator(), app.site.admin);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(make::sent(&app.partner()).await.id());
    }
    let close = json!({"to": "closed", "reason": "site_capacity"});
    coordinator.post_on(&format!("/v1/referrals/{}/transitions", ids[1]), "*", &close).await.expect(200);
    coordinator.patch(&format!("/v1/referrals/{}", ids[2]), "*", &json!({"blocker": "awaiting_records"})).await.expect(200);
    let given = json!({"owner_id": robin, "reason": "workload"});
    coordinator.patch(&format!("/v1/referrals/{}", ids[3]), "*", &given).await.expect(200);
    let (foreign, test) = (make::sent(&app.person(&app.other_site.partner.key)).await.id(), make::db_test_twin(&app.db, &ids[0]));
    let rows = [ids.clone(), vec![foreign.clone(), test.clone(), uuid::Uuid::from_u128(7).to_string()]].concat();
    let rows: Vec<Value> = rows.iter().map(|id| json!({"id": id, "version": 1})).collect();
    let done = bulk(&coordinator, robin, json!(rows)).await.expect(200);
    let expected = [
        "done 2 -",
        // Read before it was closed: stale comes first, as alone.
        "refused 2 stale_version",
        "refused 2 stale_version",
        "refused 2 stale_version",
        "done 2 -",
        "refused null not_found",
        "refused null not_found",
        "refused null not_found",
    ];
    assert_eq!(results(&done), expected);
    assert_eq!((&done.body["done"], &done.body["refused"]), (&json!(2), &json!(6)));
    let unread: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let done = bulk(&coordinator, robin, json!(unread)).await.expect(200);
    // What is there already is done and changes nothing.
    assert_eq!(results(&done), ["done 2 -", "refused 2 state_conflict", "done 3 -", "done 2 -", "done 2 -"]);
    let twice = bulk(&coordinator, robin, json!([{"id": ids[0]}, {"id": ids[2]}, {"id": ids[0], "version": 2}])).await;
    assert_eq!(twice.expect_problem(422, "invalid_body").faults(), ["/referrals/2/id duplicate_item"]);
    let alone = coordinator.patch(&format!("/v1/referrals/{}", ids[1]), "*", &given).await;
    alone.expect_problem(409, "state_conflict");
    let blocked = coordinator.patch(&format!("/v1/referrals/{}", ids[1]), "*", &json!({"blocker": "awaiting_records"})).await;
    blocked.expect_problem(409, "state_conflict");
    for id in [foreign, test] {
        let owned = format!("SELECT count(*) FROM referrals WHERE id = '{id}' AND owner_id = '{robin}'");
        assert_eq!(app.db.count(&owned), 0);
    }
}

#[actix_web::test]
async fn whoever_is_being_deactivated_is_waited_for_and_many_are_not_given_to_it() {
    let app = App::start().await;
    let body = json!({"display_name": "kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &body).await.expect(201).id();
    let id = make::sent(&app.partner()).await.id();
    let mut leaving = app.db.superuser();
    leaving.batch_execute(&format!("BEGIN; UPDATE members SET active = false WHERE id = '{kim}'")).unwrap();
    let rows = json!([{"id": id}]);
    bulk(&app.coordinator(), &kim, rows.clone()).await.expect_problem(503, "overloaded");
    let (caller, owner, wanted) = (app.coordinator(), kim.clone(), rows.clone());
    let waiting = actix_web::rt::spawn(async move { bulk(&caller, owner, wanted).await });
    actix_web::rt::time::sleep(std::time::Duration::from_millis(60)).await;
    leaving.batch_execute("COMMIT").unwrap();
    let refused = waiting.await.unwrap().expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/reassign/owner_id unknown_reference"]);
    assert_eq!(app.coordinator().get(&format!("/v1/referrals/{id}")).await.etag(), "\"1\"");
}

#[actix_web::test]
async fn only_who_works_on_referrals_gives_them_away() {
    let app = App::start().await;
    let rows = json!([{"id": make::sent(&app.partner()).await.id()}]);
    for (caller, code) in
        [(app.partner(), "forbidden"), (app.viewer(), "forbidden"), (app.person(&app.site.narrow_key), "insufficient_scope")]
    {
        bulk(&caller, app.site.admin, rows.clone()).await.expect_problem(403, code);
    }
    let foreign = app.member(&app.other_site, app.other_site.coordinator);
    let done = bulk(&foreign, app.other_site.admin, rows.clone()).await.expect(200);
    assert_eq!(results(&done), ["refused null not_found"]);
    assert_eq!(results(&bulk(&app.site_key(), app.site.admin, rows).await.expect(200)), ["done 2 -"]);
}
