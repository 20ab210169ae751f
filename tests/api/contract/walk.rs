//! Ways through the document: its operations, schemas and references.

use std::collections::BTreeSet;

use serde_json::Value;

/// One operation with where it stands.
pub struct Operation<'a> {
    pub path: &'a str,
    /// In capitals.
    pub method: String,
    pub id: &'a str,
    pub value: &'a Value,
}

impl<'a> Operation<'a> {
    /// Its parameters of one place: `path`, `query` or `header`.
    pub fn parameters(&self, place: &'static str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.value["parameters"].as_array().into_iter().flatten().filter(move |parameter| parameter["in"] == place)
    }

    pub fn has_header(&self, name: &str) -> bool {
        self.parameters("header").any(|parameter| parameter["name"] == name)
    }

    /// Its responses by status, with references followed.
    pub fn responses(&self, document: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let responses = self.value["responses"].as_object().into_iter().flatten();
        responses.map(|(status, response)| (status.as_str(), follow(document, response))).collect()
    }

    pub fn is_public(&self) -> bool {
        self.value["security"].as_array().is_some_and(Vec::is_empty)
    }
}

pub fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, value)| (path, method, value)))
        .map(|(path, method, value)| Operation {
            path,
            method: method.to_uppercase(),
            id: value["operationId"].as_str().unwrap_or_default(),
            value,
        })
        .collect()
}

/// What a reference points at; the value itself when it is none, `Null` when it dangles.
pub fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => value,
    }
}

/// Every `$ref` below a value, without following.
pub fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            if let Some(mapping) = members.get("discriminator").and_then(|discriminator| discriminator["mapping"].as_object()) {
                found.extend(mapping.values().filter_map(Value::as_str).map(str::to_owned));
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The names of the component schemas that a value needs, directly or not.
pub fn schemas_of(document: &Value, value: &Value) -> BTreeSet<String> {
    let (mut names, mut open) = (BTreeSet::new(), BTreeSet::new());
    references(value, &mut open);
    while let Some(target) = open.pop_first() {
        if let Some(name) = target.strip_prefix("#/components/schemas/")
            && names.insert(name.to_owned())
        {
            references(&document["components"]["schemas"][name], &mut open);
        }
    }
    names
}

/// Calls `visit` with the place of every schema: components, parameters, headers, bodies, and what is inside them.
pub fn each_schema<'a>(document: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    for (name, schema) in members(&document["components"]["schemas"]) {
        inside(name, schema, visit);
    }
    for (name, header) in members(&document["components"]["headers"]) {
        inside(name, &header["schema"], visit);
    }
    for operation in operations(document) {
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            inside(&format!("{}?{}", operation.id, parameter["name"].as_str().unwrap_or_default()), &parameter["schema"], visit);
        }
        for (kind, media) in members(&operation.value["requestBody"]["content"]) {
            inside(&format!("{} {kind}", operation.id), &media["schema"], visit);
        }
        for (status, response) in operation.responses(document) {
            for (kind, media) in members(&response["content"]) {
                inside(&format!("{} {status} {kind}", operation.id), &media["schema"], visit);
            }
        }
    }
}

fn inside<'a>(place: &str, schema: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(place, schema);
    for (name, property) in members(&schema["properties"]) {
        inside(&format!("{place}.{name}"), property, visit);
    }
    if schema["items"].is_object() {
        inside(&format!("{place}[]"), &schema["items"], visit);
    }
    for union in ["oneOf", "anyOf", "allOf"] {
        for branch in schema[union].as_array().into_iter().flatten() {
            inside(&format!("{place}|"), branch, visit);
        }
    }
}

pub fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

/// Whether a schema takes this JSON type.
pub fn takes(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|known| known == kind))
}
