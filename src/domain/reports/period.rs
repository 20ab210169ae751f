//! Periods of a report, and the days, weeks and months that sums are kept by.

use chrono::{Days, NaiveDate};

use crate::domain::calendar::{first_of_month, monday_of, next_month};

text_enum! {
    /// What a sum is over: referrals by the day or month in which they were recorded, referrals by the week in which they were received,
    /// or what happened by its day or month.
    pub enum Basis {
        RecordedDay = "recorded_day",
        RecordedMonth = "recorded_month",
        ReceivedWeek = "received_week",
        HappenedDay = "happened_day",
        HappenedMonth = "happened_month",
    }
}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
}

/// A stretch of a period whose sums are kept by day or by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Whether by month.
    pub by_month: bool,
    /// The first day or first day of a month.
    pub from: NaiveDate,
    /// The last of them.
    pub until: NaiveDate,
}

impl Period {
    /// Whether a day is in it.
    #[must_use]
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.until
    }

    /// How many days it has.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.until - self.from).num_days() + 1
    }

    /// Its whole months as months, and the rest as days: at most three stretches.
    #[must_use]
    pub fn stretches(&self) -> Vec<Stretch> {
        let days = |from, until| Stretch { by_month: false, from, until };
        let first = if self.from == first_of_month(self.from) { self.from } else { next_month(self.from) };
        // The month after the last whole one.
        let end = first_of_month(self.until.succ_opt().unwrap_or(NaiveDate::MAX));
        if first >= end {
            return vec![days(self.from, self.until)];
        }
        let before = |day: NaiveDate| day.pred_opt().unwrap_or(day);
        let mut found = Vec::with_capacity(3);
        if self.from < first {
            found.push(days(self.from, before(first)));
        }
        found.push(Stretch { by_month: true, from: first, until: first_of_month(before(end)) });
        if end <= self.until {
            found.push(days(end, self.until));
        }
        found
    }

    /// The Mondays of the weeks that begin in it, as the first and the last one; `None`: no week does.
    #[must_use]
    pub fn weeks(&self) -> Option<Self> {
        let monday = monday_of(self.from);
        let from = if monday < self.from { monday.checked_add_days(Days::new(7))? } else { monday };
        let until = monday_of(self.until);
        (from <= until).then_some(Self { from, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn period(from: &str, until: &str) -> Period {
        Period { from: date(from), until: date(until) }
    }

    #[test]
    fn the_stretches_of_a_period_hold_each_of_its_days_once() {
        let mut from = date("2023-12-25");
        while from < date("2024-03-05") {
            let mut until = from;
            while until < date("2024-04-03") {
                let (mut day, mut held) = (date("2023-12-01"), 0);
                let stretches = Period { from, until }.stretches();
                while day < date("2024-05-01") {
                    let count = stretches
                        .iter()
                        .filter(|stretch| {
                            let unit = if stretch.by_month { first_of_month(day) } else { day };
                            stretch.from <= unit && unit <= stretch.until
                        })
                        .count();
                    assert_eq!(count, usize::from(Period { from, until }.holds(day)), "{day} of {from} to {until}");
                    held += count;
                    day = day.succ_opt().unwrap();
                }
                assert_eq!(i64::try_from(held).unwrap(), Period { from, until }.days());
                until = until.succ_opt().unwrap();
            }
            from = from.succ_opt().unwrap();
        }
    }

    #[test]
    fn weeks_are_those_that_begin_in_the_period() {
        assert_eq!(period("2026-06-01", "2026-06-30").weeks(), Some(period("2026-06-01", "2026-06-29")));
        assert_eq!(period("2026-06-02", "2026-06-08").weeks(), Some(period("2026-06-08", "2026-06-08")));
        assert_eq!(period("2026-06-02", "2026-06-07").weeks(), None);
    }
}
