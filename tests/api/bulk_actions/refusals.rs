//! A fault of the request itself refuses all of it, and nothing is touched; a retry is not a second action.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, all, go, kept, reassign, results, sent, stand, transition};
use crate::support::callers::{fresh_key, send};
use crate::support::{App, make};

#[actix_web::test]
async fn a_fault_of_the_request_refuses_all_of_it() {
    let app = App::start().await;
    let (coordinator, admin, robin) = (app.coordinator(), app.admin(), app.site.admin);
    let ids = sent(&app, 3).await;
    let lee = json!({"display_name": "lee", "email": "lee@riverside.example", "role": "coordinator"});
    let lee = admin.post("/v1/members", &lee).await.expect(201).id();
    admin.post_on(&format!("/v1/members/{lee}/deactivate"), "*", &json!({})).await.expect(200);
    let rows = all(&ids);
    let twice = [json!({"id": ids[0]}), json!({"id": ids[1]}), json!({"id": ids[0], "version": 1}), json!({"id": ids[1]})];
    let too_many: Vec<Value> = (0..201_u128).map(|n| json!({"id": uuid::Uuid::from_u128(n + 1)})).collect();
    let both = json!({
        "reassign": {"owner_id": robin, "reason": "absence"}, "transition": {"to": "contacting"}, "referrals": rows.clone(),
    });
    let no_contact = json!({"to": "closed", "reason": "person_requested_no_contact"});
    let cases: Vec<(Value, &[&str])> = vec![
        (both, &[" inconsistent"]),
        (json!({"referrals": rows.clone()}), &[" inconsistent"]),
        (reassign(robin, &[]), &["/referrals"]),
        (reassign(robin, &too_many), &["/referrals"]),
        (reassign(robin, &twice), &["/referrals/2/id duplicate_item", "/referrals/3/id duplicate_item"]),
        (reassign(&lee, &rows), &["/reassign/owner_id unknown_reference"]),
        (reassign(app.site.viewer, &rows), &["/reassign/owner_id unknown_reference"]),
        (reassign(app.other_site.admin, &rows), &["/reassign/owner_id unknown_reference"]),
        (reassign(uuid::Uuid::from_u128(7), &rows), &["/reassign/owner_id unknown_reference"]),
        (reassign(&lee, &twice[..3]), &["/reassign/owner_id unknown_reference", "/referrals/2/id duplicate_item"]),
        (json!({"reassign": {"owner_id": robin}, "referrals": rows.clone()}), &["/reassign/reason missing_field"]),
        (reassign(robin, &[json!({"id": ids[0], "version": 0})]), &["/referrals/0/version"]),
        (reassign(robin, &[json!({"id": ids[0], "etag": "1"})]), &["/referrals/0"]),
        (transition(no_contact, &rows), &["/transition/reason inconsistent"]),
        (transition(json!({"to": "closed"}), &rows), &["/transition/reason missing_field"]),
        (transition(json!({"to": "on_hold"}), &rows), &["/transition/blocker missing_field"]),
        (transition(json!({"to": "contacting", "blocker": "awaiting_records"}), &rows), &["/transition/blocker inconsistent"]),
        (transition(json!({"to": "contacting", "reason": "wrong_study"}), &rows), &["/transition/reason inconsistent"]),
        (transition(json!({"to": "closed", "reason": "person_returned"}), &rows), &["/transition/reason inconsistent"]),
        (transition(json!({"to": "closed", "reason": "ineligible"}), &rows), &["/transition/reason unknown_value"]),
    ];
    let before = kept(&app);
    for (body, expected) in cases {
        let refused = coordinator.post(PATH, &body).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.text);
        let faults = refused.faults();
        let matches =
            faults.len() == expected.len() && faults.iter().zip(expected).all(|(fault, start)| fault.starts_with(start));
        assert!(matches, "{body}: {faults:?}");
        assert!(!refused.text.contains(&lee) && !refused.text.contains(&ids[0]), "a value is echoed");
        assert_eq!(kept(&app), before, "{body}");
    }
    let told = coordinator.post(PATH, &transition(json!({"to": "closed", "reason": "person_requested_no_contact"}), &rows)).await;
    assert!(told.body["errors"][0]["message"].as_str().unwrap().contains("`transition_referral`"), "{}", told.text);
    assert_eq!(kept(&app), before);
    // The control: the same rows with nothing wrong.
    let done = coordinator.post(PATH, &reassign(robin, &rows)).await.expect(200);
    assert_eq!(results(&done), ["done v2", "done v2", "done v2"]);
}

