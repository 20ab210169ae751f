//! The rule table: one file per family, each rule as phrases of the pattern language. To add a phrase, write it into its rule, put
//! sentences with and without it into the labelled set, and raise `RULES_VERSION`.

mod claims;
mod eligibility;
mod joining;
mod money;
mod pressure;
mod privacy;

use super::vocabulary::LanguageRule;

/// A rule that reads words.
#[derive(Debug)]
pub(super) struct Rule {
    pub id: LanguageRule,
    /// What breaks the rule, unless it is negated.
    pub phrases: &'static [&'static str],
    /// Harmless readings: a phrase that shares a word with one of these is none.
    pub allow: &'static [&'static str],
    /// What in the same sentence takes the edge off every phrase.
    pub unless: &'static [&'static str],
    /// Whether "may", "whether", "to see if" and the like before it make it an open question.
    pub may_be_open: bool,
}

/// Every rule that reads words.
pub(super) const TABLE: &[&[Rule]] =
    &[eligibility::RULES, claims::RULES, money::RULES, joining::RULES, pressure::RULES, privacy::RULES];
