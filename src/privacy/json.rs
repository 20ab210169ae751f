//! Request bodies as a tree that hides nothing: members keep their order and their repetitions.
//!
//! serde_json does the lexing (strict RFC 8259: no BOM, no lone surrogates, no trailing text); this
//! module adds the limits a public API needs before any typed struct sees the body. The struct is then
//! read from this very tree ([`Node::to_json`]), so no second parser can disagree with the check.
//! What the members mean is `privacy::shape`'s business.

mod text;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

pub use self::text::{Forbidden, Lines, forbidden_char};

/// Deepest nesting of objects and arrays. No body of the contract nests half as deep.
pub const MAX_DEPTH: usize = 16;

/// Most values in one body: bounds the memory and the work a small body can ask for.
pub const MAX_NODES: usize = 10_000;

/// A JSON value. `Debug` says shapes only, because bodies may carry what must not be logged.
#[derive(Clone, PartialEq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that fits in 64 bits.
    Number(Number),
    /// A string, its escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object: its members in order of appearance, repetitions kept.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A number as it was written: `1.0` and `1e0` are not integers here, because no integer field takes them.
#[derive(Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number from 0 up to 2⁶⁴−1.
    Unsigned(u64),
    /// A negative whole number down to −2⁶³.
    Signed(i64),
    /// Anything with a fraction or an exponent, or too large for the above.
    Float(f64),
}

/// Why a body is not taken as JSON. Positions only, never text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not RFC 8259, or a number beyond double precision; line and column from 1.
    Malformed {
        /// Line of the first fault.
        line: usize,
        /// Column (in bytes) of the first fault.
        column: usize,
    },
    /// Not UTF-8; the offset of the first bad byte.
    NotUtf8 {
        /// Bytes that are still good.
        offset: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More values than [`MAX_NODES`].
    TooManyNodes,
    /// Well-formed, but not an object.
    NotAnObject,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { line, column } => write!(f, "The body is not valid JSON: see line {line}, column {column}."),
            Self::NotUtf8 { offset } => {
                write!(f, "The body is not UTF-8: see the byte at offset {offset}.")
            }
            Self::TooDeep => write!(f, "Send at most {MAX_DEPTH} levels of nesting."),
            Self::TooManyNodes => write!(f, "Send at most {MAX_NODES} values in one body."),
            Self::NotAnObject => f.write_str("Send a JSON object."),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a request body.
///
/// # Errors
/// [`JsonError`], at the first fault: a body that is not JSON has no places to report.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
    let limits = Limits::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = Seed { limits: &limits, depth: 0 }.deserialize(&mut reader).and_then(|node| reader.end().map(|()| node));
    match parsed {
        Ok(node @ Node::Object(_)) => Ok(node),
        Ok(_) => Err(JsonError::NotAnObject),
        Err(error) => Err(limits.broken.get().unwrap_or(JsonError::Malformed { line: error.line(), column: error.column() })),
    }
}

impl Node<'_> {
    /// The value for serde's typed structs. Repeated members collapse (the last wins), so this is for
    /// trees that `privacy::shape` has passed.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(Number::Unsigned(value)) => Value::from(*value),
            Self::Number(Number::Signed(value)) => Value::from(*value),
            Self::Number(Number::Float(value)) => Value::from(*value),
            Self::String(value) => Value::from(value.as_ref()),
            Self::Array(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect())
            }
        }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Number(_) => f.write_str("Number"),
            Self::String(_) => f.write_str("String"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Object(members) => write!(f, "Object({})", members.len()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number")
    }
}

/// serde's errors are text only, so the limit that broke is noted beside them.
#[derive(Default)]
struct Limits {
    nodes: Cell<usize>,
    broken: Cell<Option<JsonError>>,
}

impl Limits {
    fn refuse<E: serde::de::Error>(&self, why: JsonError) -> E {
        self.broken.set(Some(why));
        E::custom("limit")
    }
}

#[derive(Clone, Copy)]
struct Seed<'l> {
    limits: &'l Limits,
    depth: usize,
}

impl<'l> Seed<'l> {
    fn deeper<E: serde::de::Error>(self) -> Result<Seed<'l>, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.limits.refuse(JsonError::TooDeep));
        }
        Ok(Seed { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Node<'de>, D::Error> {
        let nodes = self.limits.nodes.get() + 1;
        if nodes > MAX_NODES {
            return Err(self.limits.refuse(JsonError::TooManyNodes));
        }
        self.limits.nodes.set(nodes);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(match u64::try_from(value) {
            Ok(value) => Number::Unsigned(value),
            Err(_) => Number::Signed(value),
        }))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node<'de>, E> {
        if value.is_finite() { Ok(Node::Number(Number::Float(value))) } else { Err(E::custom("number out of range")) }
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut members = Vec::with_capacity(8);
        while let Some(name) = map.next_key_seed(NameSeed)? {
            members.push((name, map.next_value_seed(seed)?));
        }
        Ok(Node::Object(members))
    }
}

/// A member's name, borrowed from the body where it has no escapes.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests;
