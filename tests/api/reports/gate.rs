//! Whatever a partner or a viewer can be answered is walked in the committed document: no number is in it but what is named here, with what
//! it is. A count of several things leaves as a band of the gate, or not at all.

use std::collections::BTreeSet;

use handoff::auth::permission::Row;
use handoff::domain::vocabulary::Role;
use handoff::routes::Access;
use serde_json::{Value, json};

/// Numbers that partners or viewers read, and what they are: none counts referrals beyond what the reader did itself.
const PLAIN: &[(&str, &str)] = &[
    ("FaultBody/index", "a place in the reader's own body"),
    ("OpenWork/referrals_total", "in problems of deactivating a member, which an admin alone is answered"),
    ("OpenWork/routes_total", "in problems of deactivating a member, which an admin alone is answered"),
    ("RouteView/acknowledge_due_hours", "a setting of the reader's own route"),
    ("RouteView/contact_due_hours", "a setting of the reader's own route"),
    ("RouteView/follow_up_due_hours", "a setting of the reader's own route"),
    ("RouteView/monthly_capacity", "a setting of the reader's own route"),
    ("Problem/status", "the status of the answer"),
    ("TextSpan/end", "a place in the reader's own draft"),
    ("TextSpan/start", "a place in the reader's own draft"),
];

fn document() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn is_shared(row: Row) -> bool {
    row.partner || row.roles.contains(&Role::Viewer)
}

/// Every number below a schema, as `Schema/property`.
fn numbers(document: &Value, schema: &Value, owner: &str, seen: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        // What the gate makes.
        if name != "Band" && seen.insert(name.to_owned()) {
            numbers(document, &document["components"]["schemas"][name], name, seen, found);
        }
        return;
    }
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if kinds.iter().any(|kind| kind == "integer" || kind == "number") {
        found.insert(owner.to_owned());
    }
    for (property, inner) in schema["properties"].as_object().into_iter().flatten() {
        numbers(document, inner, &format!("{}/{property}", owner.split('/').next().unwrap()), seen, found);
    }
    for part in ["oneOf", "anyOf", "allOf"] {
        for inner in schema[part].as_array().into_iter().flatten() {
            numbers(document, inner, owner, seen, found);
        }
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            numbers(document, &schema[part], owner, seen, found);
        }
    }
}

/// The numbers that partners and viewers can be answered, and the kinds of content that are no JSON.
fn shared(document: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut found, mut kinds, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let access = handoff::routes::operations().into_iter().find(|(name, _)| *name == id).map(|(_, access)| access);
            let Some(Access::Permission(row)) = access else { continue };
            if !is_shared(row) {
                continue;
            }
            for response in operation["responses"].as_object().unwrap().values() {
                for (kind, content) in response["content"].as_object().into_iter().flatten() {
                    if kind.ends_with("json") {
                        numbers(document, &content["schema"], &format!("{path} of {id}"), &mut seen, &mut found);
                    } else {
                        kinds.insert(format!("{id}: {kind}"));
                    }
                }
            }
        }
    }
    (found, kinds)
}

#[test]
fn no_operation_that_partners_or_viewers_reach_answers_a_count_outside_the_gate() {
    let mut document = document();
    let (found, kinds) = shared(&document);
    let known: BTreeSet<String> = PLAIN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "nobody is answered these any more");
    // What is no JSON is made from the same bands.
    let expected = [
        "get_current_language: text/plain",
        "get_feedback: text/csv",
        "get_sponsor_summary_report: image/svg+xml",
        "get_sponsor_summary_report: text/csv",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);

    // The control: a total beside the bands, a number in a list, and one behind a reference are found.
    document["components"]["schemas"]["FeedbackPeriod"]["properties"]["total"] = json!({"type": "integer"});
    document["components"]["schemas"]["SponsorPeriod"]["properties"]["by_week"] =
        json!({"type": "array", "items": {"type": ["number", "null"]}});
    document["components"]["schemas"]["Collecting"]["properties"]["so_far"] = json!({"$ref": "#/components/schemas/TimeFigures"});
    let (found, _) = shared(&document);
    let added: Vec<&str> = found.difference(&known).map(String::as_str).collect();
    assert_eq!(
        added,
        [
            "FeedbackPeriod/total",
            "SponsorPeriod/by_week",
            "TimeFigures/count",
            "TimeFigures/p50_seconds",
            "TimeFigures/p90_seconds"
        ]
    );
}
