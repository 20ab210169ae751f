//! Approved processes (PRODUCT.md §1): recorded exceptions that open coded fields beyond the minimum, with the coded type of each field.
//! Whether one is open follows from its dates and its revocation.

use chrono::NaiveDate;

text_enum! {
    /// A field that an approved process may open. Each is coded; only `sealed_note` is text, and that is sealed.
    pub enum ProcessField {
        PreferredContactTime = "preferred_contact_time",
        InterpreterLanguage = "interpreter_language",
        AgeBand = "age_band",
        SealedNote = "sealed_note",
    }
}

text_enum! {
    /// What the extra fields are for.
    pub enum ProcessPurpose {
        ContactPlanning = "contact_planning",
        LanguageAccess = "language_access",
        RecruitmentPlan = "recruitment_plan",
        WarmHandoff = "warm_handoff",
    }
}

text_enum! {
    /// Why an approved process was revoked.
    pub enum ProcessRevocationReason {
        ApprovalWithdrawn = "approval_withdrawn",
        NoLongerNeeded = "no_longer_needed",
        EnteredInError = "entered_in_error",
    }
}

text_enum! {
    /// Where an approved process stands today: its days are to come, it opens its fields, they are over, or it was revoked.
    pub enum ProcessStatus { Scheduled = "scheduled", Open = "open", Ended = "ended", Revoked = "revoked" }
}

text_enum! {
    /// When a person would rather be called: the coded value of `preferred_contact_time`.
    pub enum PreferredContactTime {
        WeekdayMorning = "weekday_morning",
        WeekdayAfternoon = "weekday_afternoon",
        WeekdayEvening = "weekday_evening",
        Weekend = "weekend",
    }
}

text_enum! {
    /// How old a person is, in bands that no birth date can be read from: the coded value of `age_band`.
    pub enum AgeBand {
        Under18 = "under_18",
        From18To34 = "from_18_to_34",
        From35To49 = "from_35_to_49",
        From50To64 = "from_50_to_64",
        From65To79 = "from_65_to_79",
        From80 = "from_80",
    }
}

bounded_text! {
    /// The language that an interpreter would speak (ISO 639-1, as in BCP 47): the coded value of `interpreter_language`.
    pub struct InterpreterLanguage { length: 2..=2, pattern: r"^[a-z]{2}$", example: "es" }
}

impl InterpreterLanguage {
    /// Whether there is such a language.
    #[must_use]
    pub fn is_known(&self) -> bool {
        super::locale::is_language(self.as_str())
    }
}

transient_text! {
    /// A note to the study team, sealed as soon as it is read: never stored in the clear, logged or echoed.
    pub struct SealedNote { length: 1..=1000, guard: "never", example: "Prefers a call at work." }
}

/// Where a process stands on this day; its last day counts.
#[must_use]
pub fn status(valid_from: NaiveDate, valid_until: NaiveDate, is_revoked: bool, today: NaiveDate) -> ProcessStatus {
    if is_revoked {
        ProcessStatus::Revoked
    } else if today < valid_from {
        ProcessStatus::Scheduled
    } else if today <= valid_until {
        ProcessStatus::Open
    } else {
        ProcessStatus::Ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_open_from_its_first_day_to_its_last_unless_it_was_revoked() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let on = |today, is_revoked| status(day("2026-06-01"), day("2026-06-30"), is_revoked, day(today));
        assert_eq!(on("2026-05-31", false), ProcessStatus::Scheduled);
        assert_eq!(on("2026-06-01", false), ProcessStatus::Open);
        assert_eq!(on("2026-06-30", false), ProcessStatus::Open);
        assert_eq!(on("2026-07-01", false), ProcessStatus::Ended);
        assert!(["2026-05-31", "2026-06-15", "2026-07-01"].iter().all(|today| on(today, true) == ProcessStatus::Revoked));
    }

    #[test]
    fn an_interpreters_language_is_one_that_there_is() {
        assert!(InterpreterLanguage::parse("es").is_ok_and(|language| language.is_known()));
        assert!(InterpreterLanguage::parse("xx").is_ok_and(|language| !language.is_known()));
        assert!(InterpreterLanguage::parse("es-MX").is_err());
    }
}
