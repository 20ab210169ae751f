//! The whole state machine over HTTP: what `actions` lists is accepted, and nothing else is.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, together};
use crate::support::{App, make};

/// Every state that a referral can be driven to, with the moves that lead there.
fn states() -> Vec<(&'static str, Vec<Value>)> {
    let to = |state: &str| json!({"to": state});
    let hold = || json!({"to": "on_hold", "blocker": "awaiting_records"});
    let close = |reason: &str| json!({"to": "closed", "reason": reason});
    vec![
        ("received", vec![]),
        ("acknowledged", vec![to("acknowledged")]),
        ("contacting", vec![to("acknowledged"), to("contacting")]),
        ("connected", vec![to("contacting"), to("connected")]),
        ("handed_off", vec![to("connected"), to("handed_off")]),
        ("received held", vec![hold()]),
        ("acknowledged held", vec![to("acknowledged"), hold()]),
        ("contacting held", vec![to("contacting"), hold()]),
        ("connected held", vec![to("connected"), hold()]),
        ("handed_off held", vec![to("connected"), to("handed_off"), hold()]),
        ("closed no_longer_interested", vec![close("no_longer_interested")]),
        ("closed handoff_complete", vec![to("connected"), to("handed_off"), close("handoff_complete")]),
        ("closed duplicate", vec![close("duplicate")]),
        ("closed entered_in_error", vec![close("entered_in_error")]),
        ("reopened", vec![close("wrong_site"), json!({"to": "received", "reason": "closed_by_mistake"})]),
        ("quarantined", vec![]),
    ]
}

/// What PRODUCT.md says may be done, in one line per state: `state: to to(reasons) …`.
const EXPECTED: &str = "\
received: acknowledged contacting connected on_hold! closed(14)
acknowledged: contacting connected on_hold! closed(14)
contacting: connected on_hold! closed(14)
connected: handed_off on_hold! closed(14)
handed_off: connected on_hold! closed(15)
received held: received closed(14)
acknowledged held: acknowledged closed(14)
contacting held: contacting closed(14)
connected held: connected closed(14)
handed_off held: handed_off closed(14)
closed no_longer_interested: received(3)
closed handoff_complete: received(3)
closed duplicate:
closed entered_in_error:
reopened: acknowledged contacting connected on_hold! closed(14)
quarantined: received closed(14)
";

const STATUSES: [&str; 8] =
    ["quarantined", "received", "acknowledged", "contacting", "connected", "handed_off", "on_hold", "closed"];
const REASONS: [&str; 20] = [
    "handoff_complete",
    "unreachable_after_attempts",
    "no_longer_interested",
    "person_requested_no_contact",
    "wrong_study",
    "wrong_site",
    "study_not_accepting",
    "site_capacity",
    "duplicate",
    "incomplete_handoff",
    "channel_not_approved",
    "transferred_site",
    "partner_withdrew",
    "study_team_closed",
    "retention_expired",
    "entered_in_error",
    "test_referral",
    "closed_by_mistake",
    "person_returned",
    "handoff_resumed",
];

fn db_quarantine(app: &App, id: &str) {
    use diesel::connection::SimpleConnection as _;
    let sql = format!("UPDATE referrals SET status = 'quarantined', quarantine_reason = 'guard_tripped' WHERE id = '{id}'");
    app.db.superuser().batch_execute(&sql).unwrap();
}

/// Those who act: as few connections as a real portal and a real front end have.
#[derive(Clone)]
struct Cast {
    app: Rc<App>,
    partner: Person,
    coordinator: Person,
}

impl Cast {
    async fn enter() -> Self {
        let app = App::start().await;
        Self { partner: app.partner(), coordinator: app.coordinator(), app: Rc::new(app) }
    }
}

async fn driven(cast: &Cast, name: &str, moves: &[Value]) -> (String, Answer) {
    let coordinator = &cast.coordinator;
    let id = make::sent(&cast.partner).await.id();
    if name == "quarantined" {
        db_quarantine(&cast.app, &id);
    }
    let path = format!("/v1/referrals/{id}");
    for step in moves {
        coordinator.post_on(&format!("{path}/transitions"), "*", step).await.expect(200);
    }
    let actions = coordinator.get(&format!("{path}/actions")).await.expect(200);
    (path, actions)
}

fn listed(actions: &Answer) -> Vec<(String, Vec<String>, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |action: &Value| {
        let reasons = action["reasons"].as_array().unwrap().iter().map(text).collect();
        (text(&action["to"]), reasons, action["blocker_required"].as_bool().unwrap())
    };
    actions.body["actions"].as_array().unwrap().iter().map(one).collect()
}

