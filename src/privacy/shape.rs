//! The contract is the allowlist: a body passes only if every member of it is in the OpenAPI schema.
//!
//! A [`Shape`] is compiled once, at start, from the schema that the document publishes, so that what is
//! documented and what is let in cannot differ. A contract that is open (free members, unbounded text,
//! numbers or lists, a keyword nobody checks) is refused at start. The check reports every offending place
//! and quotes nothing. Rules between members belong to the typed structs, not here.

mod check;
mod compile;
mod format;
mod pattern;

use std::fmt;

use regex::Regex;
use utoipa::ToSchema;

use self::format::Format;
use crate::domain::fault::{Fault, MAX_FAULTS};
use crate::privacy::guard::{Profile, Registered};
use crate::privacy::json::{Lines, Node};

/// A request body's schema, closed, bounded and ready to check bodies.
#[derive(Debug)]
pub struct Shape {
    root: ObjectShape,
}

impl Shape {
    /// Compiles the schema of `T` with every component it refers to.
    ///
    /// # Errors
    /// [`ShapeError`] names the place and what makes the schema open or not understood. A programming
    /// error: raise it at start.
    pub fn of<T: ToSchema>() -> Result<Shape, ShapeError> {
        compile::compile::<T>()
    }

    /// Every fault of a body, at most [`MAX_FAULTS`], in document order; missing members follow the
    /// members of their object. Empty means that the body is inside the contract. `registered`: what the site itself calls its
    /// studies and partners, which is no news about anybody.
    pub fn check(&self, root: &Node<'_>, registered: &Registered) -> Vec<Fault> {
        check::check(&self.root, root, registered)
    }
}

/// Why a schema cannot be an allowlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// Where in the schema: component or member names joined by `/`.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schema {}: {}", self.place, self.reason)
    }
}

impl std::error::Error for ShapeError {}

/// What one place of a body may hold.
#[derive(Debug)]
struct Slot {
    kind: Kind,
    nullable: bool,
}

#[derive(Debug)]
enum Kind {
    Object(ObjectShape),
    Text(TextShape),
    Choice(Vec<String>),
    /// `i128` holds the limits of both `u64` and `i64`.
    Integer {
        min: i128,
        max: i128,
    },
    Number {
        min: f64,
        max: f64,
    },
    Boolean,
    Array(Box<ArrayShape>),
}

#[derive(Debug)]
struct ArrayShape {
    items: Slot,
    min: usize,
    max: usize,
    unique: bool,
}

#[derive(Debug)]
struct ObjectShape {
    /// At most [`ObjectShape::MAX_MEMBERS`], because the check notes what it saw in one machine word.
    members: Vec<Member>,
}

impl ObjectShape {
    const MAX_MEMBERS: usize = 64;

    fn find(&self, name: &str) -> Option<(usize, &Member)> {
        self.members.iter().enumerate().find(|(_, member)| member.name == name)
    }
}

#[derive(Debug)]
struct Member {
    name: String,
    slot: Slot,
    required: bool,
}

#[derive(Debug)]
struct TextShape {
    /// Lengths in characters (Unicode scalar values), as JSON Schema counts.
    min: usize,
    max: Option<usize>,
    pattern: Option<Regex>,
    format: Option<Format>,
    lines: Lines,
    guard: Guard,
}

/// How the value guard reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// Under this profile.
    As(Profile),
    /// As a code that a partner or a system makes: strictly, and it may carry no message.
    Code,
    /// A code that may be called after an illness: the tag of a campaign.
    Tag,
    /// Only when the text is outside the contract otherwise: what fits is an id, a date or a word of a list.
    WhenRefused,
    /// Never: contact details that are used and dropped, drafts that are read and dropped.
    Never,
}

#[cfg(test)]
mod tests;
