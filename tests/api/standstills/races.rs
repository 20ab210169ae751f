//! A pause beside whatever brings a referral into flight: either comes first, and nothing slips past.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::{block, go, in_state, quarantined, slipped, study};
use crate::support::app::Setup;
use crate::support::callers::Answer;
use crate::support::{App, make};
use crate::tenancy::texts;

/// What may bring a referral into flight.
const ACTS: [&str; 8] = ["complete", "complete held", "reopen", "release", "return", "unblock", "many", "late"];

/// A referral that stands just before the act.
async fn before(app: &App, act: &str) -> String {
    let coordinator = app.coordinator();
    if act == "release" {
        return quarantined(app).await;
    }
    let id = in_state(app, &coordinator, "contacting").await;
    match act {
        "complete" => block(&coordinator, &id, "awaiting_partner_completion").await,
        "unblock" => block(&coordinator, &id, "awaiting_records").await,
        "complete held" => drop(hold(app, &id, "awaiting_partner_completion").await),
        "return" | "many" => drop(hold(app, &id, "awaiting_records").await),
        "reopen" => drop(go(&coordinator, &id, json!({"to": "closed", "reason": "site_capacity"})).await.expect(200)),
        _ => {}
    }
    id
}

async fn hold(app: &App, id: &str, blocker: &str) -> Answer {
    go(&app.coordinator(), id, json!({"to": "on_hold", "blocker": blocker})).await.expect(200)
}

