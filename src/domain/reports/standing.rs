//! A referral as it is counted: what it is now, under the day on which it was recorded and the week in which it was received.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::period::Basis;
use super::{Figure, Key, Tally, times};
use crate::domain::calendar;
use crate::domain::first_action;
use crate::domain::ids::{MemberId, PartnerId, StudyId};
use crate::domain::referral_state::Facts;
use crate::domain::vocabulary::{Attribution, Blocker, Channel, CloseReason, HandoffIssue, ReferralStatus};

/// What reports are filtered and grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traits {
    /// For which study.
    pub study: StudyId,
    /// From which partner; `None`: from nobody that is known.
    pub partner: Option<PartnerId>,
    /// How it came.
    pub channel: Channel,
    /// Who is responsible.
    pub owner: MemberId,
    /// Whether it was recorded after the fact.
    pub is_late: bool,
}

/// Where a live referral stands, as far as it is counted.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What it is filtered and grouped by.
    pub traits: Traits,
    /// Its state, as far as its partner's view depends on it.
    pub facts: Facts,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// When its clock started: recorded, or opened again.
    pub clock_started_at: DateTime<Utc>,
    /// Acknowledged, or a later step.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// First contact attempt.
    pub contacting_at: Option<DateTime<Utc>>,
    /// First reached.
    pub connected_at: Option<DateTime<Utc>>,
    /// Handed to the study team.
    pub handed_off_at: Option<DateTime<Utc>>,
    /// How sure the source is.
    pub attribution: Attribution,
    /// What went wrong with the handoff.
    pub issues: Vec<HandoffIssue>,
}

/// A referral as it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What it is filtered and grouped by.
    pub traits: Traits,
    /// The day on which it was recorded, on the site's calendar.
    pub recorded_on: NaiveDate,
    /// The day on which it was received, on the site's calendar.
    pub received_on: NaiveDate,
    /// Under what.
    pub tally: Tally,
}

impl Counted {
    /// Counts a referral with this many steps of escalation over its life.
    ///
    /// - `incomplete`: it waits for its partner to complete it, or `incomplete_handoff` or `missing_source_tag` is marked on it, or it was
    ///   closed for the former.
    /// - `wrong_study`: marked on it, or why it was closed.
    /// - `acknowledged`, `contacting`, `connected`, `handed_off`: that far since its clock started, skipped steps included; a handoff that
    ///   fell through is none.
    /// - `completed`: closed for `handoff_complete`. `duplicate`: closed for that.
    /// - `stalled`: its escalation has taken a step at any time. `steps`: how many, and `steps_squared` the sum of their squares over
    ///   referrals, from which their spread is told.
    /// - Times run from the start of the clock (recorded, or opened again) to the step, by the calendar and not by working hours.
    #[must_use]
    pub fn new(standing: &Standing, escalations: i32, zone: Tz) -> Self {
        let issue = |issue| standing.issues.contains(&issue);
        let ended = |reason| standing.facts.close_reason == Some(reason);
        // Also under a pause of its study.
        let waits_for = standing.facts.held_blocker.or(standing.facts.blocker);
        let incomplete = waits_for == Some(Blocker::AwaitingPartnerCompletion)
            || issue(HandoffIssue::IncompleteHandoff)
            || issue(HandoffIssue::MissingSourceTag)
            || ended(CloseReason::IncompleteHandoff);
        let mut tally = Tally::default();
        let holds = [
            (Figure::Volume, true),
            (Figure::Incomplete, incomplete),
            (Figure::WrongStudy, issue(HandoffIssue::WrongStudy) || ended(CloseReason::WrongStudy)),
            (Figure::Duplicate, ended(CloseReason::Duplicate)),
            (Figure::Verified, standing.attribution == Attribution::Verified),
            (Figure::Acknowledged, standing.acknowledged_at.is_some()),
            (Figure::Contacting, standing.contacting_at.is_some()),
            (Figure::Connected, standing.connected_at.is_some()),
            (Figure::HandedOff, standing.handed_off_at.is_some()),
            (Figure::Completed, ended(CloseReason::HandoffComplete)),
            (Figure::Open, standing.facts.status != ReferralStatus::Closed),
            (Figure::Stalled, escalations > 0),
        ];
        for (figure, _) in holds.into_iter().filter(|(_, holds)| *holds) {
            tally.add(figure, 1);
        }
        if escalations > 0 {
            tally.add(Figure::Steps, i64::from(escalations));
            tally.add(Figure::StepsSquared, i64::from(escalations).pow(2));
        }
        if let Some(reason) = standing.facts.close_reason {
            tally.add(Key::Closed(reason), 1);
        }
        for issue in &standing.issues {
            tally.add(Key::Issue(*issue), 1);
        }
        if let Some(at) = first_action::taken_at(standing.acknowledged_at, standing.facts.closed_at) {
            tally.add(Key::FirstAction(times::class(at - standing.clock_started_at)), 1);
        }
        if let Some(at) = standing.connected_at {
            tally.add(Key::Connection(times::class(at - standing.clock_started_at)), 1);
        }
        Self {
            traits: standing.traits,
            recorded_on: calendar::day_of(standing.facts.recorded_at, zone),
            received_on: calendar::day_of(standing.received_at, zone),
            tally,
        }
    }

    /// The sums that it is in, and with what: all of it in those of its day and month of recording; in that of its week of receipt the figures
    /// alone, since cohorts tell neither times nor codes.
    #[must_use]
    pub fn parts(&self) -> [(Basis, NaiveDate, Tally); 3] {
        [
            (Basis::RecordedDay, self.recorded_on, self.tally.clone()),
            (Basis::RecordedMonth, calendar::first_of_month(self.recorded_on), self.tally.clone()),
            (Basis::ReceivedWeek, calendar::monday_of(self.received_on), self.tally.figures()),
        ]
    }
}