#[actix_web::test]
async fn partners_viewers_and_keys_without_the_scope_act_on_nothing() {
    let app = App::start().await;
    let body = reassign(app.site.admin, &all(&sent(&app, 1).await));
    let before = kept(&app);
    app.partner().post(PATH, &body).await.expect_problem(403, "forbidden");
    app.viewer().post(PATH, &body).await.expect_problem(403, "forbidden");
    app.person(&app.site.narrow_key).post(PATH, &body).await.expect_problem(403, "insufficient_scope");
    app.stranger().post(PATH, &body).await.expect_problem(401, "unauthenticated");
    let foreign = app.member(&app.other_site, app.other_site.coordinator);
    foreign.post(PATH, &body).await.expect_problem(422, "invalid_body");
    assert_eq!(kept(&app), before);
}

#[actix_web::test]
async fn a_retry_has_the_first_answer_and_another_body_is_refused() {
    let app = App::start().await;
    let (coordinator, robin, dana) = (app.coordinator(), app.site.admin, app.site.coordinator);
    let ids = sent(&app, 2).await;
    let (key, body) = (fresh_key(), reassign(robin, &all(&ids)));
    let first = coordinator.post_with_key(PATH, &key, &body).await.expect(200);
    // Meanwhile somebody gives one back: the retry does not take it again.
    coordinator.post(PATH, &reassign(dana, &all(&ids[..1]))).await.expect(200);
    let before = kept(&app);
    let again = coordinator.post_with_key(PATH, &key, &body).await.expect(200);
    assert_eq!((again.text, again.headers.get("idempotency-replayed").unwrap().to_str().unwrap()), (first.text, "true"));
    assert_eq!(stand(&app, &ids[0]), format!("received {dana} v3"));
    let other = reassign(robin, &all(&ids[..1]));
    coordinator.post_with_key(PATH, &key, &other).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(kept(&app), before);
    // A refused request is not kept under its key: mended, it may be sent again.
    let key = fresh_key();
    let wrong = reassign(app.site.viewer, &all(&ids));
    coordinator.post_with_key(PATH, &key, &wrong).await.expect_problem(422, "invalid_body");
    coordinator.post_with_key(PATH, &key, &body).await.expect(200);
    // Without a key it is an action each time; the same one again changes nothing.
    let before = kept(&app);
    let bare = send(coordinator.request(Method::POST, PATH).json(&body)).await.expect(200);
    assert_eq!(results(&bare), ["done v4", "done v2"]);
    assert_eq!(kept(&app), before, "who has the owner already is done, and nothing is recorded");
}

#[actix_web::test]
async fn when_one_row_cannot_be_written_none_is() {
    use diesel::connection::SimpleConnection as _;
    let app = App::start().await;
    let ids = sent(&app, 4).await;
    go(&app.coordinator(), &ids[3], json!({"to": "closed", "reason": "wrong_study"})).await;
    let before = kept(&app);
    let broken = format!(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.subject_id = '{}' THEN RAISE EXCEPTION 'broken by the test'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER broken BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION broken()",
        ids[2]
    );
    app.db.superuser().batch_execute(&broken).unwrap();
    let body = reassign(app.site.admin, &all(&ids));
    let key = fresh_key();
    app.coordinator().post_with_key(PATH, &key, &body).await.expect_problem(500, "internal");
    assert_eq!(kept(&app), before);
    app.db.superuser().batch_execute("DROP TRIGGER broken ON events").unwrap();
    let done = app.coordinator().post_with_key(PATH, &key, &body).await.expect(200);
    assert_eq!(results(&done), ["done v2", "done v2", "done v2", "refused v2 state_conflict"]);
    assert_eq!(make::sent(&app.partner()).await.status, 201);
}
