//! What the counts say is what a walk over the queue finds.

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::{Value, json};

use super::sow;
use crate::support::App;
use crate::support::app::beginning;
use crate::support::callers::Person;

/// Every entry of the queue under these filters.
async fn walk(person: &Person, filters: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/v1/queue?limit=200{filters}{cursor}")).await.expect(200);
        all.extend(page.body["data"].as_array().unwrap().iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// The counts, made by hand of these entries.
fn counted(entries: &[Value]) -> Value {
    let of = |entries: &[&Value]| {
        let with = |field: &str, value: Value| entries.iter().filter(|entry| entry[field] == value).count();
        let classes = ["no_first_action", "stalled", "dependency_blocked"];
        let aging: BTreeMap<&str, usize> = classes.into_iter().map(|class| (class, with("aging", json!(class)))).collect();
        (entries.len(), with("overdue", json!(true)), json!(aging))
    };
    let by = |field: &str| {
        let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for entry in entries {
            groups.entry(entry[field].as_str().unwrap().to_owned()).or_default().push(entry);
        }
        groups
    };
    let (open, overdue, aging) = of(&entries.iter().collect::<Vec<_>>());
    let mut owners: Vec<(String, usize, usize, Value)> = by("owner_id")
        .into_iter()
        .map(|(owner, own)| {
            let (open, overdue, aging) = of(&own);
            (owner, open, overdue, aging)
        })
        .collect();
    owners.sort_by_key(|(_, open, ..)| std::cmp::Reverse(*open));
    let owners: Vec<Value> = owners
        .into_iter()
        .map(|(owner, open, overdue, aging)| json!({"owner_id": owner, "open": open, "overdue": overdue, "aging": aging}))
        .collect();
    let actions: BTreeMap<String, (usize, usize)> =
        by("next_action").into_iter().map(|(action, own)| (action, (of(&own).0, of(&own).1))).collect();
    json!({"open": open, "overdue": overdue, "aging": aging, "owners": owners, "next_actions": actions})
}

#[actix_web::test]
async fn the_counts_are_those_of_a_walk_over_the_queue_under_every_filter() {
    let app = App::start().await;
    let crowd = sow::crowd(&app.db, &app.site, 4, 6);
    sow::referrals(&app.db, &app.site, 1..=3_000);
    sow::referrals(&app.db, &app.other_site, 1..=500);
    let coordinator = app.coordinator();
    let soon = (beginning() + Duration::days(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let filters = [
        String::new(),
        "&owner=me".into(),
        format!("&owner={}", crowd.owners[0]),
        "&aging=stalled".into(),
        "&next_action=attempt_contact".into(),
        "&blocker=awaiting_records".into(),
        "&study=heart-2026".into(),
        format!("&partner={}", crowd.partners[0]),
        format!("&due_before={soon}&owner=me"),
        "&partner=unknown".into(),
    ];
    let mut sizes = Vec::new();
    for filter in &filters {
        let expected = counted(&walk(&coordinator, filter).await);
        let mut counts = coordinator.get(&format!("/v1/queue/counts?{}", filter.trim_start_matches('&'))).await.expect(200).body;
        assert_eq!(counts.as_object_mut().unwrap().remove("counted_at"), Some(json!("2026-06-01T09:00:00Z")));
        let by_action: BTreeMap<String, (u64, u64)> = counts["next_actions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|action| {
                let number = |field: &str| action[field].as_u64().unwrap();
                (action["next_action"].as_str().unwrap().to_owned(), (number("open"), number("overdue")))
            })
            .collect();
        counts["next_actions"] = json!(by_action);
        assert_eq!(counts, expected, "{filter}");
        sizes.push(counts["open"].as_u64().unwrap());
    }
    println!("queue counts under {} filters equal a walk: {sizes:?}", filters.len());
    assert!(sizes[..9].iter().all(|size| *size > 0) && sizes[9] == 0, "each filter but the last takes something: {sizes:?}");
}
