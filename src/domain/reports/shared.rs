//! What partners and sponsors are told: which figures, and what to do about them.

use super::{Figure, Key};
use crate::domain::language::LanguagePart;
use crate::domain::vocabulary::{HandoffIssue, NotAcceptedReason, PartnerReferralStatus};

/// The issues that partners hear of: what went wrong with what they sent, and what people expected that came from them.
pub const TOLD_ISSUES: &[HandoffIssue] = &[
    HandoffIssue::SensitiveContentSent,
    HandoffIssue::ChannelNotApproved,
    HandoffIssue::StaleLanguage,
    HandoffIssue::ExpectationPayment,
    HandoffIssue::ExpectationTreatment,
    HandoffIssue::ExpectationEligibility,
    HandoffIssue::ExpectationTiming,
    HandoffIssue::MaterialsUnclear,
];

/// Whether a partner knows already that a figure holds of a referral of its own, from the class that it sees.
#[must_use]
pub fn is_known(key: Key, class: PartnerReferralStatus, code: Option<NotAcceptedReason>) -> bool {
    match key {
        Key::Of(Figure::Volume) => true,
        Key::Of(Figure::Incomplete) => {
            class == PartnerReferralStatus::NeedsPartnerAction || code == Some(NotAcceptedReason::IncompleteHandoff)
        }
        Key::Of(Figure::WrongStudy) => code == Some(NotAcceptedReason::WrongStudy),
        _ => false,
    }
}

/// The part of the approved language that meets what people expected wrongly; `None`: no words would have.
#[must_use]
pub const fn language_part(issue: HandoffIssue) -> Option<LanguagePart> {
    match issue {
        HandoffIssue::ExpectationPayment | HandoffIssue::ExpectationTreatment => Some(LanguagePart::WhatNotToPromise),
        HandoffIssue::ExpectationEligibility => Some(LanguagePart::WhatSiteReviews),
        HandoffIssue::ExpectationTiming => Some(LanguagePart::WhereToGo),
        HandoffIssue::MaterialsUnclear => Some(LanguagePart::ShortDescription),
        _ => None,
    }
}

/// What a partner does about an issue, as a sentence for a person.
#[must_use]
pub const fn what_to_do(issue: HandoffIssue) -> &'static str {
    match issue {
        HandoffIssue::MissingSourceTag => {
            "Send the route's source tag with every referral, and put it into every link to the intake."
        }
        HandoffIssue::WrongStudy => {
            "Read who may contact the site for which study, and name the study that the person asked about."
        }
        HandoffIssue::IncompleteHandoff => "Send the referral once the person has the handoff code and the intake address.",
        HandoffIssue::SensitiveContentSent => {
            "Send codes alone: what a person tells about their health, they tell at the intake."
        }
        HandoffIssue::ChannelNotApproved => "Use the channels of your route only; ask the site before you open another one.",
        HandoffIssue::StaleLanguage => "Replace printed and online copies with the approved text that counts now.",
        HandoffIssue::ExpectationPayment => {
            "Say what not to promise about payment in the approved words, and nothing beyond them."
        }
        HandoffIssue::ExpectationTreatment => "Say that the study is research, in the approved words, and promise no treatment.",
        HandoffIssue::ExpectationEligibility => "Say that the site reviews whether the study fits; nobody qualifies before that.",
        HandoffIssue::ExpectationTiming => "Say where interested people go and that the site contacts them; promise no date.",
        HandoffIssue::MaterialsUnclear => "Use the approved short description as it is; ask the site where people misread it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_has_something_to_do_about_it() {
        assert!(HandoffIssue::ALL.iter().all(|issue| what_to_do(*issue).ends_with('.')));
    }
}
