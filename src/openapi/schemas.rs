//! What the generator leaves out of the schemas: bounds of times and ids, the alphabet of free text, examples of pages and
//! unions, what an answer always holds, and descriptions where readers and client generators look for them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::domain::fault::FaultCode;
use crate::error::ErrorCode;

const REF_PREFIX: &str = "#/components/schemas/";

/// One line without control characters: the part of the text rule that every pattern engine reads alike.
const FREE_TEXT: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// The same with line breaks of both kinds and tabs, for the one text that is read and not kept.
const FREE_LINES: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// Completes every schema and description of the document.
pub(super) fn complete(document: &mut Value) {
    for part in ["components", "paths"] {
        each_schema(&mut document[part], &mut |schema| {
            lift_description(schema);
            name_examples(schema);
            bound(schema);
        });
    }
    require_what_answers_hold(document);
    add_examples(document);
    list_codes(document);
    unwrap_descriptions(document);
}

/// Calls `work` on every object that has the keywords of a schema; values of examples are not schemas.
fn each_schema(value: &mut Value, work: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            if ["type", "oneOf", "enum"].iter().any(|keyword| members.contains_key(*keyword)) {
                work(members);
            }
            for (name, member) in members.iter_mut() {
                if !matches!(name.as_str(), "example" | "examples" | "enum" | "default") {
                    each_schema(member, work);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_schema(item, work)),
        _ => {}
    }
}

/// The description of a nullable component belongs to the property, not to one branch of its union.
fn lift_description(schema: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = schema.get_mut("oneOf") else { return };
    if !branches.iter().any(|branch| branch["type"] == "null") {
        return;
    }
    let lifted = branches.iter_mut().filter_map(Value::as_object_mut).find_map(|branch| branch.remove("description"));
    if let Some(description) = lifted {
        schema.insert("description".into(), description);
    }
}

/// JSON Schema's keyword is `examples`; OpenAPI 3.1 keeps `example` for older documents only.
fn name_examples(schema: &mut Map<String, Value>) {
    if let Some(example) = schema.remove("example") {
        schema.entry("examples").or_insert(json!([example]));
    }
}

/// Times and ids have a known length, and free text a known alphabet.
fn bound(schema: &mut Map<String, Value>) {
    let is_text = match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };
    if !is_text {
        return;
    }
    let limit = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => 40,
        Some("uuid") => 36,
        Some(_) => return,
        None => {
            if !schema.contains_key("pattern") && !schema.contains_key("enum") {
                let lines = schema.get("x-multiline").is_some_and(|breaks| breaks == "crlf");
                schema.insert("pattern".into(), json!(if lines { FREE_LINES } else { FREE_TEXT }));
            }
            return;
        }
    };
    schema.entry("maxLength").or_insert(json!(limit));
}

/// An answer holds every one of its fields, `null` where there is nothing to say: clients need not tell absent from empty.
fn require_what_answers_hold(document: &mut Value) {
    let mut answered = BTreeSet::new();
    for (_, operation) in super::operations_mut(document) {
        for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            if status.starts_with('2') {
                collect_refs(response, &mut answered);
            }
        }
    }
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let mut open: Vec<String> = answered.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let mut inner = BTreeSet::new();
        if let Some(schema) = schemas.get(&name) {
            collect_refs(schema, &mut inner);
        }
        open.extend(inner.into_iter().filter(|name| answered.insert(name.clone())));
    }
    for name in answered {
        let Some(schema) = schemas.get_mut(&name) else { continue };
        if let Some(properties) = schema["properties"].as_object() {
            schema["required"] = properties.keys().cloned().collect();
        }
    }
}

fn collect_refs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(REF_PREFIX)).map(str::to_owned),
            );
            members.values().for_each(|member| collect_refs(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_refs(item, found)),
        _ => {}
    }
}

/// A union shows each of its views; a page shows one entry, in each view.
fn add_examples(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let first_of = |schemas: &Map<String, Value>, target: &Value| {
        let name = target["$ref"].as_str()?.strip_prefix(REF_PREFIX)?;
        schemas.get(name)?["examples"].as_array().cloned()
    };
    let unions: Vec<(String, Vec<Value>)> =
        schemas.iter().filter_map(|(name, schema)| Some((name.clone(), schema["oneOf"].as_array()?.clone()))).collect();
    for (name, views) in unions {
        let examples: Vec<Value> = views.iter().filter_map(|view| first_of(schemas, view)).flatten().collect();
        schemas[&name]["examples"] = json!(examples);
    }
    let pages: Vec<(String, Value)> = schemas
        .iter()
        .filter(|(_, schema)| schema["properties"].get("next_cursor").is_some() && schema.get("examples").is_none())
        .map(|(name, schema)| (name.clone(), schema["properties"]["data"]["items"].clone()))
        .collect();
    for (name, entry) in pages {
        let entries = first_of(schemas, &entry).unwrap_or_default();
        let examples: Vec<Value> = entries.iter().map(|entry| json!({"data": [entry], "next_cursor": null})).collect();
        schemas[&name]["examples"] = json!(examples);
    }
}

/// The codes as they are now. Not an `enum`: a client that meets a newer code must not fail on it.
fn list_codes(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas["Problem"]["properties"]["code"]["x-extensible-enum"] = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    schemas["FaultBody"]["properties"]["code"]["x-extensible-enum"] = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
}

/// A line break of the source is no line break of the text; an empty line is a paragraph.
fn unwrap_descriptions(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name == "description" => {
                        let paragraphs: Vec<String> = text
                            .split("\n\n")
                            .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "))
                            .collect();
                        *text = paragraphs.join("\n\n");
                    }
                    _ if matches!(name.as_str(), "example" | "examples") => {}
                    _ => unwrap_descriptions(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_descriptions),
        _ => {}
    }
}
