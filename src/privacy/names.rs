//! What the name of an unknown member says about its content.
//!
//! The contract is the allowlist, so every unknown member is refused; this only decides which refusals tell
//! the sender that personal or health information does not belong here. Contract names never come this
//! far. A name is cut into words (`tokens`), each word gets a role (`lexicon`), and a few rules weigh the
//! roles against each other: `patient_name` is a person's, `file_name` is not.

mod lexicon;
mod operational;
mod tokens;
mod words;

pub use self::operational::is_operational;

use self::lexicon::{Lexicon, Role, Word};
use self::words::person::PATIENT;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameClass {
    /// Nothing that is known to be sensitive.
    Unknown,
    /// Personal or health information of this kind.
    Sensitive(Category),
}

/// Kinds of personal and health information, after HIPAA's identifiers and the entity types of clinical
/// text services. Closed: part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// A person's name.
    Name,
    /// Telephone, e-mail and the like.
    Contact,
    /// Where a person lives or is.
    Address,
    /// Dates of birth and death.
    BirthDate,
    /// Age, sex, ethnicity, occupation and the like.
    Demographics,
    /// Numbers of states: social security, passport, licences.
    GovernmentId,
    /// Record and patient numbers of care providers.
    MedicalRecordNumber,
    /// Health insurance.
    Insurance,
    /// Accounts, cards, income.
    Financial,
    /// Photographs, fingerprints and other biometrics.
    BiometricOrPhoto,
    /// Diseases and conditions.
    Diagnosis,
    /// Drugs, doses, allergies, vaccinations.
    Medication,
    /// Treatments, operations, stays.
    TreatmentOrProcedure,
    /// Laboratory, imaging, vital signs, scores.
    TestResult,
    /// Symptoms and medical history.
    SymptomOrHistory,
    /// Genes and heredity.
    Genetic,
    /// Pregnancy, fertility, contraception.
    PregnancyOrReproductive,
    /// Mental health and substance use.
    MentalHealthOrSubstance,
    /// Parts of the body.
    Anatomy,
    /// Room for narrative: notes, comments, descriptions.
    FreeText,
}

impl Category {
    /// Every category, in the order of the document.
    pub const ALL: &[Category] = &[
        Self::Name,
        Self::Contact,
        Self::Address,
        Self::BirthDate,
        Self::Demographics,
        Self::GovernmentId,
        Self::MedicalRecordNumber,
        Self::Insurance,
        Self::Financial,
        Self::BiometricOrPhoto,
        Self::Diagnosis,
        Self::Medication,
        Self::TreatmentOrProcedure,
        Self::TestResult,
        Self::SymptomOrHistory,
        Self::Genetic,
        Self::PregnancyOrReproductive,
        Self::MentalHealthOrSubstance,
        Self::Anatomy,
        Self::FreeText,
    ];

    /// The category as it stands in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Contact => "contact",
            Self::Address => "address",
            Self::BirthDate => "birth_date",
            Self::Demographics => "demographics",
            Self::GovernmentId => "government_id",
            Self::MedicalRecordNumber => "medical_record_number",
            Self::Insurance => "insurance",
            Self::Financial => "financial",
            Self::BiometricOrPhoto => "biometric_or_photo",
            Self::Diagnosis => "diagnosis",
            Self::Medication => "medication",
            Self::TreatmentOrProcedure => "treatment_or_procedure",
            Self::TestResult => "test_result",
            Self::SymptomOrHistory => "symptom_or_history",
            Self::Genetic => "genetic",
            Self::PregnancyOrReproductive => "pregnancy_or_reproductive",
            Self::MentalHealthOrSubstance => "mental_health_or_substance",
            Self::Anatomy => "anatomy",
            Self::FreeText => "free_text",
        }
    }
}

/// A name of this many words is a sentence: somebody put the content into the name.
const SENTENCE: usize = 8;

/// Classifies a member name, or the dotted path of a nested one.
pub fn classify(name: &str) -> NameClass {
    let lexicon = Lexicon::get();
    let parts = tokens::split(name, lexicon);
    let mut words: Vec<Word> = Vec::with_capacity(parts.len());
    for part in &parts {
        lexicon.resolve(part, &mut words);
    }
    let found =
        lexicon.take_phrases(&mut words).or_else(|| weigh(&words)).or_else(|| is_sentence(name).then_some(Category::FreeText));
    found.map_or(NameClass::Unknown, NameClass::Sensitive)
}

/// Counted within one step of a path: a deeply nested name has many words and says nothing by it.
fn is_sentence(name: &str) -> bool {
    let is_word = |word: &&str| word.len() > 1 && word.chars().all(char::is_alphabetic);
    name.split(['.', '/', '[']).any(|step| step.split([' ', '_', '-']).filter(is_word).count() >= SENTENCE)
}

/// The rules between words.
fn weigh(words: &[Word]) -> Option<Category> {
    let roles = || words.iter().map(|word| word.role);
    let strong = roles().find_map(|role| match role {
        Role::Strong(category) => Some(category),
        _ => None,
    });
    if strong.is_some() {
        return strong;
    }
    let person = roles().any(|role| role == Role::Person);
    let soft_person = roles().any(|role| role == Role::SoftPerson);
    let operational = roles().any(|role| role == Role::Operational);
    let weak = roles().find_map(|role| match role {
        Role::Weak(category) => Some(category),
        _ => None,
    });
    let lone = roles().find_map(|role| match role {
        Role::Lone(category) => Some(category),
        _ => None,
    });
    if person && lone.is_some() {
        return lone;
    }
    if weak.is_some() && (person || soft_person || lone.is_some() || !operational) {
        return weak;
    }
    let attribute = || words.iter().find_map(|word| word.attribute);
    if person && attribute().is_some() {
        return attribute();
    }
    let bare = roles().all(|role| matches!(role, Role::Lone(_) | Role::Decoration | Role::Person | Role::SoftPerson));
    if bare && lone.is_some() {
        return lone;
    }
    let patient = || words.iter().any(|word| PATIENT.contains(&word.text.as_str()));
    (bare && person && patient()).then_some(Category::Name)
}

#[cfg(test)]
mod tests;
