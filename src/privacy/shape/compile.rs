//! From an OpenAPI schema, as utoipa writes it, to a closed shape; every keyword is either checked, known
//! to say nothing about validity, or an error.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::format::Format;
use super::{ArrayShape, Guard, Kind, Member, ObjectShape, Shape, ShapeError, Slot, TextShape, pattern};
use crate::privacy::guard::Profile;
use crate::privacy::json::Lines;

/// Keywords that describe and do not restrict.
const ANNOTATIONS: &[&str] =
    &["title", "description", "default", "example", "examples", "deprecated", "externalDocs", "readOnly", "writeOnly", "xml"];

const REF_PREFIX: &str = "#/components/schemas/";

/// `uniqueItems` compares every pair.
const MAX_UNIQUE_ITEMS: usize = 256;

/// A schema as utoipa writes it.
type Written = RefOr<Schema>;

struct Compiler {
    components: BTreeMap<String, Value>,
    /// Where the schema in hand lies, for the message.
    place: Vec<String>,
    /// Components being compiled: a schema that contains itself has no bounded size.
    open: Vec<String>,
}

pub(super) fn compile<T: ToSchema>() -> Result<Shape, ShapeError> {
    let mut found = Vec::new();
    T::schemas(&mut found);
    compile_schema(&T::name(), &T::schema(), found)
}

fn compile_schema(name: &str, root: &Written, found: Vec<(String, Written)>) -> Result<Shape, ShapeError> {
    let mut components = BTreeMap::new();
    let failed = |reason: String| ShapeError { place: name.to_owned(), reason };
    for (component, schema) in found {
        let schema = serde_json::to_value(schema).map_err(|e| failed(e.to_string()))?;
        // utoipa lets the last of two same-named structs win silently.
        if components.get(&component).is_some_and(|other| *other != schema) {
            return Err(failed(format!("two different components are named {component}")));
        }
        components.insert(component, schema);
    }
    let root = serde_json::to_value(root).map_err(|e| failed(e.to_string()))?;
    compile_value(name, &root, components)
}

/// Compiles a schema in its JSON form; `name` is for messages.
pub(super) fn compile_value(name: &str, root: &Value, components: BTreeMap<String, Value>) -> Result<Shape, ShapeError> {
    let mut compiler = Compiler { components, place: vec![name.to_owned()], open: Vec::new() };
    match compiler.slot(root)? {
        Slot { kind: Kind::Object(root), nullable: false } => Ok(Shape { root }),
        _ => Err(compiler.error("a request body must be an object that is not nullable")),
    }
}

impl Compiler {
    fn error(&self, reason: impl Into<String>) -> ShapeError {
        ShapeError { place: self.place.join("/"), reason: reason.into() }
    }

