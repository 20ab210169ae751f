//! Schemas that compile, and those that must not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::privacy::guard::Registered;
use crate::privacy::json::parse;
use crate::privacy::shape::compile::compile_value;
use crate::privacy::shape::{Shape, ShapeError};

fn compile(root: &Value) -> Result<Shape, ShapeError> {
    compile_value("Body", root, BTreeMap::new())
}

fn object(member: &Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {"a": member}})
}

fn reason(member: &Value) -> String {
    let error = compile(&object(member)).expect_err("refused");
    assert!(error.place.starts_with("Body/a"), "{error}");
    error.reason
}

#[test]
fn an_open_contract_is_refused_at_start() {
    for (open, says) in [
        (json!({}), "no type"),
        (json!(true), "not an object"),
        (json!({"type": "string"}), "unbounded"),
        (json!({"type": "string", "format": "email"}), "unbounded"),
        (json!({"type": "string", "maxLength": 4, "pattern": "a"}), "anchor"),
        (json!({"type": "string", "maxLength": 4, "minLength": 5}), "below"),
        (json!({"type": "string", "maxLength": 4, "format": "time"}), "format"),
        (json!({"type": "string", "enum": []}), "enum"),
        (json!({"type": "string", "enum": ["a", 1]}), "enum"),
        (json!({"type": "integer"}), "unbounded"),
        (json!({"type": "integer", "minimum": 0}), "unbounded"),
        (json!({"type": "integer", "minimum": 2, "maximum": 1}), "unbounded"),
        (json!({"type": "number", "maximum": 1}), "unbounded"),
        (json!({"type": "array", "maxItems": 1}), "item schema"),
        (json!({"type": "array", "items": {"type": "boolean"}}), "unbounded"),
        (json!({"type": "array", "maxItems": 5000, "uniqueItems": true, "items": {"type": "boolean"}}), "compare"),
        (json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}), "unbounded"),
        (json!({"type": "object", "properties": {}}), "deny_unknown_fields"),
        (json!({"type": "object", "additionalProperties": {"type": "boolean"}}), "deny_unknown_fields"),
        (json!({"type": "object", "additionalProperties": false, "required": ["b"]}), "required"),
        (json!({"type": ["string", "integer"], "maxLength": 1}), "one type"),
        (json!({"type": "boolean", "const": true}), "const"),
        (json!({"type": "integer", "minimum": 0, "maximum": 1, "multipleOf": 2}), "multipleOf"),
        (json!({"oneOf": [{"type": "boolean"}, {"type": "string", "maxLength": 1}]}), "union"),
        (json!({"anyOf": [{"type": "null"}]}), "union"),
        (json!({"allOf": [{"type": "boolean"}, {"type": "boolean"}]}), "allOf"),
        (json!({"$ref": "#/components/schemas/Gone"}), "missing"),
        (json!({"$ref": "https://elsewhere.example/x"}), "component"),
        (json!({"$ref": "#/components/schemas/Gone", "maxLength": 1}), "maxLength"),
        (json!({"type": "boolean", "x-multiline": true}), "x-multiline"),
    ] {
        let reason = reason(&open);
        assert!(reason.contains(says), "{open}: {reason}");
    }
}

#[test]
fn descriptions_and_other_extensions_do_not_matter() {
    let described = json!({"type": "boolean", "description": "d", "default": false, "x-order": 1});
    assert!(compile(&object(&described)).is_ok());
}

#[test]
fn options_are_read_in_every_form_utoipa_has_written() {
    let component = json!({"type": "string", "enum": ["x"]});
    let reference = json!({"$ref": "#/components/schemas/X"});
    for optional in [
        json!({"oneOf": [reference, {"type": "null"}]}),
        json!({"oneOf": [{"type": "null"}, reference]}),
        json!({"anyOf": [{"type": "null"}, {"allOf": [reference]}]}),
        json!({"type": ["string", "null"], "enum": ["x", null]}),
    ] {
        let components = BTreeMap::from([("X".to_owned(), component.clone())]);
        let shape = compile_value("Body", &object(&optional), components).expect("closed");
        for (body, passes) in [(r#"{"a":"x"}"#, true), (r#"{"a":null}"#, true), (r#"{"a":"y"}"#, false)] {
            let tree = parse(body.as_bytes()).expect("JSON");
            assert_eq!(shape.check(&tree, &Registered::NONE).is_empty(), passes, "{optional} {body}");
        }
    }
}

#[test]
fn a_component_that_contains_itself_is_refused() {
    let node = json!({"type": "object", "additionalProperties": false,
        "properties": {"next": {"oneOf": [{"$ref": "#/components/schemas/N"}, {"type": "null"}]}}});
    let components = BTreeMap::from([("N".to_owned(), node)]);
    let root = object(&json!({"$ref": "#/components/schemas/N"}));
    let error = compile_value("Body", &root, components).expect_err("refused");
    assert!(error.reason.contains("itself"), "{error}");
}

#[test]
fn a_root_must_be_an_object() {
    for root in [
        json!({"type": "array", "maxItems": 1, "items": {"type": "boolean"}}),
        json!({"type": ["object", "null"], "additionalProperties": false}),
        json!({"type": "boolean"}),
    ] {
        assert!(compile(&root).is_err());
    }
}

mod one {
    #[derive(utoipa::ToSchema)]
    #[schema(max_length = 3)]
    #[allow(dead_code, reason = "read by utoipa only")]
    pub struct Twin(String);
}

mod two {
    #[derive(utoipa::ToSchema)]
    #[schema(max_length = 4)]
    #[allow(dead_code, reason = "read by utoipa only")]
    pub struct Twin(String);
}

#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by utoipa only")]
struct Twins {
    #[schema(value_type = one::Twin)]
    b: u8,
    #[schema(value_type = two::Twin)]
    c: u8,
}

#[test]
fn two_components_of_one_name_are_refused() {
    let error = Shape::of::<Twins>().expect_err("refused");
    assert!(error.reason.contains("named Twin"), "{error}");
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "read by utoipa only")]
struct Open {
    #[schema(max_length = 4)]
    a: String,
}

#[test]
fn a_struct_without_deny_unknown_fields_is_refused() {
    let error = Shape::of::<Open>().expect_err("refused");
    assert_eq!(error.place, "Open");
    assert!(error.to_string().contains("deny_unknown_fields"), "{error}");
}
