//! The rules of the language check by name: what each means, how grave it is, and where it comes from.

text_enum! {
    /// What a draft is meant for.
    pub enum DraftKind {
        Flyer = "flyer",
        Email = "email",
        WebCopy = "web_copy",
        Script = "script",
    }
}

text_enum! {
    /// What a finding asks for. `must_change`: the draft cannot go out so. `review`: a person of the site decides.
    pub enum FindingSeverity { MustChange = "must_change", Review = "review" }
}

text_enum! {
    /// A rule of the language check. `source` of each finding says where it comes from.
    ///
    /// `implied_eligibility`: somebody is told that they qualify. `promised_benefit`: an effect is claimed. `promised_safety`: safety is
    /// claimed. `unproven_treatment`: something is called a new treatment and not investigational. `free_treatment`: treatment or
    /// care is offered as free. `payment_emphasised`: payment stands out. `enrolment_statement`: somebody is enrolled, or told to enrol.
    /// `consent_statement`: consent is given, taken or explained. `urgency`: the reader is hurried. `missing_where_to_go`: no approved way to the study team
    /// is named. `contact_not_approved`: another address, telephone number or channel is named. `name_not_approved`: the study has another
    /// name. `protocol_code_disclosed`: the protocol code is in public text. `exculpatory_language`: rights are waived.
    /// `undue_influence`: a relation, a duty or a loss presses the reader. `absolute_privacy`: more privacy is promised than there is.
    /// `authority_endorsement`: a review is shown as praise. `sensitive_information_requested`: health or identity details are asked for.
    pub enum LanguageRule {
        ImpliedEligibility = "implied_eligibility",
        PromisedBenefit = "promised_benefit",
        PromisedSafety = "promised_safety",
        UnprovenTreatment = "unproven_treatment",
        FreeTreatment = "free_treatment",
        PaymentEmphasised = "payment_emphasised",
        EnrolmentStatement = "enrolment_statement",
        ConsentStatement = "consent_statement",
        Urgency = "urgency",
        MissingWhereToGo = "missing_where_to_go",
        ContactNotApproved = "contact_not_approved",
        NameNotApproved = "name_not_approved",
        ProtocolCodeDisclosed = "protocol_code_disclosed",
        ExculpatoryLanguage = "exculpatory_language",
        UndueInfluence = "undue_influence",
        AbsolutePrivacy = "absolute_privacy",
        AuthorityEndorsement = "authority_endorsement",
        SensitiveInformationRequested = "sensitive_information_requested",
    }
}

const FDA_SHEET: &str = "FDA, Recruiting Study Subjects, Information Sheet";

impl LanguageRule {
    /// How grave it is, unless the finding itself is milder.
    #[must_use]
    pub const fn severity(self) -> FindingSeverity {
        match self {
            Self::NameNotApproved | Self::ProtocolCodeDisclosed | Self::AuthorityEndorsement => FindingSeverity::Review,
            _ => FindingSeverity::MustChange,
        }
    }

    /// Where the rule comes from: a document and its place, without an address that might move.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::ImpliedEligibility => {
                "IRB practice on recruitment material; the site alone reviews eligibility (Handoff, approved language)"
            }
            Self::PromisedBenefit => {
                "FDA, Recruiting Study Subjects, Information Sheet: no certainty of cure or favourable outcome; 21 CFR 50.20"
            }
            Self::PromisedSafety => {
                "FDA, Recruiting Study Subjects, Information Sheet: no claim that the test article is safe; 21 CFR 312.7(a)"
            }
            Self::UnprovenTreatment => {
                "FDA, Recruiting Study Subjects, Information Sheet: no \"new treatment\" without saying that it is investigational"
            }
            Self::FreeTreatment => "FDA, Recruiting Study Subjects, Information Sheet: no promise of \"free medical treatment\"",
            Self::PaymentEmphasised => {
                "FDA, Recruiting Study Subjects, Information Sheet: payment and its amount are not emphasised"
            }
            Self::EnrolmentStatement => {
                "IRB practice: recruitment ends where enrolment begins; partners do not enrol (Handoff, approved language)"
            }
            Self::ConsentStatement => {
                "21 CFR 50.20 and 45 CFR 46.116: consent is a process with the investigator; ICH E6, informed consent"
            }
            Self::Urgency | Self::UndueInfluence => {
                "21 CFR 50.20 and 45 CFR 46.116(a)(2): time to consider, no coercion or undue influence"
            }
            Self::MissingWhereToGo => {
                "FDA, Recruiting Study Subjects, Information Sheet: the person or office to contact for further information"
            }
            Self::ContactNotApproved | Self::NameNotApproved => {
                "IRB practice: only approved wording and contacts; Handoff, approved language"
            }
            Self::ProtocolCodeDisclosed => FDA_SHEET,
            Self::ExculpatoryLanguage => "21 CFR 50.20 and 45 CFR 46.116(a)(6): no exculpatory language",
            Self::AbsolutePrivacy => {
                "21 CFR 50.25(a)(5) and 45 CFR 46.116(b)(5): the extent of confidentiality, and who may inspect records"
            }
            Self::AuthorityEndorsement => "IRB practice: review is not endorsement; 21 CFR 312.7(a)",
            Self::SensitiveInformationRequested => {
                "Minimum necessary, 45 CFR 164.502(b); Handoff, a partner collects no sensitive information"
            }
        }
    }

    /// What to write instead, where the approved text does not say it.
    #[must_use]
    pub const fn suggestion(self) -> &'static str {
        match self {
            Self::ImpliedEligibility => {
                "Say that the person may be eligible and that the study team reviews it: \"You may be eligible. The study team will review this with you.\""
            }
            Self::PromisedBenefit => {
                "Say what is studied and promise nothing: \"Researchers want to learn whether … You may or may not benefit.\""
            }
            Self::PromisedSafety => "Do not call it safe: \"The study team will explain the possible risks.\"",
            Self::UnprovenTreatment => {
                "Say that it is investigational: \"an investigational drug, which is one that is being studied\"."
            }
            Self::FreeTreatment => {
                "Say only that taking part is not charged: \"There is no charge for study visits and study procedures.\""
            }
            Self::PaymentEmphasised => {
                "State it once, plainly and late in the text: \"Compensation for time and travel may be available.\""
            }
            Self::EnrolmentStatement => {
                "Invite to learn more: \"Contact the study team to learn more. Contacting them does not enrol you.\""
            }
            Self::ConsentStatement => {
                "Leave consent to the study team: \"The study team will explain the study and answer questions before you decide.\""
            }
            Self::Urgency => "Leave out what hurries: \"Take the time that you need to decide.\"",
            Self::MissingWhereToGo => "Say where interested people go, in the approved words.",
            Self::ContactNotApproved => "Name the approved contact only.",
            Self::NameNotApproved => "Use the approved public name of the study.",
            Self::ProtocolCodeDisclosed => "Leave the protocol code out of public text and use the public name.",
            Self::ExculpatoryLanguage => "Leave it out: \"You keep all of your legal rights.\"",
            Self::UndueInfluence => {
                "Say that it is a free choice: \"Taking part is voluntary. Your care stays the same whatever you decide.\""
            }
            Self::AbsolutePrivacy => {
                "Promise no more than the law gives: \"Your information is kept private as far as the law allows.\""
            }
            Self::AuthorityEndorsement => "Leave the reviewer out, or say only that an ethics board has reviewed this material.",
            Self::SensitiveInformationRequested => {
                "Ask for no health or identity details: the person gives them to the study team at the intake."
            }
        }
    }
}
