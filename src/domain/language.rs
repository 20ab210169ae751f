//! Approved language (PRODUCT.md §1): the words of a version's life, its seven parts, and which steps its status allows.

text_enum! {
    /// Where a language version stands: `draft → in_review → approved → superseded | retired`.
    pub enum LanguageStatus {
        Draft = "draft",
        InReview = "in_review",
        Approved = "approved",
        Superseded = "superseded",
        Retired = "retired",
    }
}

text_enum! {
    /// Who a language version is written for.
    pub enum LanguageAudience {
        GeneralPublic = "general_public",
        PatientsAndFamilies = "patients_and_families",
        HealthProfessionals = "health_professionals",
    }
}

text_enum! {
    /// A part of a language version. Each one is there, in this order.
    pub enum LanguagePart {
        PublicName = "public_name",
        ShortDescription = "short_description",
        WhoMayContact = "who_may_contact",
        WhatSiteReviews = "what_site_reviews",
        WhatNotToPromise = "what_not_to_promise",
        WhereToGo = "where_to_go",
        WhoHandlesQuestions = "who_handles_questions",
    }
}

impl LanguagePart {
    /// Its heading, in the text that a partner pastes.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::PublicName => "Study",
            Self::ShortDescription => "About the study",
            Self::WhoMayContact => "Who may contact the site",
            Self::WhatSiteReviews => "What the site will review",
            Self::WhatNotToPromise => "What not to promise",
            Self::WhereToGo => "Where interested people go",
            Self::WhoHandlesQuestions => "Who handles questions",
        }
    }
}

text_enum! {
    /// Why a language version in review goes back to draft.
    pub enum LanguageReturnReason {
        WordingUnclear = "wording_unclear",
        PartIncomplete = "part_incomplete",
        PromisesTooMuch = "promises_too_much",
        ApprovalNotMatching = "approval_not_matching",
        DatesWrong = "dates_wrong",
    }
}

text_enum! {
    /// Why a language version was retired. `expired` is set by the server, when the last day of an approval is over.
    pub enum LanguageRetirementReason {
        ApprovalWithdrawn = "approval_withdrawn",
        StudyEnded = "study_ended",
        EnteredInError = "entered_in_error",
        Expired = "expired",
    }
}

text_enum! {
    /// Why somebody retires a language version.
    pub enum RetireLanguageReason { ApprovalWithdrawn = "approval_withdrawn", StudyEnded = "study_ended", EnteredInError = "entered_in_error" }
}

impl From<RetireLanguageReason> for LanguageRetirementReason {
    fn from(reason: RetireLanguageReason) -> Self {
        match reason {
            RetireLanguageReason::ApprovalWithdrawn => Self::ApprovalWithdrawn,
            RetireLanguageReason::StudyEnded => Self::StudyEnded,
            RetireLanguageReason::EnteredInError => Self::EnteredInError,
        }
    }
}

text_enum! {
    /// Where a partner stands with the language of a study. `in_grace`: it acknowledged the version before, which still counts for some
    /// days. `lapsed`: it acknowledged a version that does not count any more. With `acknowledged` and `in_grace` it may refer.
    pub enum LanguageStanding {
        Acknowledged = "acknowledged",
        InGrace = "in_grace",
        Lapsed = "lapsed",
        NeverAcknowledged = "never_acknowledged",
        NoApprovedLanguage = "no_approved_language",
    }
}

/// What a person may do with a language version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LanguageMove {
    /// Put a draft before a reviewer.
    Submit,
    /// Give it back to its authors.
    Return,
    /// Approve it.
    Approve,
    /// End it for good.
    Retire,
}

impl LanguageMove {
    /// Every move, in the order of a version's life.
    pub const ALL: &'static [Self] = &[Self::Submit, Self::Return, Self::Approve, Self::Retire];

    /// Its word, as it stands in the path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Return => "return",
            Self::Approve => "approve",
            Self::Retire => "retire",
        }
    }

    /// Where it leads from this status, if it may be made.
    #[must_use]
    pub const fn from(self, status: LanguageStatus) -> Option<LanguageStatus> {
        use LanguageStatus::{Approved, Draft, InReview, Retired};
        match (self, status) {
            (Self::Submit, Draft) => Some(InReview),
            (Self::Return, InReview) => Some(Draft),
            (Self::Approve, InReview) => Some(Approved),
            (Self::Retire, Draft | InReview | Approved) => Some(Retired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_approved_from_review_alone_and_what_has_ended_stays_so() {
        let mut table = String::new();
        for status in LanguageStatus::ALL {
            let moves: Vec<&str> =
                LanguageMove::ALL.iter().filter(|step| step.from(*status).is_some()).map(|step| step.as_str()).collect();
            table.push_str(&format!("{status}: {}\n", moves.join(" ")));
        }
        assert_eq!(table, "draft: submit retire\nin_review: return approve retire\napproved: retire\nsuperseded: \nretired: \n");
    }

    #[test]
    fn a_person_retires_for_every_reason_but_expiry() {
        let of_people: Vec<_> = RetireLanguageReason::ALL.iter().map(|reason| LanguageRetirementReason::from(*reason)).collect();
        let rest: Vec<_> = LanguageRetirementReason::ALL.iter().filter(|reason| !of_people.contains(reason)).collect();
        assert_eq!(rest, [&LanguageRetirementReason::Expired]);
        assert!(RetireLanguageReason::ALL.iter().all(|r| LanguageRetirementReason::from(*r).as_str() == r.as_str()));
    }
}
