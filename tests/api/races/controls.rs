//! The controls of the race: a history that was spoilt is seen, and so are writers who do not ask for the version.

use std::sync::{Arc, Barrier};

use diesel::connection::SimpleConnection as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::judge::{Attempt, Case, Entry, Outcome, judge};
use crate::support::{App, make};
use crate::tenancy::texts;

fn object(value: Value) -> Option<Map<String, Value>> {
    serde_json::from_value(value).unwrap()
}

fn entry(operation: &str, (kind, subject): (&str, &str), request: &str, [before, after]: [Value; 2]) -> Entry {
    Entry {
        operation: operation.into(),
        subject_kind: kind.into(),
        subject_id: subject.into(),
        reason: None,
        request_id: Some(request.into()),
        before: object(before),
        after: object(after),
    }
}

fn attempt(request: &str, read: i32, outcome: Outcome) -> Attempt {
    Attempt { request: request.into(), referral: "r".into(), read: Some(read), outcome }
}

/// A short history without a fault: received, contacted, given to Kim as Dana leaves, and a patch that came too late.
fn good() -> Case {
    let start = json!({"owner_id": "dana", "status": "received", "next_action": "acknowledge", "next_action_due_at": "T", "is_test": false});
    let end = json!({
        "id": "r", "version": 3, "owner_id": "kim", "status": "contacting", "held_status": null, "blocker": null, "held_blocker": null,
        "close_reason": null, "next_action": "attempt_contact",
    });
    let member = json!({"active": true, "role": "coordinator"});
    Case {
        history: vec![
            entry("add_member", ("member", "dana"), "1", [Value::Null, member.clone()]),
            entry("add_member", ("member", "kim"), "2", [Value::Null, member]),
            entry("create_referral", ("referral", "r"), "3", [Value::Null, start]),
            entry(
                "transition_referral",
                ("referral", "r"),
                "4",
                [
                    json!({"status": "received", "next_action": "acknowledge"}),
                    json!({"status": "contacting", "next_action": "attempt_contact"}),
                ],
            ),
            entry("deactivate_member", ("referral", "r"), "5", [json!({"owner_id": "dana"}), json!({"owner_id": "kim"})]),
            entry("deactivate_member", ("member", "dana"), "5", [json!({"active": true}), json!({"active": false})]),
        ],
        rows: object(end).into_iter().collect(),
        attempts: vec![
            attempt("4", 1, Outcome::Done(Some(2))),
            attempt("6", 2, Outcome::Refused),
            attempt("7", 1, Outcome::Busy),
        ],
    }
}

/// A spoilt history: which of the judge's four counts must be red.
type Spoilt = (&'static str, usize, fn(&mut Case));

const SPOILT: [Spoilt; 17] = [
    ("two writes on one version", 0, |case| case.attempts.push(attempt("8", 1, Outcome::Done(Some(2))))),
    ("an accepted write that is not there", 0, |case| case.attempts.push(attempt("8", 3, Outcome::Done(Some(4))))),
    ("an accepted write that stands elsewhere", 0, |case| case.attempts[0].request = "5".into()),
    ("a version that was passed over", 0, |case| case.attempts[0].outcome = Outcome::Done(Some(3))),
    ("a write based on what was there before", 0, |case| {
        case.history[4].before = object(json!({"owner_id": "kim"}));
    }),
    ("an entry more than versions", 0, |case| case.rows[0]["version"] = json!(2)),
    ("an entry less than versions", 0, |case| drop(case.history.remove(4))),
    ("another end", 0, |case| case.rows[0]["owner_id"] = json!("dana")),
    ("nothing told", 0, |case| case.history.retain(|entry| entry.subject_kind == "member")),
    ("a move that there is not", 1, |case| case.history[3].after = object(json!({"status": "handed_off"}))),
    ("a hold without a blocker", 1, |case| {
        case.history[3].after = object(json!({"status": "on_hold", "held_status": "received"}));
    }),
    ("an end without a reason", 1, |case| case.history[3].after = object(json!({"status": "closed", "next_action": null}))),
    ("a patch that moves", 1, |case| case.history[3].operation = "update_referral".into()),
    ("nothing next", 1, |case| case.history[3].after = object(json!({"status": "contacting", "next_action": null}))),
    ("an owner who is gone", 2, |case| {
        let leave = case.history.remove(5);
        case.history.insert(3, leave);
    }),
    ("an owner whom nobody knows", 2, |case| case.history[4].after = object(json!({"owner_id": "lee"}))),
    ("refused and written", 3, |case| case.attempts[1].request = "4".into()),
];

#[test]
fn the_judge_finds_nothing_in_a_good_history_and_each_fault_in_a_spoilt_one() {
    assert_eq!(judge(&good()).counts(), [0; 4], "{:?}", judge(&good()));
    for (name, kind, spoil) in SPOILT {
        let mut case = good();
        spoil(&mut case);
        let found = judge(&case);
        assert!(found.counts()[kind] > 0, "{name}: {found:?}");
    }
    println!("races, control: {} spoilt histories, each seen", SPOILT.len());
}

/// Clients who read and then write by SQL, and do not ask whether it is still what they read: updates are lost, and the judge says so.
#[actix_web::test]
async fn writers_who_do_not_ask_for_the_version_lose_updates_and_the_judge_sees_it() {
    const WRITERS: usize = 2;
    const ROUNDS: usize = 10;
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    assert_eq!(judge(&Case::read(&app, Vec::new())).counts(), [0; 4]);
    let (both, mut writers) = (Arc::new(Barrier::new(WRITERS)), Vec::new());
    for number in 0..WRITERS {
        let (both, id, mut conn, site) = (both.clone(), id.clone(), app.db.superuser(), app.site.id);
        writers.push(std::thread::spawn(move || {
            let mut attempts = Vec::new();
            for _ in 0..ROUNDS {
                let read = format!("SELECT version || ' ' || coalesce(external_ref, '-') || ' ' || next_action AS text FROM referrals WHERE id = '{id}'");
                let read = texts(&mut conn, &read).remove(0);
                let words: Vec<&str> = read.split(' ').collect();
                let (version, was): (i32, &str) = (words[0].parse().unwrap(), words[2]);
                let is = if number == 0 { "attempt_contact" } else { "reroute" };
                both.wait();
                let request = Uuid::now_v7().to_string();
                conn.batch_execute(&format!(
                    "BEGIN;
                     UPDATE referrals SET next_action = '{is}', version = {version} + 1 WHERE id = '{id}';
                     WITH entry AS (INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id,
                             request_id, before, after, values_digest)
                          VALUES ('{site}', gen_random_uuid(), now(), 'system', 'update_referral', 'referral', '{id}', '{request}',
                             '{{\"next_action\":\"{was}\"}}', '{{\"next_action\":\"{is}\"}}', sha256('x')) RETURNING site_id, id)
                     INSERT INTO journal_queue (site_id, id, stream) SELECT site_id, id, 'audit' FROM entry;
                     COMMIT"
                ))
                .unwrap();
                let outcome = Outcome::Done(Some(version + 1));
                attempts.push(Attempt { request, referral: id.clone(), read: Some(version), outcome });
                both.wait();
            }
            attempts
        }));
    }
    let attempts = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    let found = judge(&Case::read(&app, attempts));
    let twice = found.lost_updates.iter().filter(|finding| finding.contains("two writes on version")).count();
    println!(
        "races, control without a version: {ROUNDS} rounds of {WRITERS}, {twice} versions written twice, {} findings",
        found.lost_updates.len()
    );
    assert_eq!((twice, &found.counts()[1..]), (ROUNDS, &[0; 3][..]), "{found:#?}");
}
