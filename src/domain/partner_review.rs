//! What a site decides about a partner from time to time, and why.

text_enum! {
    /// What was decided: it goes on, something is adjusted, it rests for a while, it refers for something else, or another partner takes
    /// its place. A decision is a record; what follows from it, such as a pause, is a move of its own.
    pub enum PartnerDecision { Continue = "continue", Adjust = "adjust", Pause = "pause", Retarget = "retarget", Replace = "replace" }
}

text_enum! {
    /// Why it was decided.
    pub enum PartnerReviewReason {
        /// Handoffs arrive complete and are worked on.
        WorksWell = "works_well",
        /// It was time to look.
        Routine = "routine",
        /// Fewer people come than was expected.
        LowVolume = "low_volume",
        /// More people come than the site can work on.
        OverCapacity = "over_capacity",
        /// Too many handoffs lack something.
        IncompleteHandoffs = "incomplete_handoffs",
        /// Too many are for another study.
        WrongStudy = "wrong_study",
        /// People come with expectations that the study does not meet.
        ExpectationGaps = "expectation_gaps",
        /// Personal or medical content was sent.
        SensitiveContent = "sensitive_content",
        /// Other than the approved language was used.
        StaleLanguage = "stale_language",
        /// The study is not what it was.
        StudyChanged = "study_changed",
        /// The partner asked for it.
        PartnerRequest = "partner_request",
    }
}
