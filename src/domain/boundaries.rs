//! What a partner may do for a study and what it must not, and what of a partner's pay an admin has to know (PRODUCT.md, "Boundaries").

use super::fault::{Fault, FaultCode};
use super::vocabulary::RemunerationBasis;

text_enum! {
    /// What a partner may do for a study.
    pub enum PartnerMay {
        MentionStudy = "mention_study",
        HandOver = "hand_over",
        CollectListedFields = "collect_listed_fields",
    }
}

text_enum! {
    /// What a partner must not do for a study.
    pub enum PartnerMayNot {
        ImplyEligibility = "imply_eligibility",
        EnrolOrConsent = "enrol_or_consent",
        AnswerConsentQuestions = "answer_consent_questions",
        CollectHealthInformation = "collect_health_information",
        DiscussResults = "discuss_results",
        PromisePayment = "promise_payment",
        PromiseTreatment = "promise_treatment",
        UseOtherLanguage = "use_other_language",
    }
}

text_enum! {
    /// What the site's people have to look at before they work with a partner: pay that depends on how many people come, or stay.
    pub enum PartnerFlag {
        RemunerationPerReferral = "remuneration_per_referral",
        RemunerationPerEnrolment = "remuneration_per_enrolment",
    }
}

/// What a partner may do for a study and what it must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundaries {
    /// What it may do.
    pub may: Vec<PartnerMay>,
    /// What it must not do.
    pub may_not: Vec<PartnerMayNot>,
}

impl Default for Boundaries {
    fn default() -> Self {
        Self { may: PartnerMay::ALL.to_vec(), may_not: PartnerMayNot::ALL.to_vec() }
    }
}

/// A change to boundaries; `None` leaves a list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BoundariesPatch {
    /// What it may do.
    pub may: Option<Vec<PartnerMay>>,
    /// What it must not do.
    pub may_not: Option<Vec<PartnerMayNot>>,
}

impl BoundariesPatch {
    /// Every fault of what it sets.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.may_not.as_deref().map(faults).unwrap_or_default()
    }

    /// The boundaries of a new route.
    #[must_use]
    pub fn or_default(self) -> Boundaries {
        let default = Boundaries::default();
        Boundaries { may: self.may.unwrap_or(default.may), may_not: self.may_not.unwrap_or(default.may_not) }
    }
}

/// What no partner ever may: it stands in every list.
pub const NEVER: &[PartnerMayNot] = &[
    PartnerMayNot::ImplyEligibility,
    PartnerMayNot::EnrolOrConsent,
    PartnerMayNot::AnswerConsentQuestions,
    PartnerMayNot::CollectHealthInformation,
];

/// Every fault of what a partner must not do: a list without what no partner ever may.
#[must_use]
pub fn faults(may_not: &[PartnerMayNot]) -> Vec<Fault> {
    if NEVER.iter().all(|never| may_not.contains(never)) {
        return Vec::new();
    }
    let words: Vec<&str> = NEVER.iter().map(|never| never.as_str()).collect();
    let message = format!("These stand in every list, since no partner ever may: {}. Add them.", words.join(", "));
    vec![Fault::new("/boundaries/may_not", FaultCode::Inconsistent, message)]
}

/// What the site's people have to look at, by how a partner is paid.
#[must_use]
pub fn flags(basis: RemunerationBasis) -> Vec<PartnerFlag> {
    match basis {
        RemunerationBasis::PerReferral => vec![PartnerFlag::RemunerationPerReferral],
        RemunerationBasis::PerEnrolment => vec![PartnerFlag::RemunerationPerEnrolment],
        RemunerationBasis::None | RemunerationBasis::Flat | RemunerationBasis::Hourly => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_partner_ever_may_stands_in_every_list() {
        assert_eq!(faults(PartnerMayNot::ALL), []);
        assert_eq!(faults(NEVER), []);
        for never in NEVER {
            let without: Vec<_> = PartnerMayNot::ALL.iter().copied().filter(|word| word != never).collect();
            assert_eq!(faults(&without).len(), 1, "{never}");
        }
    }

    #[test]
    fn only_pay_that_counts_people_is_flagged() {
        let flagged: Vec<_> = RemunerationBasis::ALL.iter().filter(|basis| !flags(**basis).is_empty()).collect();
        assert_eq!(flagged, [&RemunerationBasis::PerReferral, &RemunerationBasis::PerEnrolment]);
    }
}
