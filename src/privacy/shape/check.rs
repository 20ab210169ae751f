//! The walk over a body beside its shape. A clean body costs no allocation: places are linked on the
//! stack and written out only for a fault.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::{ArrayShape, Kind, MAX_FAULTS, ObjectShape, Slot, TextShape};
use crate::domain::fault::{Fault, FaultCode};
use crate::privacy::json::{Forbidden, Node, Number, forbidden_char};
use crate::privacy::names::{Category, NameClass, classify};

/// Most names of unknown members that are classified in one body. They are refused either way; the bound
/// keeps a body of nothing but strange names cheap.
const MAX_CLASSIFIED: usize = 256;

/// Longest path of an unknown subtree that is looked at as one name.
const MAX_NAME_PATH: usize = 256;

pub(super) fn check(shape: &ObjectShape, root: &Node<'_>) -> Vec<Fault> {
    let mut walk = Walk { faults: Vec::new(), names_left: MAX_CLASSIFIED };
    match root {
        Node::Object(members) => walk.object(shape, members, &Place::Root),
        _ => walk.fault(&Place::Root, FaultCode::WrongType, "Send a JSON object."),
    }
    walk.faults
}

/// A place of the body, as far as the contract names it.
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                write!(f, "{parent}/")?;
                name.chars().try_for_each(|c| match c {
                    '~' => f.write_str("~0"),
                    '/' => f.write_str("~1"),
                    c => f.write_char(c),
                })
            }
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

struct Walk {
    faults: Vec<Fault>,
    names_left: usize,
}

impl Walk {
    fn full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    fn push(&mut self, fault: Fault) {
        if !self.full() {
            self.faults.push(fault);
        }
    }

    fn fault(&mut self, place: &Place<'_>, code: FaultCode, message: impl Into<Cow<'static, str>>) {
        self.push(Fault::new(place.to_string(), code, message));
    }

    fn object(&mut self, shape: &ObjectShape, members: &[(Cow<'_, str>, Node<'_>)], place: &Place<'_>) {
        let mut seen = 0_u64;
        for (index, (name, value)) in members.iter().enumerate() {
            if self.full() {
                return;
            }
            let Some((number, member)) = shape.find(name) else {
                self.unknown(index, name, value, place);
                continue;
            };
            let here = Place::Member(place, &member.name);
            if seen & (1 << number) != 0 {
                let fault = Fault::new(here.to_string(), FaultCode::DuplicateField, "Send this field once.");
                self.push(fault.at_index(index));
                continue;
            }
            seen |= 1 << number;
            self.slot(&member.slot, value, &here, member.required);
        }
        for (number, member) in shape.members.iter().enumerate() {
            if member.required && seen & (1 << number) == 0 {
                let here = Place::Member(place, &member.name);
                self.fault(&here, FaultCode::MissingField, "This field is required.");
            }
        }
    }

    /// A member the contract does not have: one fault, whatever is inside it.
    fn unknown(&mut self, index: usize, name: &str, value: &Node<'_>, place: &Place<'_>) {
        let fault = match self.sensitive(&mut String::new(), name, value) {
            Some(category) => Fault::new(
                place.to_string(),
                FaultCode::SensitiveField,
                "Leave this field out: personal and health information does not belong in a \
                 referral. Point the person to the site's intake path instead.",
            )
            .in_category(category.as_str()),
            None => {
                Fault::new(place.to_string(), FaultCode::UnknownField, "Leave this field out: the contract does not have it.")
            }
        };
        self.push(fault.at_index(index));
    }

    /// What an unknown member's names say, its own first; nested names are read with their path
    /// (`patient.name` says more than `name`).
    fn sensitive(&mut self, path: &mut String, name: &str, value: &Node<'_>) -> Option<Category> {
        if self.names_left == 0 {
            return None;
        }
        self.names_left -= 1;
        let before = path.len();
        if before + name.len() < MAX_NAME_PATH {
            if before > 0 {
                path.push('.');
            }
            path.push_str(name);
        }
        let own = if path.len() > before { classify(path) } else { classify(name) };
        let found = match own {
            NameClass::Sensitive(category) => Some(category),
            NameClass::Unknown => self.sensitive_inside(path, value),
        };
        path.truncate(before);
        found
    }

    fn sensitive_inside(&mut self, path: &mut String, value: &Node<'_>) -> Option<Category> {
        match value {
            Node::Object(members) => members.iter().find_map(|(name, value)| self.sensitive(path, name, value)),
            Node::Array(items) => items.iter().find_map(|item| self.sensitive_inside(path, item)),
            _ => None,
        }
    }

