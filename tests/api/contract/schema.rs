//! Values against schemas of the document.

use jsonschema::Validator;
use serde_json::{Value, json};

/// A validator for one schema, with the document's components at hand.
pub fn validator(document: &Value, schema: &Value) -> Validator {
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": {"schemas": document["components"]["schemas"]},
    });
    jsonschema::options().should_validate_formats(true).build(&root).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

/// What is wrong with a value, in one line per place.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    validator(document, schema).iter_errors(value).map(|error| format!("{} at `{}`", error, error.instance_path())).collect()
}

/// The document as a strict reader takes it: an answer with a field that it does not have is not one of its answers.
/// The published document leaves answers open, so that a new field breaks no client.
pub fn closed(document: &Value) -> Value {
    let mut closed = document.clone();
    for schema in closed["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        if schema["type"] == "object" {
            schema["additionalProperties"] = json!(false);
        }
    }
    closed
}
