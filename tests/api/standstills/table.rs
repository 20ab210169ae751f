//! The whole table: every change of a study, partner or route on referrals in every open state and with every blocker. What it does
//! is printed in one place, `snapshots/api__standstills__table__*.snap`: what becomes of whom, what its owner does next and when
//! (hours from now), and which events tell of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};
use handoff::jobs::escalation;
use serde_json::{Value, json};

use super::{BLOCKERS, IN_FLIGHT, Seen, block, go, in_state, look, partner, quarantined, route, study};
use crate::support::App;
use crate::support::callers::Answer;
use crate::tenancy::texts;

/// Referrals in every open state, with and without what they wait for, by a name that says which; one that is closed beside them.
/// All of them are overdue, and their owners were reminded.
async fn population(app: &App) -> BTreeMap<String, String> {
    let coordinator = app.coordinator();
    let mut ids = BTreeMap::new();
    let mut add = |name: String, id: String| assert!(ids.insert(id, name).is_none());
    for status in IN_FLIGHT {
        add(status.to_owned(), in_state(app, &coordinator, status).await);
        // Every blocker in one state, and in the others those that the table knows apart.
        let apart = ["awaiting_partner_completion", "awaiting_records", "study_paused"];
        for blocker in BLOCKERS.iter().filter(|blocker| status == "contacting" || apart.contains(blocker)) {
            let id = in_state(app, &coordinator, status).await;
            block(&coordinator, &id, blocker).await;
            add(format!("{status} ({blocker})"), id);
            let id = in_state(app, &coordinator, status).await;
            go(&coordinator, &id, json!({"to": "on_hold", "blocker": blocker})).await.expect(200);
            add(format!("on_hold from {status} ({blocker})"), id);
        }
    }
    add("quarantined".to_owned(), quarantined(app).await);
    for blocker in apart_in_quarantine() {
        let id = quarantined(app).await;
        block(&coordinator, &id, blocker).await;
        add(format!("quarantined ({blocker})"), id);
    }
    let closed = in_state(app, &coordinator, "received").await;
    go(&coordinator, &closed, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    add("closed".to_owned(), closed);
    app.clock.advance(Duration::days(10));
    while escalation::pass(&app.state).await.unwrap() > 0 {}
    ids
}

const fn apart_in_quarantine() -> [&'static str; 2] {
    ["awaiting_partner_completion", "study_paused"]
}

/// What a referral waits for, with what a pause covers of it.
fn wait(view: &Value) -> String {
    let word = |field: &str| view[field].as_str().map(str::to_owned);
    let blocker = match (word("blocker"), word("held_blocker")) {
        (Some(blocker), Some(under)) => format!(" ({blocker} over {under})"),
        (Some(blocker), None) => format!(" ({blocker})"),
        (None, under) => under.map(|under| format!(" (over {under})")).unwrap_or_default(),
    };
    let from = word("held_status").map(|status| format!(" from {status}")).unwrap_or_default();
    format!("{}{from}{blocker}", view["status"].as_str().unwrap())
}

/// A time as it lies from now.
fn from_now(text: &str, now: DateTime<Utc>) -> String {
    text.parse::<DateTime<Utc>>().map_or(text.to_owned(), |at| format!("{:+}h", (at - now).num_hours()))
}

/// One line of what happened to one referral; `None`: nothing at all.
fn line(before: &Seen, after: &Seen, told: &[String], entries: usize, now: DateTime<Utc>) -> Option<String> {
    if (&before.site, &before.escalates_at) == (&after.site, &after.escalates_at) {
        assert!(before.partner == after.partner || after.partner.is_null(), "nothing changed, and the partner sees that");
        assert!(told.is_empty() && entries == 0, "recorded, and nothing changed: {told:?}");
        return None;
    }
    assert_eq!(entries, 1, "one entry for one change");
    assert!(!told.is_empty(), "what changed is visible in events: {}", after.site);
    let planned =
        |seen: &Seen| [&seen.site["next_action"], &seen.site["next_action_due_at"], &seen.site["escalation"]].map(Value::clone);
    let plan = if planned(before) == planned(after) {
        assert_eq!(before.escalates_at, after.escalates_at);
        "as planned".to_owned()
    } else {
        let [action, due, escalation] = planned(after);
        assert_eq!(escalation, Value::Null, "whoever has something else to do is reminded of that first");
        let (due, escalates) = (from_now(due.as_str().unwrap(), now), from_now(&after.escalates_at, now));
        format!("{} {due}, escalates {escalates}", action.as_str().unwrap())
    };
    let mut line = format!("{} · {plan} · {}", wait(&after.site), told.join(" "));
    if before.partner != after.partner && !after.partner.is_null() {
        let status = |seen: &Seen| seen.partner["status"].as_str().unwrap().to_owned();
        write!(line, " · partner: {} → {}", status(before), status(after)).unwrap();
    }
    Some(line)
}

/// Makes a change and prints what it does to everybody; the referrals by their names.
async fn change(
    app: &App,
    names: &BTreeMap<String, String>,
    title: &str,
    operation: &str,
    act: impl AsyncFnOnce() -> Answer,
) -> String {
    app.clock.advance(Duration::minutes(1));
    app.sequence().await;
    let reader = app.person(&app.site.narrow_key);
    let bookmark = reader.get("/v1/events?start=latest").await.expect(200).body["next_cursor"].as_str().unwrap().to_owned();
    let before = look(app).await;
    act().await.expect(200);
    let (now, after) = (app.clock.now(), look(app).await);

    app.sequence().await;
    let feed = reader.get(&format!("/v1/events?limit=200&cursor={bookmark}")).await.expect(200).body;
    let events = feed["data"].as_array().unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event["position"].as_i64().unwrap()).collect();
    assert!(positions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "one transaction has its places in a row: {positions:?}");
    let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for event in events.iter().filter(|event| !event["referral_id"].is_null()) {
        let id = event["referral_id"].as_str().unwrap();
        assert_eq!(i64::from(before[id].version(app, id)), event["version"].as_i64().unwrap());
        told.entry(id).or_default().push(event["type"].as_str().unwrap().trim_start_matches("referral.").to_owned());
    }
    // Exactly this operation wrote exactly one entry of each that changed, in the trail's own words.
    let sql = format!(
        "SELECT subject_id::text AS text FROM audit_entries
          WHERE subject_kind = 'referral' AND operation = '{operation}' AND recorded_at = '{}' AND actor_kind = 'staff'",
        now.to_rfc3339()
    );
    let entries = texts(&mut app.db.superuser(), &sql);
    let in_all = app.db.count(&format!("SELECT count(*) FROM audit_entries WHERE recorded_at = '{}'", now.to_rfc3339()));
    assert_eq!(usize::try_from(in_all).unwrap(), entries.len() + 1, "and one of what changed itself");

    let none = Vec::new();
    let mut lines: BTreeMap<String, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for (id, name) in names {
        let told = told.get(id.as_str()).unwrap_or(&none);
        let entries = entries.iter().filter(|entry| *entry == id).count();
        let line = line(&before[id], &after[id], told, entries, now).unwrap_or_else(|| "nothing".to_owned());
        lines.entry(general(&line, name)).or_default().entry(general(name, name)).or_default().push(name);
    }
    let own = events.iter().filter(|event| event["referral_id"].is_null()).map(|event| event["type"].as_str().unwrap());
    let mut text = format!("# {title}: {}\n", own.collect::<Vec<_>>().join(" "));
    for (line, shapes) in lines {
        writeln!(text, "{line}").unwrap();
        if shapes.values().map(Vec::len).sum::<usize>() == before.len() {
            writeln!(text, "    every referral").unwrap();
            continue;
        }
        for (shape, mut names) in shapes {
            names.sort_unstable();
            writeln!(text, "    {shape}: {}", names.join(", ")).unwrap();
        }
    }
    text + "\n"
}

