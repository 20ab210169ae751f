//! Rules of operations, responses, references and codes.

use std::collections::BTreeSet;

use handoff::domain::fault::FaultCode;
use handoff::error::ErrorCode;
use serde_json::Value;

use super::super::walk::{follow, members, operations, references};
use super::is_snake;

/// Probes are named after their path, as every load balancer's manual does.
const PROBES: &[&str] = &["healthz", "readyz"];
const VERBS: &[&str] = &[
    "get",
    "list",
    "create",
    "update",
    "delete",
    "transition",
    "launch",
    "pause",
    "resume",
    "retire",
    "complete",
    "mark",
    "unmark",
    "check",
    "withdraw",
    "rotate",
    "replay",
    "revoke",
    "deactivate",
    "reactivate",
    "resolve",
    "set",
    "confirm",
    "preflight",
    "submit",
    "return",
    "approve",
    "diff",
    "cancel",
    "correct",
    "read",
];
/// A key that leaked is revoked whatever has become of it, and a second rotation is refused by what is active: neither overwrites
/// what somebody else has changed, so neither takes `If-Match`. An alert is confirmed once, by one member. A read changes nothing.
const UNMATCHED: &[&str] = &["rotate_api_key", "revoke_api_key", "confirm_alert", "read_sealed_details"];

/// A POST that neither creates nor acts: nothing of what it reads is kept, a print under a key included. A retried read is another read.
const UNKEYED: &[&str] = &["check_language", "check_guard", "preflight_route", "read_sealed_details"];

/// What became of many resources, what is there no more, and what is no resource.
const WITHOUT_VERSION: &[&str] = &[
    "create_bulk_action",
    "delete_away_window",
    "delete_alert_webhook",
    "get_queue_counts",
    "get_source_quality_report",
    "get_movement_report",
    "get_blockers_report",
    "get_next_actions_report",
    "get_workflow_signal_report",
    "delete_webhook_endpoint",
    "create_webhook_test",
    "check_language",
    "preflight_route",
    "create_acknowledgement",
    "check_guard",
    "read_sealed_details",
    "delete_sealed_details",
];

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().len() > 1)
}

pub fn version(document: &Value) -> Vec<String> {
    if document["openapi"] == "3.1.0" { vec![] } else { vec![document["openapi"].to_string()] }
}

pub fn operation_ids(document: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for operation in operations(document) {
        let verb = operation.id.split('_').next().unwrap_or_default();
        let named = is_snake(operation.id) && operation.id.contains('_') && VERBS.contains(&verb);
        if !seen.insert(operation.id) || !(named || PROBES.contains(&operation.id)) {
            found.push(format!("{} {}: {}", operation.method, operation.path, operation.id));
        }
    }
    found
}

pub fn operations_complete(document: &Value) -> Vec<String> {
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().map(|tag| &tag["name"]).collect();
    let schemes = &document["components"]["securitySchemes"];
    let complete = |value: &Value| {
        let tagged = value["tags"].as_array().is_some_and(|own| own.len() == 1 && own.iter().all(|tag| tags.contains(&tag)));
        let ways = value["security"].as_array();
        let known = ways.is_some_and(|ways| ways.iter().all(|way| members(way).all(|(name, _)| schemes[name].is_object())));
        let named = ways.is_some_and(Vec::is_empty) || value["x-who-may"].is_object();
        let titled = is_text(&value["summary"]) && !value["summary"].as_str().unwrap_or_default().ends_with('.');
        tagged && known && named && titled && is_text(&value["description"])
    };
    operations(document).iter().filter(|operation| !complete(operation.value)).map(|operation| operation.id.to_owned()).collect()
}

