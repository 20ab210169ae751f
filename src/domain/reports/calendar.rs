//! Days, weeks and months of the site's calendar.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;

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

/// The day of a calendar at this moment.
#[must_use]
pub fn day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first day of a day's month.
#[must_use]
pub fn month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The first day of the month after.
#[must_use]
pub fn next_month(day: NaiveDate) -> NaiveDate {
    month(day).checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The Monday of a day's week (ISO 8601).
#[must_use]
pub fn week(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
}

/// The first moment of a day: a zone whose midnight does not exist that day begins it at its first hour that does.
#[must_use]
pub fn start(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    use chrono::TimeZone as _;
    (0..24)
        .filter_map(|hour| day.and_hms_opt(hour, 0, 0))
        .find_map(|start| zone.from_local_datetime(&start).earliest())
        .map_or(DateTime::<Utc>::MAX_UTC, |start| start.with_timezone(&Utc))
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
        let first = if self.from == month(self.from) { self.from } else { next_month(self.from) };
        // The month after the last whole one.
        let end = month(self.until.succ_opt().unwrap_or(NaiveDate::MAX));
        if first >= end {
            return vec![days(self.from, self.until)];
        }
        let before = |day: NaiveDate| day.pred_opt().unwrap_or(day);
        let mut found = Vec::with_capacity(3);
        if self.from < first {
            found.push(days(self.from, before(first)));
        }
        found.push(Stretch { by_month: true, from: first, until: month(before(end)) });
        if end <= self.until {
            found.push(days(end, self.until));
        }
        found
    }

    /// The Mondays of the weeks that begin in it, as the first and the last one; `None`: no week does.
    #[must_use]
    pub fn weeks(&self) -> Option<Self> {
        let monday = week(self.from);
        let from = if monday < self.from { monday.checked_add_days(Days::new(7))? } else { monday };
        let until = week(self.until);
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
                            let unit = if stretch.by_month { month(day) } else { day };
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

    #[test]
    fn a_day_without_midnight_begins_at_its_first_hour() {
        // In Santiago clocks went from 24:00 to 01:00 on 8 September 2024.
        let zone = chrono_tz::America::Santiago;
        assert_eq!(start(date("2024-09-08"), zone).to_rfc3339(), "2024-09-08T04:00:00+00:00");
        assert_eq!(day(start(date("2024-09-08"), zone), zone), date("2024-09-08"));
        assert_eq!(day("2026-11-01T03:59:59Z".parse().unwrap(), chrono_tz::America::New_York), date("2026-10-31"));
    }
}
