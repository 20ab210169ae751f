//! What was recorded late for a study, partner or route that had stopped: it starts as any other does, and waits with it.

use serde_json::{Value, json};

use super::{go, partner, route, slipped, study};
use crate::support::{App, make};

fn late() -> Value {
    make::referral_with(json!({"partner": "lakeside", "late_reason": "phone_handoff_logged_late"}))
}

#[actix_web::test]
async fn who_is_recorded_late_in_a_paused_study_waits_for_it_and_for_nothing_else() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    study(&app, "paused").await.expect(200);
    let made = coordinator.post("/v1/referrals", &late()).await.expect(201);
    let path = format!("/v1/referrals/{}", made.id());
    let expected = [&json!("received"), &json!("study_paused"), &json!("await_study_team")];
    assert_eq!([&made.body["status"], &made.body["blocker"], &made.body["next_action"]], expected);
    // No move brings it into flight, and no other blocker takes the pause away.
    for to in ["acknowledged", "contacting", "connected"] {
        go(&coordinator, &made.id(), json!({"to": to})).await.expect_problem(409, "study_not_open");
    }
    for blocker in [Value::Null, json!("awaiting_records")] {
        coordinator.patch(&path, "*", &json!({"blocker": blocker})).await.expect_problem(409, "study_not_open");
    }
    let listed = coordinator.get(&format!("{path}/actions")).await.expect(200);
    let listed: Vec<&Value> = listed.body["actions"].as_array().unwrap().iter().map(|action| &action["to"]).collect();
    assert_eq!(listed, [&json!("on_hold"), &json!("closed")]);
    assert_eq!(slipped(&app), 0);
    // Put on hold for something else it may go back, and is held for the pause then.
    go(&coordinator, &made.id(), json!({"to": "on_hold", "blocker": "awaiting_records"})).await.expect(200);
    let back = go(&coordinator, &made.id(), json!({"to": "received"})).await.expect(200).body;
    assert_eq!(
        [&back["status"], &back["held_status"], &back["blocker"]],
        [&json!("on_hold"), &json!("received"), &json!("study_paused")]
    );
    study(&app, "open").await.expect(200);
    let open = coordinator.get(&path).await.body;
    assert_eq!(
        [&open["status"], &open["blocker"], &open["next_action"]],
        [&json!("received"), &Value::Null, &json!("acknowledge")]
    );
}

#[actix_web::test]
async fn who_is_recorded_late_after_an_end_has_an_owner_who_ends_it_or_goes_on() {
    let app = App::start().await;
    let coordinator = app.coordinator();
    // A partner or a route that ended stops nobody who was handed over before.
    route(&app, "retire").await.expect(200);
    partner(&app, "ended").await.expect(200);
    let made = coordinator.post("/v1/referrals", &late()).await.expect(201).body;
    assert_eq!(
        [&made["status"], &made["blocker"], &made["next_action"]],
        [&json!("received"), &Value::Null, &json!("acknowledge")]
    );
    study(&app, "closed").await.expect(200);
    let made = coordinator.post("/v1/referrals", &late()).await.expect(201).body;
    assert_eq!(
        [&made["status"], &made["blocker"], &made["next_action"]],
        [&json!("received"), &Value::Null, &json!("confirm_close")]
    );
    // Whatever it is moved to, there is nothing left but to end.
    let id = made["id"].as_str().unwrap();
    for step in ["contacting", "connected", "handed_off"] {
        let moved = go(&coordinator, id, json!({"to": step})).await.expect(200).body;
        assert_eq!(moved["next_action"], "confirm_close", "{step}");
    }
    go(&coordinator, id, json!({"to": "closed", "reason": "study_team_closed"})).await.expect(200);
    let again = go(&coordinator, id, json!({"to": "received", "reason": "closed_by_mistake"})).await.expect(200).body;
    assert_eq!([&again["status"], &again["next_action"]], [&json!("received"), &json!("confirm_close")]);
}
