//! What happened, as it is counted: by the day on which it happened, under whoever was responsible then.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::period::Basis;
use super::{Figure, Key, Tally};
use crate::domain::calendar;
use crate::domain::journal::EventType;
use crate::domain::vocabulary::ReferralStatus;

/// An event of a live referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happening {
    /// What it tells of.
    pub event_type: EventType,
    /// The step that it tells of; `None` where the state stayed as it was.
    pub moved: Option<(ReferralStatus, ReferralStatus)>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

impl Happening {
    /// Under what it counts. A move from `handed_off` to `connected` is also one that fell through.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        match self.event_type {
            EventType::ReferralReceived => tally.add(Figure::Received, 1),
            EventType::ReferralReopened => tally.add(Figure::Reopened, 1),
            EventType::ReferralEscalated => tally.add(Figure::Escalated, 1),
            EventType::ReferralTransitioned => {
                if let Some((from, to)) = self.moved.filter(|(from, to)| from != to) {
                    tally.add(Key::Moved(from, to), 1);
                    if (from, to) == (ReferralStatus::HandedOff, ReferralStatus::Connected) {
                        tally.add(Figure::FellThrough, 1);
                    }
                }
            }
            _ => {}
        }
        tally
    }

    /// The sums that it is in: of its day and of its month.
    #[must_use]
    pub fn places(&self, zone: Tz) -> [(Basis, NaiveDate); 2] {
        let day = calendar::day_of(self.occurred_at, zone);
        [(Basis::HappenedDay, day), (Basis::HappenedMonth, calendar::first_of_month(day))]
    }
}