async fn take(app: &App, act: &str, id: &str) -> Answer {
    let (coordinator, path) = (app.coordinator(), format!("/v1/referrals/{id}"));
    for _ in 0..40 {
        let answer = match act {
            "complete" | "complete held" => app.partner().post_on(&format!("{path}/complete"), "*", &json!({})).await,
            "reopen" => go(&coordinator, id, json!({"to": "received", "reason": "closed_by_mistake"})).await,
            "release" => go(&coordinator, id, json!({"to": "received"})).await,
            "return" => go(&coordinator, id, json!({"to": "contacting"})).await,
            "unblock" => coordinator.patch(&path, "*", &json!({"blocker": null})).await,
            "many" => {
                let body = json!({"transition": {"to": "contacting"}, "referrals": [{"id": id}]});
                coordinator.post("/v1/bulk-actions", &body).await
            }
            _ => {
                let late = json!({"partner": "lakeside", "late_reason": "system_outage"});
                coordinator.post("/v1/referrals", &make::referral_with(late)).await
            }
        };
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("busy forty times: {act}")
}

async fn pause(app: &App) -> Answer {
    for _ in 0..40 {
        let answer = study(app, "paused").await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("busy forty times")
}

/// Makes every write of a table slow, with its locks held.
fn db_slow(app: &App, table: &str) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.12); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION slow()"
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

#[actix_web::test]
async fn whatever_comes_into_flight_beside_a_pause_is_held_in_both_orders() {
    let app = std::rc::Rc::new(App::start_with(Setup { connections: 8, ..Setup::default() }).await);
    let mut seen = BTreeMap::new();
    for act in ACTS {
        for first in ["the act", "the pause"] {
            let id = before(&app, act).await;
            // Whoever is first writes slowly, and the other one comes while it does.
            let table = if first == "the act" { "referrals" } else { "studies" };
            db_slow(&app, table);
            let (one, other, of) = (app.clone(), app.clone(), id.clone());
            let late = Duration::from_millis(40);
            let (of_act, of_pause) = if first == "the act" { (Duration::ZERO, late) } else { (late, Duration::ZERO) };
            let acting = actix_web::rt::spawn(async move {
                tokio::time::sleep(of_act).await;
                take(&one, act, &of).await
            });
            let pausing = actix_web::rt::spawn(async move {
                tokio::time::sleep(of_pause).await;
                pause(&other).await
            });
            let (acted, paused) = (acting.await.unwrap(), pausing.await.unwrap());
            app.db.superuser().batch_execute(&format!("DROP TRIGGER slow ON {table}")).unwrap();
            paused.expect(200);
            // What the pause holds cannot be left without a blocker; everything else goes under it.
            let refused = (act, first) == ("unblock", "the pause");
            assert_eq!(matches!(acted.status, 200 | 201), !refused, "{act}, first {first}: {}", acted.text);
            assert_eq!(slipped(&app), 0, "{act} slipped past the pause, first {first}");
            let id = if act == "late" { acted.id() } else { id };
            let stand = texts(
                &mut app.db.superuser(),
                &format!(
                    "SELECT concat_ws(' ', status, blocker, held_status, held_blocker) AS text FROM referrals WHERE id = '{id}'"
                ),
            );
            seen.insert((act, first), stand[0].clone());
            study(&app, "open").await.expect(200);
            let open = app.coordinator().get(&format!("/v1/referrals/{id}")).await.body;
            let status = if ["reopen", "release", "late"].contains(&act) { "received" } else { "contacting" };
            let blocker = if refused { json!("awaiting_records") } else { Value::Null };
            assert_eq!((&open["status"], &open["blocker"]), (&json!(status), &blocker), "{act}, first {first}: {seen:?}");
        }
    }
    for (case, stand) in &seen {
        println!("{case:?}: {stand}");
    }
    let waiting = "on_hold study_paused";
    assert!(
        seen.iter().all(|((act, first), stand)| match (*act, *first) {
            ("late", "the pause") => stand == "received study_paused",
            ("unblock", "the pause") => stand == "on_hold study_paused contacting awaiting_records",
            _ => stand.starts_with(waiting),
        }),
        "{seen:?}"
    );
}

/// The control: an act that asks whether the study is open, and does not hold it until it has written, slips past a pause between
/// the two.
#[actix_web::test]
async fn an_act_that_does_not_hold_the_study_slips_past() {
    let app = App::start().await;
    let id = before(&app, "return").await;
    let mut act = app.db.superuser();
    let asked = format!("SELECT s.status AS text FROM studies s JOIN referrals r ON r.study_id = s.id WHERE r.id = '{id}'");
    assert_eq!(texts(&mut act, &asked), ["open"]);
    pause(&app).await.expect(200);
    act.batch_execute(&format!(
        "UPDATE referrals SET status = 'contacting', held_status = NULL, blocker = NULL, blocked_since = NULL, version = version + 1 WHERE id = '{id}'"
    ))
    .unwrap();
    assert_eq!(slipped(&app), 1);
}

/// Many at once, at any moment: pauses and openings beside everything that moves.
#[actix_web::test]
async fn pauses_beside_everything_that_moves_leave_nobody_working_and_everybody_where_it_was_going() {
    let app = std::rc::Rc::new(App::start_with(Setup { connections: 12, ..Setup::default() }).await);
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    for round in 0..10 {
        let mut ids = Vec::new();
        for act in ACTS {
            ids.push((act, before(&app, act).await));
        }
        let spawn = |(act, id): (&'static str, String)| {
            let app = app.clone();
            actix_web::rt::spawn(async move { take(&app, act, &id).await.status })
        };
        let later = ids.split_off(round % (ACTS.len() + 1));
        let mut acting: Vec<_> = ids.into_iter().map(spawn).collect();
        let other = app.clone();
        let pausing = actix_web::rt::spawn(async move { pause(&other).await });
        acting.extend(later.into_iter().map(spawn));
        pausing.await.unwrap().expect(200);
        for act in acting {
            *seen.entry(act.await.unwrap()).or_default() += 1;
        }
        assert_eq!(slipped(&app), 0, "round {round}: {seen:?}");
        study(&app, "open").await.expect(200);
        assert_eq!(app.db.count("SELECT count(*) FROM referrals WHERE blocker = 'study_paused'"), 0);
    }
    println!("pauses beside {} acts: {seen:?}, 0 slipped past", seen.values().sum::<usize>());
    assert!(seen.keys().all(|status| matches!(status, 200 | 201 | 422)), "{seen:?}");
}