    fn inside<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<T, ShapeError>) -> Result<T, ShapeError> {
        self.place.push(name.to_owned());
        let done = work(self)?;
        self.place.pop();
        Ok(done)
    }

    fn slot(&mut self, schema: &Value) -> Result<Slot, ShapeError> {
        let Value::Object(schema) = schema else {
            return Err(self.error("the schema is not an object"));
        };
        for composed in ["$ref", "oneOf", "anyOf", "allOf"] {
            if let Some(inner) = schema.get(composed) {
                self.only(schema, &[composed])?;
                return match (composed, inner) {
                    ("$ref", Value::String(target)) => self.reference(target),
                    ("allOf", Value::Array(parts)) => match parts.as_slice() {
                        [part] => self.slot(part),
                        _ => Err(self.error("allOf may hold one schema only")),
                    },
                    (_, Value::Array(parts)) => self.optional(parts),
                    _ => Err(self.error(format!("{composed} is not understood"))),
                };
            }
        }
        let (kind, nullable) = self.types(schema)?;
        let kind = match kind {
            "object" => self.object(schema)?,
            "string" => self.string(schema)?,
            "integer" => self.integer(schema)?,
            "number" => self.number(schema)?,
            "boolean" => {
                self.only(schema, &["type"])?;
                Kind::Boolean
            }
            "array" => self.array(schema)?,
            _ => return Err(self.error("this type is not understood")),
        };
        Ok(Slot { kind, nullable })
    }

    /// `"type": "string"` or, for an option, `"type": ["string", "null"]`.
    fn types<'s>(&self, schema: &'s Map<String, Value>) -> Result<(&'s str, bool), ShapeError> {
        match schema.get("type") {
            Some(Value::String(one)) => Ok((one, false)),
            Some(Value::Array(several)) => {
                let mut names = several.iter().filter(|name| *name != "null");
                match (names.next().and_then(Value::as_str), names.next()) {
                    (Some(one), None) => Ok((one, several.len() > 1)),
                    _ => Err(self.error("only one type beside null is understood")),
                }
            }
            _ => Err(self.error("the schema has no type: any value would pass")),
        }
    }

    /// How utoipa writes an option of a component: `oneOf: [{$ref}, {type: null}]`, in either order.
    fn optional(&mut self, parts: &[Value]) -> Result<Slot, ShapeError> {
        let is_null = |part: &&Value| part.get("type").is_some_and(|name| name == "null");
        let mut values = parts.iter().filter(|part| !is_null(part));
        match (values.next(), values.next()) {
            (Some(one), None) => {
                let slot = self.slot(one)?;
                let nullable = slot.nullable || parts.len() > 1;
                Ok(Slot { nullable, ..slot })
            }
            _ => Err(self.error("a union of several schemas cannot be checked member by member")),
        }
    }

    fn reference(&mut self, target: &str) -> Result<Slot, ShapeError> {
        let Some(name) = target.strip_prefix(REF_PREFIX) else {
            return Err(self.error("a $ref must name a component"));
        };
        if self.open.iter().any(|open| open == name) {
            return Err(self.error(format!("{name} contains itself: its size has no bound")));
        }
        let Some(schema) = self.components.get(name).cloned() else {
            return Err(self.error(format!("component {name} is missing")));
        };
        self.open.push(name.to_owned());
        let slot = self.inside(name, |me| me.slot(&schema))?;
        self.open.pop();
        Ok(slot)
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Result<Kind, ShapeError> {
        self.only(schema, &["type", "properties", "required", "additionalProperties"])?;
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(self.error("the object is open: add #[serde(deny_unknown_fields)]"));
        }
        let mut required = Vec::new();
        for name in list(schema, "required") {
            match name.as_str() {
                Some(name) => required.push(name),
                None => return Err(self.error("required is not understood")),
            }
        }
        let mut members = Vec::new();
        let properties = match schema.get("properties") {
            Some(Value::Object(properties)) => Some(properties),
            None => None,
            Some(_) => return Err(self.error("properties is not understood")),
        };
        for (name, member) in properties.into_iter().flatten() {
            let slot = self.inside(name, |me| me.slot(member))?;
            members.push(Member { name: name.clone(), slot, required: required.contains(&name.as_str()) });
        }
        if members.len() > ObjectShape::MAX_MEMBERS {
            return Err(self.error("the object has too many members for one check"));
        }
        if members.iter().filter(|member| member.required).count() != required.len() {
            return Err(self.error("a required member is not among the properties"));
        }
        Ok(Kind::Object(ObjectShape { members }))
    }

    fn string(&self, schema: &Map<String, Value>) -> Result<Kind, ShapeError> {
        if schema.contains_key("enum") {
            self.only(schema, &["type", "enum"])?;
            let choices: Option<Vec<String>> = list(schema, "enum")
                .iter()
                .filter(|choice| !choice.is_null())
                .map(|choice| choice.as_str().map(str::to_owned))
                .collect();
            return match choices {
                Some(choices) if !choices.is_empty() => Ok(Kind::Choice(choices)),
                _ => Err(self.error("enum must hold strings")),
            };
        }
        self.only(schema, &["type", "minLength", "maxLength", "pattern", "format", "x-multiline", "x-guard"])?;
        let format = match schema.get("format").map(Value::as_str) {
            None => None,
            Some(name) => match name.and_then(Format::named) {
                Some(format) => Some(format),
                None => return Err(self.error("this string format is not understood")),
            },
        };
        let text = TextShape {
            min: self.size(schema, "minLength")?.unwrap_or(0),
            max: self.size(schema, "maxLength")?,
            pattern: self.pattern(schema)?,
            format,
            lines: match schema.get("x-multiline") {
                Some(Value::Bool(true)) => Lines::Many,
                Some(Value::String(breaks)) if breaks == "crlf" => Lines::ManyCrLf,
                None | Some(Value::Bool(false)) => Lines::One,
                Some(_) => return Err(self.error("x-multiline is true, false or \"crlf\"")),
            },
            guard: match schema.get("x-guard").map(Value::as_str) {
                Some(Some("strict")) => Guard::As(Profile::Strict),
                Some(Some("copy")) => Guard::As(Profile::Copy),
                Some(Some("code")) => Guard::Code,
                Some(Some("tag")) => Guard::Tag,
                Some(Some("never")) => Guard::Never,
                None => Guard::WhenRefused,
                Some(_) => return Err(self.error("x-guard is strict, code, tag, copy or never")),
            },
        };
        match text.max {
            Some(max) if max < text.min => Err(self.error("maxLength is below minLength")),
            None if !format.is_some_and(Format::is_bounded) => Err(self.error("the string is unbounded: add max_length")),
            _ => Ok(Kind::Text(text)),
        }
    }

    fn pattern(&self, schema: &Map<String, Value>) -> Result<Option<Regex>, ShapeError> {
        match schema.get("pattern") {
            None => Ok(None),
            Some(Value::String(source)) => pattern::compile(source).map(Some).map_err(|reason| self.error(reason)),
            Some(_) => Err(self.error("pattern is not understood")),
        }
    }

    fn integer(&self, schema: &Map<String, Value>) -> Result<Kind, ShapeError> {
        self.only(schema, &["type", "format", "minimum", "maximum"])?;
        let bound = |key: &str| {
            let value = schema.get(key)?;
            let float = || value.as_f64().filter(|float| float.fract() == 0.0);
            value
                .as_i64()
                .map(i128::from)
                .or_else(|| value.as_u64().map(i128::from))
                .or_else(|| float().map(|float| float as i128))
        };
        match (bound("minimum"), bound("maximum")) {
            (Some(min), Some(max)) if min <= max => Ok(Kind::Integer { min, max }),
            _ => Err(self.error("the integer is unbounded: add minimum and maximum")),
        }
    }

    fn number(&self, schema: &Map<String, Value>) -> Result<Kind, ShapeError> {
        self.only(schema, &["type", "format", "minimum", "maximum"])?;
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        match (bound("minimum"), bound("maximum")) {
            (Some(min), Some(max)) if min <= max => Ok(Kind::Number { min, max }),
            _ => Err(self.error("the number is unbounded: add minimum and maximum")),
        }
    }

    fn array(&mut self, schema: &Map<String, Value>) -> Result<Kind, ShapeError> {
        self.only(schema, &["type", "items", "minItems", "maxItems", "uniqueItems"])?;
        let Some(items) = schema.get("items") else {
            return Err(self.error("the array has no item schema"));
        };
        let Some(max) = self.size(schema, "maxItems")? else {
            return Err(self.error("the array is unbounded: add max_items"));
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        if unique && max > MAX_UNIQUE_ITEMS {
            return Err(self.error("too many items to compare for uniqueItems"));
        }
        Ok(Kind::Array(Box::new(ArrayShape {
            items: self.inside("[]", |me| me.slot(items))?,
            min: self.size(schema, "minItems")?.unwrap_or(0),
            max,
            unique,
        })))
    }

    fn size(&self, schema: &Map<String, Value>, key: &str) -> Result<Option<usize>, ShapeError> {
        match schema.get(key) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .map(Some)
                .ok_or_else(|| self.error(format!("{key} is not a size"))),
        }
    }

    /// Fails on a keyword that is neither in `known` nor mere description: it would be documented and not checked.
    fn only(&self, schema: &Map<String, Value>, known: &[&str]) -> Result<(), ShapeError> {
        let strange = schema.keys().find(|key| {
            let key = key.as_str();
            let extension = key.starts_with("x-") && key != "x-multiline" && key != "x-guard";
            !(extension || known.contains(&key) || ANNOTATIONS.contains(&key))
        });
        match strange {
            None => Ok(()),
            Some(key) => Err(self.error(format!("{key} is not understood here"))),
        }
    }
}

fn list<'s>(schema: &'s Map<String, Value>, key: &str) -> &'s [Value] {
    match schema.get(key) {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}
