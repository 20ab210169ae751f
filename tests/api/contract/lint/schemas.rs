//! Rules of schemas: what requests may hold, what answers do hold, and their examples.

use serde_json::Value;

use super::super::schema::faults;
use super::super::walk::{each_schema, follow, members, operations, schemas_of, takes};
use super::is_snake;

pub fn names_snake(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_schema(document, &mut |place, schema| {
        found.extend(
            members(&schema["properties"]).filter(|(name, _)| !is_snake(name)).map(|(name, _)| format!("{place}.{name}")),
        );
    });
    for operation in operations(document) {
        let names = operation.parameters("query").chain(operation.parameters("path")).filter_map(|one| one["name"].as_str());
        found.extend(names.filter(|name| !is_snake(name)).map(|name| format!("{}?{name}", operation.id)));
    }
    found
}

pub fn bounded(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_schema(document, &mut |place, schema| {
        let has = |key: &str| !schema[key].is_null();
        let text = !takes(schema, "string") || has("enum") || (has("maxLength") && (has("pattern") || has("format")));
        let number =
            !(takes(schema, "integer") || takes(schema, "number")) || (has("minimum") && has("maximum") && has("format"));
        let list = !takes(schema, "array") || has("maxItems");
        let something = ["type", "oneOf", "$ref"].iter().any(|key| has(key));
        if !(text && number && list && something) {
            found.push(place.to_owned());
        }
    });
    found
}

pub fn requests_closed(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        for name in schemas_of(document, &operation.value["requestBody"]) {
            let schema = &document["components"]["schemas"][&name];
            if takes(schema, "object") && schema["additionalProperties"] != false {
                found.push(name);
            }
        }
    }
    found
}

pub fn answers_whole(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(document) {
        for (_, response) in operation.responses(document).into_iter().filter(|(status, _)| status.starts_with('2')) {
            for name in schemas_of(document, response) {
                let schema = &document["components"]["schemas"][&name];
                let required = schema["required"].as_array().map_or(0, Vec::len);
                if members(&schema["properties"]).count() != required {
                    found.push(name);
                }
            }
        }
    }
    found
}

pub fn unions_tagged(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_schema(document, &mut |place, schema| {
        let branches: Vec<&Value> = schema["oneOf"].as_array().into_iter().flatten().collect();
        let nullable = branches.len() == 2 && branches.iter().any(|branch| branch["type"] == "null");
        if branches.is_empty() || nullable {
            return;
        }
        let tag = schema["discriminator"]["propertyName"].as_str().unwrap_or_default();
        let mapping: Vec<(&str, &Value)> = members(&schema["discriminator"]["mapping"]).collect();
        let fits = |branch: &&Value| {
            mapping.iter().any(|(word, target)| {
                let view = follow(document, branch);
                let words = &follow(document, &view["properties"][tag])["enum"];
                branch["$ref"] == **target
                    && words.as_array().is_some_and(|words| words.len() == 1 && words[0] == *word)
                    && view["required"].as_array().is_some_and(|required| required.iter().any(|name| name == tag))
            })
        };
        if mapping.len() != branches.len() || !branches.iter().all(fits) {
            found.push(place.to_owned());
        }
    });
    found
}

pub fn examples_valid(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |place: &str, schema: &Value, value: &Value| {
        found.extend(faults(document, schema, value).into_iter().map(|fault| format!("{place}: {fault}")));
    };
    each_schema(document, &mut |place, schema| {
        let own = schema["examples"].as_array().into_iter().flatten().chain(schema.get("example"));
        own.for_each(|example| check(place, schema, example));
    });
    for operation in operations(document) {
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            if let Some(example) = parameter.get("example") {
                check(&format!("{}?{}", operation.id, parameter["name"]), &parameter["schema"], example);
            }
        }
        let responses = operation.responses(document).into_iter().map(|(status, response)| (status, &response["content"]));
        for (place, content) in responses.chain([("body", &operation.value["requestBody"]["content"])]) {
            for (_, media) in members(content) {
                let examples = members(&media["examples"]).map(|(_, example)| &example["value"]).chain(media.get("example"));
                examples.for_each(|example| check(&format!("{} {place}", operation.id), &media["schema"], example));
            }
        }
    }
    found
}
