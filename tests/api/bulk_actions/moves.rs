//! Moving many: the state machine, the study's pause and the owner of each, as for one.

use serde_json::{Value, json};

use super::{PATH, all, go, results, sent, stand, transition};
use crate::support::App;
use crate::support::callers::Answer;
use crate::tenancy::texts;

async fn study(app: &App, to: &str) {
    let path = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&path, "*", &json!({"to": to})).await.expect(200);
}

async fn moved(app: &App, to: Value, ids: &[String]) -> Answer {
    app.coordinator().post(PATH, &transition(to, &all(ids))).await.expect(200)
}

#[actix_web::test]
async fn each_moves_from_where_it_stands_or_is_refused_with_where_it_may_go() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let ids = sent(&app, 6).await;
    go(&coordinator, &ids[1], json!({"to": "contacting"})).await;
    go(&coordinator, &ids[2], json!({"to": "connected"})).await;
    go(&coordinator, &ids[3], json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    go(&coordinator, &ids[4], json!({"to": "closed", "reason": "wrong_study"})).await;
    go(&coordinator, &ids[5], json!({"to": "closed", "reason": "duplicate"})).await;
    let answer = moved(&app, json!({"to": "connected"}), &ids).await;
    assert_eq!(
        results(&answer),
        [
            "done v2",
            "done v3",
            "refused v2 illegal_transition [handed_off on_hold closed]",
            "refused v2 illegal_transition [received closed]",
            "refused v2 illegal_transition [received]",
            "refused v2 illegal_transition",
        ]
    );
    // As it would be alone, to the last word.
    for (index, id) in ids.iter().enumerate().skip(2) {
        let alone = coordinator.post_on(&format!("/v1/referrals/{id}/transitions"), "*", &json!({"to": "connected"})).await;
        let alone = alone.expect_problem(409, "illegal_transition").body;
        let one = &answer.body["results"][index];
        assert_eq!((&one["detail"], &one["allowed_actions"]), (&alone["detail"], &alone["allowed_actions"]));
    }
    // And the move is the whole move: milestones, the next action, its due time.
    let (many, alone) = (sent(&app, 1).await, sent(&app, 1).await.remove(0));
    for to in [
        json!({"to": "on_hold", "blocker": "scheduling_capacity"}),
        json!({"to": "received"}),
        json!({"to": "connected"}),
        json!({"to": "closed", "reason": "no_longer_interested"}),
        json!({"to": "received", "reason": "person_returned"}),
    ] {
        app.clock.advance(chrono::Duration::minutes(10));
        moved(&app, to.clone(), &many).await;
        go(&coordinator, &alone, to.clone()).await;
        let rows = texts(
            &mut app.db.superuser(),
            &format!(
                "SELECT (to_jsonb(r) - ARRAY['id', 'handoff_code'])::text AS text FROM referrals r WHERE id IN ('{}', '{alone}')",
                many[0]
            ),
        );
        assert_eq!(rows[0], rows[1], "{to}");
    }
}

#[actix_web::test]
async fn nothing_gets_into_flight_while_its_study_is_paused() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    let ids = sent(&app, 3).await;
    go(&coordinator, &ids[1], json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    go(&coordinator, &ids[2], json!({"to": "closed", "reason": "site_capacity"})).await;
    study(&app, "paused").await;
    // Held by the pause; held for something else; closed.
    let answer = moved(&app, json!({"to": "received"}), &ids).await;
    assert_eq!(results(&answer), ["refused v2 study_not_open", "done v3", "refused v2 invalid_body"]);
    assert!(answer.body["results"][0]["detail"].as_str().unwrap().contains("Open the study"));
    assert!(answer.body["results"][2]["detail"].as_str().unwrap().contains("needs a reason"));
    let answer = moved(&app, json!({"to": "received", "reason": "closed_by_mistake"}), &ids).await;
    assert_eq!(results(&answer), ["refused v2 invalid_body", "refused v3 invalid_body", "done v3"]);
    let held =
        "SELECT count(*) FROM referrals WHERE status = 'on_hold' AND held_status = 'received' AND blocker = 'study_paused'";
    assert_eq!(app.db.count(held), 3);
    study(&app, "open").await;
    for id in &ids {
        assert!(stand(&app, id).starts_with("received "), "{}", stand(&app, id));
    }
    // In a closed study there is nothing left but to end.
    study(&app, "closed").await;
    moved(&app, json!({"to": "contacting"}), &ids).await;
    let ends = "SELECT count(*) FROM referrals WHERE status = 'contacting' AND next_action = 'confirm_close'";
    assert_eq!(app.db.count(ends), 3);
}

#[actix_web::test]
async fn what_opens_again_has_an_owner_who_is_there() {
    let app = App::start().await;
    let (admin, dana, robin) = (app.admin(), app.site.coordinator, app.site.admin);
    let kim = json!({"display_name": "kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = admin.post("/v1/members", &kim).await.expect(201).id();
    let ids = sent(&app, 2).await;
    let path = format!("/v1/referrals/{}", ids[0]);
    admin.patch(&path, "*", &json!({"owner_id": kim, "reason": "workload"})).await.expect(200);
    for id in &ids {
        go(&admin, id, json!({"to": "closed", "reason": "no_longer_interested"})).await;
    }
    admin.post_on(&format!("/v1/members/{kim}/deactivate"), "*", &json!({})).await.expect(200);
    let answer = moved(&app, json!({"to": "received", "reason": "person_returned"}), &ids).await;
    assert_eq!(results(&answer), ["done v4", "done v3"]);
    assert_eq!(stand(&app, &ids[0]), format!("received {dana} v4"), "the route's owner takes what its own has left");
    assert_eq!(stand(&app, &ids[1]), format!("received {dana} v3"));
    let events = format!("SELECT event_type AS text FROM events WHERE subject_id = '{}' AND version = 4 ORDER BY 1", ids[0]);
    assert_eq!(texts(&mut app.db.superuser(), &events), ["referral.reassigned", "referral.reopened", "referral.transitioned"]);
    // Where the route's owner is away its backup is next.
    go(&admin, &ids[1], json!({"to": "closed", "reason": "no_longer_interested"})).await;
    let away = json!({"starts_at": app.clock.now(), "ends_at": app.clock.now() + chrono::Duration::days(3)});
    admin.post(&format!("/v1/members/{dana}/away-windows"), &away).await.expect(201);
    moved(&app, json!({"to": "received", "reason": "person_returned"}), &ids[1..]).await;
    assert_eq!(stand(&app, &ids[1]), format!("received {robin} v5"));
}
