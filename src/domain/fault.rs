//! What is wrong with one place of a request body, in words an integrator can act on.
//!
//! A fault locates and explains; it never quotes. Pointers are built from contract names and array
//! positions only, messages from sentences and contract limits only, so that a fault may be answered,
//! logged and counted without carrying what somebody sent. The problem body made of faults lives in `error`.

use std::borrow::Cow;
use std::fmt;

/// The version of the guard that classes values (`privacy::guard`); it changes with every change of its rules, lists or model.
pub const GUARD_VERSION: &str = "guard-2";

/// Most faults one answer carries: enough to correct a body, too few to be worth sending rubbish for.
pub const MAX_FAULTS: usize = 100;

/// One fault of a request body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// RFC 6901 pointer made of contract names and array positions. For an unknown member it is the
    /// pointer of the parent object (the member's own name may itself carry content).
    pub pointer: String,
    /// For an unknown or repeated member: its position within the parent object, from 0, in order of appearance.
    pub index: Option<usize>,
    /// What kind of fault it is.
    pub code: FaultCode,
    /// For sensitive names and content: the kind of information, from a closed vocabulary.
    pub category: Option<&'static str>,
    /// For sensitive content: the rule of the guard that refused it, from a closed vocabulary.
    pub rule: Option<&'static str>,
    /// A sentence that says what to do. Holds contract limits, never a value or an unknown name.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// A fault at a place of the contract.
    pub fn new(pointer: impl Into<String>, code: FaultCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: pointer.into(), index: None, code, category: None, rule: None, message: message.into() }
    }

    /// The same fault, located by the member's position within its parent object.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// The same fault, with the kind of information it is about.
    #[must_use]
    pub fn in_category(mut self, category: &'static str) -> Self {
        self.category = Some(category);
        self
    }

    /// The same fault, with the rule that found it.
    #[must_use]
    pub fn by_rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }
}

/// The closed list of fault codes; part of the contract, so a new one is an addition to the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultCode {
    /// A member the contract does not have.
    UnknownField,
    /// A member the contract does not have, whose name says that it carries personal or health information.
    SensitiveField,
    /// A value that looks like personal or health information.
    SensitiveContent,
    /// The same member twice in one object.
    DuplicateField,
    /// A required member is absent.
    MissingField,
    /// `null` where the contract wants a value.
    NullNotAllowed,
    /// Another JSON type than the contract's.
    WrongType,
    /// Fewer characters than the contract's minimum.
    TooShort,
    /// More characters than the contract's maximum.
    TooLong,
    /// Not the contract's format or pattern.
    BadFormat,
    /// Not one of the contract's values.
    UnknownValue,
    /// A code or id that names nothing this caller may use.
    UnknownReference,
    /// A number or time outside the contract's limits.
    OutOfRange,
    /// Fewer items than the contract's minimum.
    TooFewItems,
    /// More items than the contract's maximum.
    TooManyItems,
    /// The same item twice where items must differ.
    DuplicateItem,
    /// A control, invisible, direction or private character.
    ForbiddenCharacter,
    /// Text that is not in Unicode normalisation form C.
    NotNormalized,
    /// Members that are valid alone and contradict each other.
    Inconsistent,
    /// An address that is not public or without TLS; where the server itself connects to it, also one that its operator did not allow.
    AddressNotAllowed,
    /// A member of the contract that only an approved process opens, and none does for this partner and study today.
    NotApproved,
}

impl FaultCode {
    /// Every code, in the order of the document.
    pub const ALL: &[FaultCode] = &[
        Self::UnknownField,
        Self::SensitiveField,
        Self::SensitiveContent,
        Self::DuplicateField,
        Self::MissingField,
        Self::NullNotAllowed,
        Self::WrongType,
        Self::TooShort,
        Self::TooLong,
        Self::BadFormat,
        Self::UnknownValue,
        Self::UnknownReference,
        Self::OutOfRange,
        Self::TooFewItems,
        Self::TooManyItems,
        Self::DuplicateItem,
        Self::ForbiddenCharacter,
        Self::NotNormalized,
        Self::Inconsistent,
        Self::AddressNotAllowed,
        Self::NotApproved,
    ];

    /// The code as it stands in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::SensitiveField => "sensitive_field",
            Self::SensitiveContent => "sensitive_content",
            Self::DuplicateField => "duplicate_field",
            Self::MissingField => "missing_field",
            Self::NullNotAllowed => "null_not_allowed",
            Self::WrongType => "wrong_type",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::BadFormat => "bad_format",
            Self::UnknownValue => "unknown_value",
            Self::UnknownReference => "unknown_reference",
            Self::OutOfRange => "out_of_range",
            Self::TooFewItems => "too_few_items",
            Self::TooManyItems => "too_many_items",
            Self::DuplicateItem => "duplicate_item",
            Self::ForbiddenCharacter => "forbidden_character",
            Self::NotNormalized => "not_normalized",
            Self::Inconsistent => "inconsistent",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NotApproved => "not_approved",
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_its_own_snake_case_text() {
        let texts: BTreeSet<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), FaultCode::ALL.len());
        for text in texts {
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
    }

    #[test]
    fn the_list_of_codes_is_complete_and_in_declaration_order() {
        let mut sorted = FaultCode::ALL.to_vec();
        sorted.sort();
        assert_eq!(sorted, FaultCode::ALL);
        assert_eq!(FaultCode::ALL.last().map(|code| *code as usize + 1), Some(FaultCode::ALL.len()));
    }
}
