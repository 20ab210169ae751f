//! The closed vocabularies of the product. An addition is a contract change: code, CHECK constraint and document move together.

text_enum! {
    /// What a member may do at the site.
    pub enum Role { Admin = "admin", Coordinator = "coordinator", Viewer = "viewer" }
}

text_enum! {
    /// What an API key may do. Site keys carry any but `partner`; a partner key carries exactly `partner`.
    pub enum Scope {
        ReferralsRead = "referrals:read",
        ReferralsWrite = "referrals:write",
        IntakeWrite = "intake:write",
        ImportWrite = "import:write",
        EventsRead = "events:read",
        WebhooksManage = "webhooks:manage",
        ConfigRead = "config:read",
        DetailsRead = "details:read",
        Partner = "partner",
    }
}

text_enum! {
    /// Whether an API key is for the real thing or for trying things out: test keys act on test referrals only.
    pub enum KeyMode { Live = "live", Test = "test" }
}

text_enum! {
    /// Where an API key stands. `active` and `expiring` keys work: an expiring one was rotated and works until its overlap ends.
    /// `expired` and `revoked` ones are refused, for ever.
    pub enum KeyStatus { Active = "active", Expiring = "expiring", Expired = "expired", Revoked = "revoked" }
}

text_enum! {
    /// Why an API key was revoked.
    pub enum RevocationReason {
        Compromised = "compromised",
        NoLongerNeeded = "no_longer_needed",
        IssuedByMistake = "issued_by_mistake",
    }
}

text_enum! {
    /// Whether a study takes referrals.
    pub enum StudyStatus { Open = "open", Paused = "paused", Closed = "closed" }
}

text_enum! {
    /// What kind of organisation refers.
    pub enum PartnerType {
        SpecialtyClinic = "specialty_clinic",
        PrimaryCare = "primary_care",
        AdvocacyGroup = "advocacy_group",
        CommunityOrganisation = "community_organisation",
        RecruitmentVendor = "recruitment_vendor",
        Registry = "registry",
    }
}

text_enum! {
    /// How the partner is remunerated, if at all.
    pub enum RemunerationBasis { None = "none", Flat = "flat", Hourly = "hourly", PerReferral = "per_referral", PerEnrolment = "per_enrolment" }
}

text_enum! {
    /// Where a partner stands: `draft → language_pending → test_pending → active ⇄ paused → ended`; `suspended` is set by a guard.
    pub enum PartnerStatus {
        Draft = "draft",
        LanguagePending = "language_pending",
        TestPending = "test_pending",
        Active = "active",
        Paused = "paused",
        Suspended = "suspended",
        Ended = "ended",
    }
}

text_enum! {
    /// Where a handoff route stands: `draft → testing → launched ⇄ paused → retired`; `retest_required` when an edit voids its launch proof.
    pub enum RouteStatus {
        Draft = "draft",
        Testing = "testing",
        Launched = "launched",
        Paused = "paused",
        RetestRequired = "retest_required",
        Retired = "retired",
    }
}

text_enum! {
    /// Which possible same-person pairs the site reviews. A duplicate is never refused.
    pub enum DuplicatePolicy { ReviewAll = "review_all", ReviewCrossPartner = "review_cross_partner" }
}

text_enum! {
    /// How a referral reached the site.
    pub enum Channel {
        SelfReferral = "self_referral",
        SecureForm = "secure_form",
        PhoneHandoff = "phone_handoff",
        CoordinatorQueue = "coordinator_queue",
    }
}

text_enum! {
    /// How sure the site is that the source is the one named.
    pub enum Attribution { Verified = "verified", Unverified = "unverified", Corrected = "corrected" }
}

text_enum! {
    /// On what ground the person may be contacted. Which grounds a partner may use follows from its type.
    pub enum ContactBasis {
        SelfReferral = "self_referral",
        PermissionToContact = "permission_to_contact",
        HipaaAuthorization = "hipaa_authorization",
        IrbPartialWaiver = "irb_partial_waiver",
        SiteWorkforce = "site_workforce",
    }
}

text_enum! {
    /// How the person is reached without being stored here: over the route's intake URL with a handoff code, through the site's own
    /// record (`external_ref`), or by sealed details under an approved process.
    pub enum ContactPath { PersonUsesIntake = "person_uses_intake", SiteRecord = "site_record", SealedDetails = "sealed_details" }
}

