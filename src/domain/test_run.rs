//! A test referral's run over a route, step by step: what each step needs, what the run comes to, and which outcome a persona forces.
//! Pure: `ops` gathers what happened, and writes.

use chrono::{DateTime, Duration, Utc};

use super::escalation::{self, Pace, People, Stall};
use super::vocabulary::Escalation;

/// How long a run waits for the partner and for people.
pub const OPEN_FOR: Duration = Duration::days(7);

text_enum! {
    /// Where a test run stands. `open`: steps are still to come. `passed`: every step passed; without a persona it is the proof of a
    /// launch. `failed`: a step failed. `expired`: its time was over before the last step. `cancelled`: somebody ended it, or another
    /// run of the route was opened.
    pub enum TestRunStatus { Open = "open", Passed = "passed", Failed = "failed", Expired = "expired", Cancelled = "cancelled" }
}

text_enum! {
    /// A step of a test run, in the order of the way that a referral takes.
    pub enum TestStep {
        /// The intake link answers, or a person said that it leads to the right place.
        IntakeLink = "intake_link",
        /// The partner's test key sent a referral over the route.
        ReferralReceived = "referral_received",
        /// It came with the route's source tag.
        Attribution = "attribution",
        /// A second copy of it was found to be the same person.
        DuplicateCheck = "duplicate_check",
        /// The owner's alert was delivered.
        OwnerAlertDelivered = "owner_alert_delivered",
        /// The owner said that it has the alert.
        OwnerAlertConfirmed = "owner_alert_confirmed",
        /// If the owner did nothing, the backup owner would have it one moment after it was due.
        BackupReached = "backup_reached",
    }
}

text_enum! {
    /// What came of a step. `waiting`: it is still to come.
    pub enum StepResult { Waiting = "waiting", Passed = "passed", Failed = "failed" }
}

text_enum! {
    /// Why a step failed, and so what to mend.
    pub enum StepFailure {
        /// The link does not answer, or answers with an error.
        IntakeUnreachable = "intake_unreachable",
        /// The referral came without a source tag.
        MissingSourceTag = "missing_source_tag",
        /// It came with another source tag than the route's.
        WrongSourceTag = "wrong_source_tag",
        /// The second copy was not found to be the same person.
        DuplicateMissed = "duplicate_missed",
        /// The owner has no channel for alerts, or none of them took it.
        AlertUndelivered = "alert_undelivered",
        /// The backup owner is away, has left, or gets no alerts.
        BackupUnreachable = "backup_unreachable",
    }
}

text_enum! {
    /// A rehearsed outcome, the same on every deployment: for partners and front ends that build against it. A run with a persona
    /// proves nothing.
    pub enum TestPersona {
        /// The owner's alert is not delivered.
        AlertUndelivered = "alert_undelivered",
        /// The referral counts as sent without its source tag.
        TagMissing = "tag_missing",
        /// The second copy is found at once.
        Duplicate = "duplicate",
        /// Owner and backup owner count as away.
        OwnerAway = "owner_away",
    }
}

/// A step with what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub step: TestStep,
    /// What came of it.
    pub result: StepResult,
    /// Why it failed, if it did.
    pub failure: Option<StepFailure>,
    /// When that was known.
    pub at: Option<DateTime<Utc>>,
}

impl Step {
    /// One that is still to come.
    #[must_use]
    pub const fn waiting(step: TestStep) -> Self {
        Self { step, result: StepResult::Waiting, failure: None, at: None }
    }

    /// One that passed.
    #[must_use]
    pub const fn passed(step: TestStep, at: DateTime<Utc>) -> Self {
        Self { step, result: StepResult::Passed, failure: None, at: Some(at) }
    }

    /// One that failed.
    #[must_use]
    pub const fn failed(step: TestStep, failure: StepFailure, at: DateTime<Utc>) -> Self {
        Self { step, result: StepResult::Failed, failure: Some(failure), at: Some(at) }
    }
}

impl Step {
    /// What a step waits for, or what to mend before the next run, as a sentence for a person; `None` when it passed.
    #[must_use]
    pub const fn what_to_do(&self) -> Option<&'static str> {
        match (self.result, self.failure) {
            (StepResult::Passed, _) => None,
            (_, Some(failure)) => Some(failure.what_to_do()),
            (_, None) => Some(match self.step {
                TestStep::IntakeLink => "The server looks at the intake link; where it cannot, a person opens it and confirms.",
                TestStep::ReferralReceived => "The partner sends the test referral with its test key.",
                TestStep::Attribution => "It is known when the test referral arrives: it has to carry the route's source tag.",
                TestStep::DuplicateCheck => {
                    "The partner sends the same referral once more, with the same `match`, under another idempotency key."
                }
                TestStep::OwnerAlertDelivered => "The owner's alert is on its way when the test referral has arrived.",
                TestStep::OwnerAlertConfirmed => "The owner confirms the alert.",
                TestStep::BackupReached => "It is known when the test referral arrives.",
            }),
        }
    }
}