pub fn described(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            if !is_text(&parameter["description"]) {
                found.push(format!("{}?{}", operation.id, parameter["name"]));
            }
        }
        let body = &operation.value["requestBody"];
        if body.is_object() && !is_text(&body["description"]) {
            found.push(format!("{} body", operation.id));
        }
        for (status, response) in operation.responses(document) {
            if !is_text(&response["description"]) {
                found.push(format!("{} {status}", operation.id));
            }
        }
    }
    for (name, schema) in members(&document["components"]["schemas"]) {
        if !is_text(&schema["description"]) {
            found.push(name.to_owned());
        }
        for (field, property) in members(&schema["properties"]) {
            if !is_text(&property["description"]) {
                found.push(format!("{name}.{field}"));
            }
        }
    }
    found
}

pub fn problems(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        for (status, response) in operation.responses(document).into_iter().filter(|(status, _)| *status >= "400") {
            let content = &response["content"];
            let problem = &content["application/problem+json"];
            let only = content.as_object().is_some_and(|content| content.len() == 1);
            let examples: Vec<(&str, &Value)> = members(&problem["examples"]).collect();
            let number: u16 = status.parse().unwrap_or_default();
            let fit =
                examples.iter().all(|(code, example)| example["value"]["code"] == *code && example["value"]["status"] == number);
            if !only || problem["schema"]["$ref"] != "#/components/schemas/Problem" || examples.is_empty() || !fit {
                found.push(format!("{} {status}", operation.id));
            }
        }
    }
    found
}

pub fn bodies_have_examples(document: &Value) -> Vec<String> {
    let has = |media: &Value| {
        media["example"].is_object()
            || media["examples"].is_object()
            || follow(document, &media["schema"])["examples"].as_array().is_some_and(|examples| !examples.is_empty())
    };
    let mut found = Vec::new();
    for operation in operations(document) {
        let body = &operation.value["requestBody"];
        if body["content"].as_object().is_some_and(|content| !content.values().all(has)) {
            found.push(format!("{} body", operation.id));
        }
        let shows = |(status, _): &(&str, &Value)| status.starts_with('2') && *status != "204";
        for (status, response) in operation.responses(document).into_iter().filter(shows) {
            if !has(&response["content"]["application/json"]) {
                found.push(format!("{} {status}", operation.id));
            }
        }
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            let schema = follow(document, &parameter["schema"]);
            let shown =
                !parameter["example"].is_null() || ["example", "examples", "enum"].iter().any(|key| !schema[key].is_null());
            if !shown && parameter["name"] != "cursor" {
                found.push(format!("{}?{}", operation.id, parameter["name"]));
            }
        }
    }
    found
}

pub fn paths_kebab(document: &Value) -> Vec<String> {
    let kebab = |part: &str| {
        let inner = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        inner.map_or_else(|| plain(part), is_snake)
    };
    let wrong = |path: &&str| !path.starts_with('/') || !path[1..].split('/').all(kebab);
    members(&document["paths"]).map(|(path, _)| path).filter(wrong).map(str::to_owned).collect()
}

pub fn references_resolve(document: &Value) -> Vec<String> {
    let mut all = BTreeSet::new();
    references(document, &mut all);
    all.into_iter().filter(|target| !target.starts_with("#/") || document.pointer(&target[1..]).is_none()).collect()
}

pub fn components_used(document: &Value) -> Vec<String> {
    let mut used = BTreeSet::new();
    references(document, &mut used);
    let ways = operations(document).into_iter().flat_map(|one| one.value["security"].as_array().into_iter().flatten());
    used.extend(ways.flat_map(members).map(|(name, _)| format!("#/components/securitySchemes/{name}")));
    let mut found = Vec::new();
    for (kind, components) in members(&document["components"]) {
        let all = members(components).map(|(name, _)| format!("#/components/{kind}/{name}"));
        found.extend(all.filter(|target| !used.contains(target)));
    }
    found
}