    fn slot(&mut self, slot: &Slot, value: &Node<'_>, place: &Place<'_>, required: bool) {
        if matches!(value, Node::Null) {
            if !slot.nullable {
                let message = if required {
                    "Send a value: null is not allowed here."
                } else {
                    "Send a value or leave the field out: null is not allowed here."
                };
                self.fault(place, FaultCode::NullNotAllowed, message);
            }
            return;
        }
        match (&slot.kind, value) {
            (Kind::Text(shape), Node::String(text)) => self.text(shape, text, place),
            (Kind::Choice(choices), Node::String(text)) => {
                if !choices.iter().any(|choice| choice == text) {
                    let message = format!("Send one of: {}.", choices.join(", "));
                    self.fault(place, FaultCode::UnknownValue, message);
                }
            }
            (Kind::Object(shape), Node::Object(members)) => self.object(shape, members, place),
            (Kind::Array(shape), Node::Array(items)) => self.array(shape, items, place),
            (Kind::Boolean, Node::Bool(_)) => {}
            (Kind::Integer { min, max }, Node::Number(number)) => {
                self.integer(*min, *max, *number, place);
            }
            (Kind::Number { min, max }, Node::Number(number)) => {
                let number = match *number {
                    Number::Unsigned(value) => value as f64,
                    Number::Signed(value) => value as f64,
                    Number::Float(value) => value,
                };
                if !(*min..=*max).contains(&number) {
                    let message = format!("Send a number from {min} to {max}.");
                    self.fault(place, FaultCode::OutOfRange, message);
                }
            }
            (kind, _) => self.fault(place, FaultCode::WrongType, wanted(kind)),
        }
    }

    fn integer(&mut self, min: i128, max: i128, number: Number, place: &Place<'_>) {
        let inside = match number {
            Number::Unsigned(value) => (min..=max).contains(&i128::from(value)),
            Number::Signed(value) => (min..=max).contains(&i128::from(value)),
            // Whole numbers beyond 64 bits arrive as doubles; smaller ones were written with a point.
            Number::Float(value) if value.fract() != 0.0 || value.abs() < 9e18 => {
                let message = "Send a whole number, without decimal point or exponent.";
                return self.fault(place, FaultCode::WrongType, message);
            }
            Number::Float(_) => false,
        };
        if !inside {
            let message = format!("Send a whole number from {min} to {max}.");
            self.fault(place, FaultCode::OutOfRange, message);
        }
    }

    /// One fault per text: the first says enough, and a text with hidden characters has no meaningful length.
    fn text(&mut self, shape: &TextShape, text: &str, place: &Place<'_>) {
        match forbidden_char(text, shape.lines) {
            None => {}
            Some(Forbidden::Character(position)) => {
                let message =
                    format!("Remove the control, invisible or private character at position {position} (counted from 0).");
                return self.fault(place, FaultCode::ForbiddenCharacter, message);
            }
            Some(Forbidden::NotNormalized) => {
                let message = "Send text in Unicode normalisation form C.";
                return self.fault(place, FaultCode::NotNormalized, message);
            }
        }
        let length = text.chars().count();
        if length < shape.min {
            let message = format!("Send at least {}.", counted(shape.min, "character"));
            return self.fault(place, FaultCode::TooShort, message);
        }
        if let Some(max) = shape.max.filter(|max| length > *max) {
            let message = format!("Send at most {}.", counted(max, "character"));
            return self.fault(place, FaultCode::TooLong, message);
        }
        if let Some(Err((code, message))) = shape.format.map(|format| format.check(text)) {
            return self.fault(place, code, message);
        }
        if let Some(pattern) = shape.pattern.as_ref().filter(|p| !p.is_match(text)) {
            let message = format!("Send text that matches {}.", pattern.as_str());
            self.fault(place, FaultCode::BadFormat, message);
        }
    }

    fn array(&mut self, shape: &ArrayShape, items: &[Node<'_>], place: &Place<'_>) {
        if items.len() < shape.min {
            let message = format!("Send at least {}.", counted(shape.min, "item"));
            self.fault(place, FaultCode::TooFewItems, message);
        }
        if items.len() > shape.max {
            let message = format!("Send at most {}.", counted(shape.max, "item"));
            self.fault(place, FaultCode::TooManyItems, message);
        }
        // What lies beyond the limit is refused with the array and not looked at one by one.
        for (index, item) in items.iter().take(shape.max).enumerate() {
            if self.full() {
                return;
            }
            let here = Place::Item(place, index);
            self.slot(&shape.items, item, &here, true);
            if shape.unique && items.iter().take(index).any(|other| other == item) {
                self.fault(&here, FaultCode::DuplicateItem, "Send this item once: items must differ.");
            }
        }
    }
}

fn wanted(kind: &Kind) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        Kind::Object(_) => "Send an object.",
        Kind::Text(_) => "Send a string.",
        Kind::Choice(choices) => {
            return Cow::Owned(format!("Send a string, one of: {}.", choices.join(", ")));
        }
        Kind::Integer { .. } => "Send a whole number.",
        Kind::Number { .. } => "Send a number.",
        Kind::Boolean => "Send true or false.",
        Kind::Array(_) => "Send an array.",
    })
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}
