//! The value guard: does a text tell something about an individual's health, care, identity or contact?
//!
//! Layers, each in its file: the character gate refuses disguise (`gate`), patterns find identifiers (`identifiers`), a
//! compiled lexicon classes words (`lexicon`, `words`) and a linear model weighs classes and character n-grams
//! (`features`, `model`). A verdict names categories and rules and nothing of the text. Field names are `names`' business.

pub mod features;
pub mod fold;
mod gate;
mod identifiers;
pub mod lexicon;
pub mod model;
mod registered;
pub mod training;
mod vocabulary;
pub mod words;

pub use crate::domain::fault::GUARD_VERSION;

pub use self::registered::Registered;
pub use self::vocabulary::{Category, Rule, Set, SetMember};

use self::features::Summary;
use self::lexicon::{Class, Classes};
use self::model::Model;

/// Who wrote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Partners and integrations: nothing clinical is expected.
    Strict,
    /// Study and partner copy registered by staff: names diseases and drugs, but nobody in particular.
    Copy,
}

/// What the guard says. Nothing in it is taken from the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the text must be refused.
    pub sensitive: bool,
    /// Likelihood of sensitive content by the model, 0 to 1; 1 if a rule alone decides.
    pub score: f32,
    /// Kinds of content found.
    pub categories: Set<Category>,
    /// Rules that refuse the text.
    pub rules: Set<Rule>,
}

/// Makes ready what is made on first use, so that no request waits for it. Optional.
pub fn prepare() {
    identifiers::prepare();
}

/// Judges a text with the model of this build.
pub fn check(text: &str, profile: Profile, registered: &Registered) -> Verdict {
    check_with(&Model::compiled(), text, profile, registered)
}

/// Judges a text with a given model.
pub fn check_with(model: &Model<'_>, text: &str, profile: Profile, registered: &Registered) -> Verdict {
    // Space around a value says nothing. Other blanks are characters to judge.
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let mut rules = Set::EMPTY;
    let folded = fold::fold(text);
    let words = words::read(&folded, model.lexicon, registered);
    gate::inspect(text, &words, model.lexicon, &mut rules);
    identifiers::inspect(&folded, &words, profile, &mut rules);
    let mut categories = Set::EMPTY;
    for rule in rules.iter() {
        categories.insert(rule.category());
    }
    let decided = !rules.is_empty();
    let mut log_odds = f32::NEG_INFINITY;
    model.read(&words, |score, summary| {
        if !counts(profile, summary) {
            return;
        }
        log_odds = log_odds.max(score);
        if score >= threshold(model, profile) {
            describe(summary, &mut rules, &mut categories);
        }
    });
    let score = if decided { 1.0 } else { 1.0 / (1.0 + (-log_odds).exp()) };
    Verdict { sensitive: !rules.is_empty(), score, categories, rules }
}

/// The kind of the first word that names a disease, a symptom or a drug and that no registered name has. Nothing is weighed: the word
/// is listed, or it is not. For codes, of which the model knows nothing.
pub fn names_ailment(text: &str, registered: &Registered) -> Option<Category> {
    const SHORTEST: usize = 4;
    let folded = fold::fold(text);
    let words = words::read(&folded, Model::compiled().lexicon, registered);
    let is_named = |word: &&words::Word<'_>| {
        !word.is_registered && word.bytes.len() >= SHORTEST && word.bytes.iter().all(u8::is_ascii_alphabetic)
    };
    words.iter().filter(is_named).find_map(|word| match word.class {
        Class::Medication => Some(Category::Medication),
        Class::Condition | Class::Mental | Class::Symptom => Some(Category::MedicalCondition),
        _ => None,
    })
}

/// The model's log-odds of a text alone, as `check_with` compares them with the threshold; for training.
pub fn log_odds(model: &Model<'_>, text: &str, profile: Profile) -> f32 {
    let folded = fold::fold(text);
    let words = words::read(&folded, model.lexicon, &Registered::NONE);
    let mut highest = f32::NEG_INFINITY;
    model.read(&words, |score, summary| {
        if counts(profile, summary) {
            highest = highest.max(score);
        }
    });
    highest
}

/// Copy is judged only where it speaks of one person: it may name what it likes otherwise.
fn counts(profile: Profile, summary: &Summary) -> bool {
    profile == Profile::Strict
        || (summary.classes.intersects(Classes::INDIVIDUAL) && summary.classes.intersects(Classes::CLINICAL))
}

const fn threshold(model: &Model<'_>, profile: Profile) -> f32 {
    match profile {
        Profile::Strict => model.strict,
        Profile::Copy => model.copy,
    }
}

/// Rules and categories of a segment that the model refuses.
fn describe(summary: &Summary, rules: &mut Set<Rule>, categories: &mut Set<Category>) {
    let classes = summary.classes;
    rules.insert(Rule::NarrativeModel);
    let is_clinical = classes.intersects(Classes::CLINICAL);
    if is_clinical {
        rules.insert(Rule::ClinicalTerms);
    }
    if is_clinical && classes.intersects(Classes::INDIVIDUAL) {
        rules.insert(Rule::PersonWithClinical);
    }
    let mut is_named = false;
    for (category, members) in CATEGORIES {
        if classes.intersects(*members) {
            categories.insert(*category);
            is_named = true;
        }
    }
    if is_named && classes.contains(Class::Since) {
        categories.insert(Category::TimeExpression);
    }
    if !is_named {
        categories.insert(Category::ProtectedHealthInformation);
    }
}

/// Which classes of words stand for which category.
const CATEGORIES: &[(Category, Classes)] = &[
    (Category::Medication, Classes::of(&[Class::Medication, Class::Dosing])),
    (Category::MedicalCondition, Classes::of(&[Class::Condition, Class::Mental, Class::Symptom])),
    (Category::ProtectedHealthInformation, Classes::of(&[Class::Identity])),
    (Category::TestTreatmentProcedure, Classes::of(&[Class::Procedure, Class::Test, Class::Care])),
    (Category::Anatomy, Classes::of(&[Class::Anatomy])),
    (Category::BehavioralEnvironmentalSocial, Classes::of(&[Class::Social, Class::Function])),
];

#[cfg(test)]
mod tests;