pub fn due(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        let responses = operation.responses(document);
        let has_body = operation.value["requestBody"].is_object();
        let is_list = operation.parameters("query").any(|one| one["name"] == "cursor");
        let (keyed, matched) = (operation.has_header("Idempotency-Key"), operation.has_header("If-Match"));
        let has_id = operation.parameters("path").any(|one| one["name"] == "id");
        let rules: [(bool, &[&str]); 6] = [
            (true, &["405", "500"]),
            (!operation.is_public(), &["400", "401", "403", "406", "429", "503"]),
            (has_id, &["404"]),
            (matched, &["412", "428"]),
            (keyed, &["409"]),
            (has_body || operation.method == "POST", &["413", "415", "422"]),
        ];
        let missing = rules.iter().filter(|(when, _)| *when).flat_map(|(_, due)| due.iter());
        let missing = missing.filter(|due| !responses.iter().any(|(status, _)| status == *due));
        found.extend(missing.map(|due| format!("{} {due}", operation.id)));
        // What is made below a resource changes nothing of it.
        let acts = has_id && !operation.id.starts_with("create_") && !UNMATCHED.contains(&operation.id);
        let changes_one = ["PATCH", "DELETE"].contains(&operation.method.as_str()) || (operation.method == "POST" && acts);
        if (changes_one && !matched)
            || (operation.method == "POST" && keyed == UNKEYED.contains(&operation.id))
            || (operation.path.contains("{id}") && !has_id)
        {
            found.push(format!("{} parameters", operation.id));
        }
        for (status, response) in responses {
            // What is recorded and cannot be read again has no place and no version.
            let below = format!("{}/{{", operation.path);
            let recorded = status == "201" && !members(&document["paths"]).any(|(path, _)| path.starts_with(&below))
                || WITHOUT_VERSION.contains(&operation.id);
            let tagged = !is_list && !operation.is_public() && !recorded;
            let rules: [(bool, &str); 7] = [
                (true, "X-Request-Id"),
                (status == "201" && !recorded, "Location"),
                (status.starts_with('2') && tagged, "ETag"),
                (status == "200" && is_list, "Link"),
                (status.starts_with('2') && keyed, "Idempotency-Replayed"),
                (status == "401", "WWW-Authenticate"),
                (["429", "503"].contains(&status), "Retry-After"),
            ];
            let missing = rules.iter().filter(|(when, name)| *when && response["headers"][name].is_null());
            found.extend(missing.map(|(_, name)| format!("{} {status} {name}", operation.id)));
        }
    }
    found
}

pub fn codes(document: &Value) -> Vec<String> {
    let mut shown = BTreeSet::new();
    for operation in operations(document) {
        for (_, response) in operation.responses(document) {
            shown.extend(members(&response["content"]["application/problem+json"]["examples"]).map(|(code, _)| code));
        }
    }
    let mut found: Vec<String> =
        ErrorCode::ALL.iter().map(|code| code.as_str()).filter(|code| !shown.contains(code)).map(str::to_owned).collect();
    let listed = |schema: &str, code: &str| {
        let list = &document["components"]["schemas"][schema]["properties"]["code"]["x-extensible-enum"];
        list.as_array().is_some_and(|list| list.iter().any(|known| known == code))
    };
    found.extend(
        ErrorCode::ALL
            .iter()
            .map(|code| code.as_str())
            .filter(|code| !listed("Problem", code))
            .map(|code| format!("Problem {code}")),
    );
    found.extend(
        FaultCode::ALL
            .iter()
            .map(|code| code.as_str())
            .filter(|code| !listed("FaultBody", code))
            .map(|code| format!("FaultBody {code}")),
    );
    found
}

pub fn links(document: &Value) -> Vec<String> {
    let all = operations(document);
    let mut found = Vec::new();
    for operation in &all {
        for (_, response) in operation.responses(document) {
            for (name, link) in members(&response["links"]) {
                let target = all.iter().find(|target| link["operationId"] == target.id);
                let known = |name: &str| {
                    let parameters = target.map(|target| &target.value["parameters"]);
                    parameters.and_then(Value::as_array).into_iter().flatten().any(|parameter| parameter["name"] == name)
                };
                if target.is_none() || !members(&link["parameters"]).all(|(name, _)| known(name)) {
                    found.push(format!("{} {name}", operation.id));
                }
            }
        }
    }
    found
}