#[actix_web::test]
async fn actions_list_what_the_product_says_for_every_state() {
    let cast = Cast::enter().await;
    let mut table = String::new();
    for (name, moves) in states() {
        let (path, actions) = driven(&cast, name, &moves).await;
        assert_eq!(actions.etag(), cast.coordinator.get(&path).await.etag(), "the version that the moves are for");
        let words: Vec<String> = listed(&actions)
            .into_iter()
            .map(|(to, reasons, blocker)| match (reasons.len(), blocker) {
                (0, true) => format!(" {to}!"),
                (0, false) => format!(" {to}"),
                (count, _) => format!(" {to}({count})"),
            })
            .collect();
        table += &format!("{name}:{}\n", words.concat());
    }
    assert_eq!(table, EXPECTED);
}

#[actix_web::test]
async fn every_listed_action_is_accepted_with_every_reason_that_it_lists() {
    let cast = Cast::enter().await;
    let mut driving = Vec::new();
    for (name, moves) in states() {
        let (_, actions) = driven(&cast, name, &moves).await;
        for (to, reasons, blocker_required) in listed(&actions) {
            let mut requests: Vec<Value> = reasons.iter().map(|reason| json!({"to": to, "reason": reason})).collect();
            match (requests.is_empty(), blocker_required) {
                (true, true) => requests.push(json!({"to": to, "blocker": "scheduling_capacity"})),
                (true, false) => requests.push(json!({"to": to})),
                _ => {}
            }
            driving.extend(requests.into_iter().map(|request| (name, moves.clone(), request)));
        }
    }
    let accepted = driving.len();
    // A few at a time: each walks its own referral.
    let mut driving = driving.into_iter();
    loop {
        let some: Vec<_> = driving.by_ref().take(8).collect();
        if some.is_empty() {
            break;
        }
        together(some.into_iter().map(|(name, moves, request)| {
            let cast = cast.clone();
            async move {
                let (path, actions) = driven(&cast, name, &moves).await;
                let moved = cast.coordinator.post_on(&format!("{path}/transitions"), &actions.etag(), &request).await.expect(200);
                assert_eq!(moved.body["status"], request["to"]);
                let reason = if request["to"] == "closed" { "close_reason" } else { "reopen_reason" };
                assert!(request["reason"].is_null() || moved.body[reason] == request["reason"], "{}", moved.text);
                assert_eq!(moved.body["blocker"], request["blocker"]);
                assert_eq!(moved.body["next_action"].is_null(), request["to"] == "closed", "open means somebody's turn");
            }
        }))
        .await;
    }
    println!("state machine: {accepted} listed moves, all accepted");
}

#[actix_web::test]
async fn every_action_that_is_not_listed_is_refused_with_those_that_are_and_changes_nothing() {
    let cast = Cast::enter().await;
    let coordinator = &cast.coordinator;
    let mut refusals = 0;
    for (name, moves) in states() {
        let (path, actions) = driven(&cast, name, &moves).await;
        let transitions = format!("{path}/transitions");
        let allowed = listed(&actions);
        let before = coordinator.get(&path).await.text;
        let targets: Vec<&str> = allowed.iter().map(|(to, ..)| to.as_str()).collect();
        for to in STATUSES.iter().filter(|to| !targets.contains(*to)) {
            let refused =
                coordinator.post_on(&transitions, "*", &json!({"to": to})).await.expect_problem(409, "illegal_transition");
            assert_eq!(refused.body["allowed_actions"], json!(targets), "{name} → {to}");
            refusals += 1;
        }
        for (to, reasons, blocker_required) in &allowed {
            let mut strange: Vec<(Value, &str)> = REASONS
                .iter()
                .filter(|reason| !reasons.iter().any(|listed| listed == *reason))
                .map(|reason| {
                    let blocker = blocker_required.then_some("route_broken");
                    (json!({"to": to, "reason": reason, "blocker": blocker}), "/reason inconsistent")
                })
                .collect();
            if *blocker_required {
                strange.push((json!({"to": to}), "/blocker missing_field"));
            } else {
                let reason = reasons.first();
                strange.push((json!({"to": to, "reason": reason, "blocker": "route_broken"}), "/blocker inconsistent"));
            }
            if !reasons.is_empty() {
                strange.push((json!({"to": to}), "/reason missing_field"));
            }
            for (request, fault) in strange {
                let refused = coordinator.post_on(&transitions, "*", &request).await.expect_problem(422, "invalid_body");
                assert_eq!(refused.faults(), [fault], "{name}: {request}");
                refusals += 1;
            }
        }
        assert_eq!(coordinator.get(&path).await.text, before, "{name}");
    }
    println!("state machine: {refusals} moves that are not listed, all refused");
}