text_enum! {
    /// Where a referral stands.
    pub enum ReferralStatus {
        Quarantined = "quarantined",
        Received = "received",
        Acknowledged = "acknowledged",
        Contacting = "contacting",
        Connected = "connected",
        HandedOff = "handed_off",
        OnHold = "on_hold",
        Closed = "closed",
    }
}

text_enum! {
    /// Why a referral ended. Operational only: eligibility, enrolment and diagnoses are never recorded here.
    pub enum CloseReason {
        HandoffComplete = "handoff_complete",
        UnreachableAfterAttempts = "unreachable_after_attempts",
        NoLongerInterested = "no_longer_interested",
        PersonRequestedNoContact = "person_requested_no_contact",
        WrongStudy = "wrong_study",
        WrongSite = "wrong_site",
        StudyNotAccepting = "study_not_accepting",
        SiteCapacity = "site_capacity",
        Duplicate = "duplicate",
        IncompleteHandoff = "incomplete_handoff",
        ChannelNotApproved = "channel_not_approved",
        TransferredSite = "transferred_site",
        PartnerWithdrew = "partner_withdrew",
        StudyTeamClosed = "study_team_closed",
        RetentionExpired = "retention_expired",
        EnteredInError = "entered_in_error",
        TestReferral = "test_referral",
    }
}

text_enum! {
    /// Why a closed referral was opened again.
    pub enum ReopenReason { ClosedByMistake = "closed_by_mistake", PersonReturned = "person_returned", HandoffResumed = "handoff_resumed" }
}

text_enum! {
    /// Why a referral was recorded after the fact.
    pub enum LateReason { PhoneHandoffLoggedLate = "phone_handoff_logged_late", SystemOutage = "system_outage", PaperBacklog = "paper_backlog" }
}

text_enum! {
    /// Why a referral waits for a person's decision before it enters the queue.
    pub enum QuarantineReason { ContactWithdrawn = "contact_withdrawn", GuardTripped = "guard_tripped" }
}

text_enum! {
    /// Why a referral waits.
    pub enum Blocker {
        AwaitingPersonReply = "awaiting_person_reply",
        AwaitingPartnerCompletion = "awaiting_partner_completion",
        AwaitingStudyTeamReview = "awaiting_study_team_review",
        AwaitingRecords = "awaiting_records",
        SchedulingCapacity = "scheduling_capacity",
        StudyPaused = "study_paused",
        DuplicateReview = "duplicate_review",
        RouteBroken = "route_broken",
        LanguageLapsed = "language_lapsed",
    }
}

text_enum! {
    /// What the owner does next.
    pub enum NextAction {
        Acknowledge = "acknowledge",
        AttemptContact = "attempt_contact",
        RequestPartnerCompletion = "request_partner_completion",
        ResolveDuplicate = "resolve_duplicate",
        AwaitStudyTeam = "await_study_team",
        ArrangeHandoff = "arrange_handoff",
        Reroute = "reroute",
        ConfirmClose = "confirm_close",
    }
}

text_enum! {
    /// What went wrong with a handoff, for the partner's feedback.
    pub enum HandoffIssue {
        MissingSourceTag = "missing_source_tag",
        WrongStudy = "wrong_study",
        IncompleteHandoff = "incomplete_handoff",
        SensitiveContentSent = "sensitive_content_sent",
        ChannelNotApproved = "channel_not_approved",
        StaleLanguage = "stale_language",
        ExpectationPayment = "expectation_payment",
        ExpectationTreatment = "expectation_treatment",
        ExpectationEligibility = "expectation_eligibility",
        ExpectationTiming = "expectation_timing",
        MaterialsUnclear = "materials_unclear",
    }
}

text_enum! {
    /// What a partner sees of a referral, and nothing finer. `needs_partner_action`: the site waits for the partner to complete it.
    /// `closed` shows from the start of a calendar month, at least 30 days after receipt, so that its timing tells nothing; what the
    /// partner withdrew is `closed` at once.
    pub enum PartnerReferralStatus {
        AcceptedForReview = "accepted_for_review",
        NeedsPartnerAction = "needs_partner_action",
        NotAccepted = "not_accepted",
        Closed = "closed",
    }
}