impl StepFailure {
    /// What to mend.
    #[must_use]
    pub const fn what_to_do(self) -> &'static str {
        match self {
            Self::IntakeUnreachable => {
                "Correct the intake URL of the route or of the site, or make it answer; then open another run."
            }
            Self::MissingSourceTag => "The partner sends the route's source tag with every referral; then open another run.",
            Self::WrongSourceTag => "The partner sends exactly the route's source tag; then open another run.",
            Self::DuplicateMissed => "The second copy needs the same `match` as the first; then open another run.",
            Self::AlertUndelivered => {
                "Give the owner a channel for alerts that works, try it with a test alert; then open another run."
            }
            Self::BackupUnreachable => "Give the route a backup owner who is there and whom alerts reach; then open another run.",
        }
    }
}

text_enum! {
    /// What the partner does next in a test run: it sends the test referral, sends it once more, or waits for the site.
    pub enum PartnerTestStep { SendReferral = "send_referral", SendSecondCopy = "send_second_copy", WaitForSite = "wait_for_site" }
}

impl PartnerTestStep {
    /// The next step, by what has arrived.
    #[must_use]
    pub const fn of(referral: bool, copy: bool) -> Self {
        match (referral, copy) {
            (false, _) => Self::SendReferral,
            (true, false) => Self::SendSecondCopy,
            (true, true) => Self::WaitForSite,
        }
    }
}

/// How the source tag of the test referral came.
#[must_use]
pub const fn attribution(sent: Option<bool>, persona: Option<TestPersona>, at: DateTime<Utc>) -> Step {
    match (persona, sent) {
        (Some(TestPersona::TagMissing), _) | (_, None) => Step::failed(TestStep::Attribution, StepFailure::MissingSourceTag, at),
        (_, Some(true)) => Step::passed(TestStep::Attribution, at),
        (_, Some(false)) => Step::failed(TestStep::Attribution, StepFailure::WrongSourceTag, at),
    }
}

/// Who would have the test referral if its owner did nothing, from where it stands now: the escalation's own decision, asked for one moment after each step is
/// due, until the backup owner has it. The clock of the server does not move.
#[must_use]
pub fn backup_reached(
    begun: &Stall,
    people: &People,
    pace: &Pace,
    reachable: bool,
    persona: Option<TestPersona>,
    at: DateTime<Utc>,
) -> Step {
    let mut people = people.clone();
    if persona == Some(TestPersona::OwnerAway) {
        people.away.extend([begun.owner].into_iter().chain(begun.backup_owner));
    }
    let mut stall = *begun;
    // Reminder, backup owner, site lead: no escalation is longer.
    for _ in Escalation::ALL {
        let Some(due) = stall.escalate_at else { break };
        let Some(step) = escalation::decide(due + Duration::microseconds(1), &stall, &people, pace) else { break };
        if step.escalation == Escalation::BackupOwner {
            if reachable {
                return Step::passed(TestStep::BackupReached, at);
            }
            break;
        }
        stall = Stall {
            owner: step.owner,
            backup_owner: begun.backup_owner,
            taken: Some(step.escalation),
            escalate_at: step.escalate_at,
        };
    }
    Step::failed(TestStep::BackupReached, StepFailure::BackupUnreachable, at)
}

/// What a run with these steps has come to. It fails with its first failed step, and passes with its last.
#[must_use]
pub fn status(steps: &[Step], expires_at: DateTime<Utc>, now: DateTime<Utc>) -> TestRunStatus {
    let of = |step: &TestStep| steps.iter().find(|other| other.step == *step).map_or(StepResult::Waiting, |step| step.result);
    if TestStep::ALL.iter().any(|step| of(step) == StepResult::Failed) {
        TestRunStatus::Failed
    } else if TestStep::ALL.iter().all(|step| of(step) == StepResult::Passed) {
        TestRunStatus::Passed
    } else if expires_at <= now {
        TestRunStatus::Expired
    } else {
        TestRunStatus::Open
    }
}

#[cfg(test)]
#[path = "test_run_tests.rs"]
mod tests;
