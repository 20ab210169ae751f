//! The walk over a body beside its shape. A clean body costs no allocation: places are linked on the
//! stack and written out only for a fault.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::{ArrayShape, Guard, Kind, MAX_FAULTS, ObjectShape, Slot, TextShape};
use crate::domain::fault::{Fault, FaultCode};
use crate::privacy::codes;
use crate::privacy::guard::{self, Profile, Registered};
use crate::privacy::json::{Forbidden, Node, Number, forbidden_char};
use crate::privacy::names::{Category, NameClass, classify};

/// Most names of unknown members that are classified in one body. They are refused either way; the bound
/// keeps a body of nothing but strange names cheap.
const MAX_CLASSIFIED: usize = 256;

/// Longest path of an unknown subtree that is looked at as one name.
const MAX_NAME_PATH: usize = 256;

/// From this many words on a value is prose.
const PROSE: usize = 3;

pub(super) fn check(shape: &ObjectShape, root: &Node<'_>, registered: &Registered) -> Vec<Fault> {
    let mut walk = Walk { faults: Vec::new(), names_left: MAX_CLASSIFIED, registered };
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

struct Walk<'r> {
    faults: Vec<Fault>,
    names_left: usize,
    registered: &'r Registered,
}

impl Walk<'_> {
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
                if !choices.iter().any(|choice| choice == text) && !self.is_prose_refused(text, place) {
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
            (_, Node::String(text)) if self.is_prose_refused(text, place) => {}
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
    /// A text is refused for its content before it is refused for its form: whoever put a narrative where a code belongs is told so.
    fn text(&mut self, shape: &TextShape, text: &str, place: &Place<'_>) {
        let misfit = misfit(shape, text);
        if let Some((code @ (FaultCode::ForbiddenCharacter | FaultCode::NotNormalized), message)) = misfit {
            return self.fault(place, code, message);
        }
        let is_refused = match shape.guard {
            Guard::As(profile) => self.guarded(text, profile, place),
            Guard::Code => self.is_code_refused(codes::refuse(text, self.registered), place),
            Guard::Tag => self.is_code_refused(codes::refuse_tag(text, self.registered), place),
            Guard::WhenRefused => misfit.is_some() && self.is_prose_refused(text, place),
            Guard::Never => false,
        };
        if is_refused {
            return;
        }
        if let Some((code, message)) = misfit {
            self.fault(place, code, message);
        }
    }

    fn is_code_refused(&mut self, refused: Option<codes::Refused>, place: &Place<'_>) -> bool {
        let Some(refused) = refused else { return false };
        let message = "Send a code of your own for the record, and no message in its letters.";
        let fault = Fault::new(place.to_string(), FaultCode::SensitiveContent, message);
        self.push(fault.in_category(refused.category).by_rule(refused.rule));
        true
    }

    /// The same for a text where a code, a number or an id belongs. A word or two are a slip, and told as one.
    fn is_prose_refused(&mut self, text: &str, place: &Place<'_>) -> bool {
        text.split_whitespace().count() >= PROSE && self.guarded(text, Profile::Strict, place)
    }

    /// Whether the guard refuses the text; then that is the fault of this place.
    fn guarded(&mut self, text: &str, profile: Profile, place: &Place<'_>) -> bool {
        let verdict = guard::check(text, profile, self.registered);
        if !verdict.sensitive {
            return false;
        }
        let message = "Send a code or an operational text: personal and health information does not belong in a referral. \
                       Point the person to the site's intake path instead.";
        let mut fault = Fault::new(place.to_string(), FaultCode::SensitiveContent, message);
        if let Some(category) = verdict.categories.iter().next() {
            fault = fault.in_category(category.as_str());
        }
        if let Some(rule) = verdict.rules.iter().next() {
            fault = fault.by_rule(rule.as_str());
        }
        self.push(fault);
        true
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

/// What of the text's form is outside the contract.
fn misfit(shape: &TextShape, text: &str) -> Option<(FaultCode, Cow<'static, str>)> {
    match forbidden_char(text, shape.lines) {
        None => {}
        Some(Forbidden::Character) => {
            return Some((FaultCode::ForbiddenCharacter, "Remove control, invisible and private characters.".into()));
        }
        Some(Forbidden::NotNormalized) => {
            return Some((FaultCode::NotNormalized, "Send text in Unicode normalisation form C.".into()));
        }
    }
    let length = text.chars().count();
    if length < shape.min {
        return Some((FaultCode::TooShort, format!("Send at least {}.", counted(shape.min, "character")).into()));
    }
    if let Some(max) = shape.max.filter(|max| length > *max) {
        return Some((FaultCode::TooLong, format!("Send at most {}.", counted(max, "character")).into()));
    }
    if let Some(Err((code, message))) = shape.format.map(|format| format.check(text)) {
        return Some((code, message.into()));
    }
    let pattern = shape.pattern.as_ref().filter(|pattern| !pattern.is_match(text))?;
    Some((FaultCode::BadFormat, format!("Send text that matches {}.", pattern.as_str()).into()))
}