text_enum! {
    /// Why a referral was not accepted: the partner's own conduct, or what it could have known.
    pub enum NotAcceptedReason {
        WrongStudy = "wrong_study",
        WrongSite = "wrong_site",
        IncompleteHandoff = "incomplete_handoff",
        ChannelNotApproved = "channel_not_approved",
        StudyNotAccepting = "study_not_accepting",
        SiteCapacity = "site_capacity",
    }
}

text_enum! {
    /// Which contact detail a digest stands for.
    pub enum DigestKind { Email = "email", Phone = "phone" }
}

text_enum! {
    /// Why a body was refused at the door, as counted per partner, route and day: a field that the contract does not have, one whose
    /// name looks personal or medical, or a value that does.
    pub enum RefusalCode { UnknownField = "unknown_field", SensitiveField = "sensitive_field", SensitiveContent = "sensitive_content" }
}

impl RefusalCode {
    /// How to coach whoever sent it, as a sentence for a person: each points to the intake.
    #[must_use]
    pub const fn what_to_do(self) -> &'static str {
        match self {
            Self::UnknownField => {
                "Show the partner the fields of the contract. Whatever else is to be said about a person, the person says at the intake."
            }
            Self::SensitiveField => {
                "Ask the partner to take fields about the person out of its form: name, contact and health are asked at the intake alone."
            }
            Self::SensitiveContent => {
                "Tell the partner to send codes alone: what a person tells about their health, they tell the study team at the intake."
            }
        }
    }
}

text_enum! {
    /// How far the escalation of a stalled referral is: its owner was reminded, its backup owner has it, the site lead has it.
    pub enum Escalation { Reminder = "reminder", BackupOwner = "backup_owner", SiteLead = "site_lead" }
}

text_enum! {
    /// Why a referral needs somebody's eye. `no_first_action`: nobody has done anything with it, and that was due. `stalled`: a later
    /// action is overdue. `dependency_blocked`: it waits for what its blocker names.
    pub enum Aging { NoFirstAction = "no_first_action", Stalled = "stalled", DependencyBlocked = "dependency_blocked" }
}

text_enum! {
    /// Why somebody planned a referral otherwise: another owner, another next action or another due time, set by hand.
    pub enum PlanReason {
        Workload = "workload",
        Absence = "absence",
        BetterPlaced = "better_placed",
        AgreedWithPerson = "agreed_with_person",
        AgreedWithPartner = "agreed_with_partner",
        AgreedWithStudyTeam = "agreed_with_study_team",
        Correction = "correction",
    }
}

text_enum! {
    /// What a member is told of: a referral came to it, an import brings referrals to it (told once of all), one was given to it, waits for an action that is due, or was escalated to it; the
    /// test referral of a route that it owns came, and it says that it was told; a webhook endpoint of the site was disabled; or nothing but
    /// that alerts reach it.
    pub enum AlertKind {
        ReferralReceived = "referral_received",
        ReferralsImported = "referrals_imported",
        ReferralAssigned = "referral_assigned",
        ActionDue = "action_due",
        Escalated = "escalated",
        Test = "test",
        TestRun = "test_run",
        WebhookDisabled = "webhook_disabled",
    }
}

text_enum! {
    /// Why the values of an audit entry were taken out: its person asked for that, they had been entered in error, or the law orders it.
    pub enum RedactionReason { Erasure = "erasure", EnteredInError = "entered_in_error", LegalOrder = "legal_order" }
}

text_enum! {
    /// Why a guard suspended a partner. `language_lapsed`: on none of its live routes has it acknowledged the language that counts.
    pub enum SuspensionReason { LanguageLapsed = "language_lapsed" }
}

text_enum! {
    /// What came of a job's run.
    pub enum JobOutcome { Done = "done", Failed = "failed" }
}

text_enum! {
    /// Why two records may be the same person: they share a digest of an e-mail address or of a telephone number, or the site's own
    /// reference, or a member of the site paired them.
    pub enum MatchGround { Email = "email", Phone = "phone", ExternalRef = "external_ref", Staff = "staff" }
}

text_enum! {
    /// Where a duplicate review stands: undecided, one person, or two.
    pub enum ReviewStatus { Open = "open", Same = "same", Different = "different" }
}

text_enum! {
    /// What somebody of the site decided about a pair: `same` merges the two records, `different` is never flagged again.
    pub enum Resolution { Same = "same", Different = "different" }
}