/// Words about a referral with `S` for the status in which it was made and `B` for its own blocker, so that what is alike for all
/// is said once.
fn general(text: &str, name: &str) -> String {
    let status = IN_FLIGHT.iter().find(|status| name.contains(*status));
    let blocker = BLOCKERS.iter().find(|blocker| name.contains(&format!("({blocker})")) && **blocker != "study_paused");
    let text = status.map_or(text.to_owned(), |status| text.replace(status, "S"));
    blocker.map_or(text.clone(), |blocker| text.replace(blocker, "B"))
}

impl Seen {
    /// The version that a change makes of it.
    fn version(&self, app: &App, id: &str) -> i32 {
        i32::try_from(app.db.count(&format!("SELECT version::int8 AS count FROM referrals WHERE id = '{id}'"))).unwrap()
    }
}

#[actix_web::test]
async fn a_route_and_a_pausing_partner_stop_nobody_and_a_pause_of_the_study_holds_and_gives_back() {
    let app = App::start().await;
    let names = population(&app).await;
    let mut text = String::new();
    for step in ["pause", "resume", "retire"] {
        text += &change(&app, &names, &format!("route {step}"), &format!("{step}_route"), async || route(&app, step).await).await;
    }
    for to in ["paused", "active"] {
        let title = format!("partner {to}");
        text += &change(&app, &names, &title, "transition_partner", async || partner(&app, to).await).await;
    }
    for to in ["paused", "open"] {
        text += &change(&app, &names, &format!("study {to}"), "transition_study", async || study(&app, to).await).await;
    }
    insta::assert_snapshot!("route_partner_pause", text);
}

#[actix_web::test]
async fn a_study_that_closes_from_open_asks_owners_to_end_and_its_partner_may_end_after_it() {
    let app = App::start().await;
    let names = population(&app).await;
    let mut text = change(&app, &names, "study closed", "transition_study", async || study(&app, "closed").await).await;
    text += &change(&app, &names, "partner ended after", "transition_partner", async || partner(&app, "ended").await).await;
    insta::assert_snapshot!("closed_from_open", text);
}

#[actix_web::test]
async fn a_study_that_closes_while_paused_gives_everybody_back_to_be_ended() {
    let app = App::start().await;
    let names = population(&app).await;
    study(&app, "paused").await.expect(200);
    let text = change(&app, &names, "study closed", "transition_study", async || study(&app, "closed").await).await;
    insta::assert_snapshot!("closed_from_paused", text);
}

#[actix_web::test]
async fn nobody_waits_for_a_partner_that_ended() {
    let app = App::start().await;
    let names = population(&app).await;
    let text = change(&app, &names, "partner ended", "transition_partner", async || partner(&app, "ended").await).await;
    insta::assert_snapshot!("partner_ended", text);
}

#[actix_web::test]
async fn who_waited_for_a_partner_that_ended_waits_for_the_paused_study_alone() {
    let app = App::start().await;
    let names = population(&app).await;
    study(&app, "paused").await.expect(200);
    let mut text = change(&app, &names, "partner ended", "transition_partner", async || partner(&app, "ended").await).await;
    text += &change(&app, &names, "study open", "transition_study", async || study(&app, "open").await).await;
    insta::assert_snapshot!("partner_ended_while_paused", text);
}
