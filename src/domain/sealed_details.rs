//! Sealed details: the values of the fields that an approved process opens (`approved_process`), and the form in which they are sealed.
//!
//! They are on their way through: from a request into the seal, and from the seal into the answer of a read. Nothing prints them.

use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::approved_process::{AgeBand, InterpreterLanguage, PreferredContactTime, ProcessField, SealedNote};

text_enum! {
    /// What sealed details are read for.
    pub enum DetailsPurpose {
        ContactPerson = "contact_person",
        ArrangeInterpreter = "arrange_interpreter",
        PlanVisit = "plan_visit",
        AnswerPersonRequest = "answer_person_request",
    }
}

/// The details of one person, in the clear.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// When the person would rather be called.
    pub preferred_contact_time: Option<PreferredContactTime>,
    /// The language that an interpreter would speak.
    pub interpreter_language: Option<InterpreterLanguage>,
    /// How old the person is, in bands.
    pub age_band: Option<AgeBand>,
    /// A note to the study team.
    pub sealed_note: Option<SealedNote>,
}

// A code tells of a person as much as a note does.
impl std::fmt::Debug for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Details(redacted)")
    }
}

/// The form that is sealed. A note has no other JSON form, so that nothing else can write one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_contact_time: Option<PreferredContactTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interpreter_language: Option<InterpreterLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_band: Option<AgeBand>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    sealed_note: Option<std::borrow::Cow<'a, str>>,
}

impl Details {
    /// What is sealed is a multiple of this long, so that its length does not tell one code from another, nor a short note from a
    /// long one.
    pub const BLOCK: usize = 512;

    /// Which fields they hold, in the order of the vocabulary.
    #[must_use]
    pub fn fields(&self) -> Vec<ProcessField> {
        let holds = |field: &ProcessField| match field {
            ProcessField::PreferredContactTime => self.preferred_contact_time.is_some(),
            ProcessField::InterpreterLanguage => self.interpreter_language.is_some(),
            ProcessField::AgeBand => self.age_band.is_some(),
            ProcessField::SealedNote => self.sealed_note.is_some(),
        };
        ProcessField::ALL.iter().copied().filter(holds).collect()
    }

    /// The bytes to seal: JSON, filled up with blanks. `None` only if it could not be written.
    #[must_use]
    pub fn to_plain(&self) -> Option<Zeroizing<Vec<u8>>> {
        let plain = Plain {
            preferred_contact_time: self.preferred_contact_time,
            interpreter_language: self.interpreter_language.clone(),
            age_band: self.age_band,
            sealed_note: self.sealed_note.as_ref().map(|note| note.as_str().into()),
        };
        let mut bytes = Zeroizing::new(serde_json::to_vec(&plain).ok()?);
        let filled = bytes.len().next_multiple_of(Self::BLOCK);
        bytes.resize(filled, b' ');
        Some(bytes)
    }

    /// The details of bytes that were sealed; `None` when they are no such bytes.
    #[must_use]
    pub fn from_plain(bytes: &[u8]) -> Option<Self> {
        let plain: Plain<'_> = serde_json::from_slice(bytes).ok()?;
        let sealed_note = plain.sealed_note.map(|note| SealedNote::parse(note.into_owned())).transpose().ok()?;
        Some(Self {
            preferred_contact_time: plain.preferred_contact_time,
            interpreter_language: plain.interpreter_language,
            age_band: plain.age_band,
            sealed_note,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_age(age_band: AgeBand) -> Details {
        Details { age_band: Some(age_band), ..Details::default() }
    }

    #[test]
    fn what_goes_into_the_seal_comes_out_of_it_and_nothing_prints_it() {
        let note = SealedNote::parse("Prefers \"a call\" at work \u{1F426}").unwrap();
        let all = Details {
            preferred_contact_time: Some(PreferredContactTime::Weekend),
            interpreter_language: Some(InterpreterLanguage::parse("es").unwrap()),
            age_band: Some(AgeBand::From80),
            sealed_note: Some(note),
        };
        for details in [all.clone(), with_age(AgeBand::Under18), Details::default()] {
            assert_eq!(Details::from_plain(&details.to_plain().unwrap()).as_ref(), Some(&details));
        }
        assert_eq!(all.fields(), ProcessField::ALL);
        assert_eq!(with_age(AgeBand::Under18).fields(), [ProcessField::AgeBand]);
        assert_eq!(format!("{all:?}"), "Details(redacted)");
        assert!(Details::from_plain(b"{\"diagnosis\": \"x\"}").is_none() && Details::from_plain(b"").is_none());
    }

    #[test]
    fn the_length_of_a_seal_tells_no_value() {
        let lengths = |details: Vec<Details>| {
            let mut lengths: Vec<_> = details.iter().map(|details| details.to_plain().unwrap().len()).collect();
            lengths.dedup();
            lengths
        };
        assert_eq!(lengths(AgeBand::ALL.iter().map(|band| with_age(*band)).collect()), [Details::BLOCK]);
        let noted = |length| Details { sealed_note: SealedNote::parse("x".repeat(length)).ok(), ..Details::default() };
        assert_eq!(lengths((1..=400).map(noted).collect()), [Details::BLOCK]);
    }
}
