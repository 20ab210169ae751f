//! When the site works, and so which hours count towards a due time.
//!
//! Periods are read on the site's wall clock: daylight saving moves them with it, and an hour that the clock skips or repeats
//! counts as what really passes.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use super::text::{CalendarDate, OpeningHours};

const MINUTES_OF_DAY: u16 = 24 * 60;
/// Nothing is due later than this, whatever the calendar: a site that is closed for ever must not make a due time disappear.
const FARTHEST_DAYS: i64 = 5 * 366;

/// Working hours and holidays, ready to count with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingTime {
    zone: Tz,
    /// Per weekday from Monday, in minutes of the day, in order. All empty: every hour counts.
    week: [Vec<(u16, u16)>; 7],
    holidays: BTreeSet<NaiveDate>,
}

/// A period as (weekday from Monday, opens, closes), in minutes of the day; `None` when it closes before it opens.
#[must_use]
pub fn period(hours: &OpeningHours) -> Option<(usize, u16, u16)> {
    let (day, times) = hours.as_str().split_once(' ')?;
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let weekday = days.iter().position(|name| *name == day)?;
    let (opens, closes) = times.split_once('-')?;
    let minutes = |time: &str| {
        let (hour, minute) = time.split_once(':')?;
        Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?)
    };
    let (opens, closes) = (minutes(opens)?, minutes(closes)?);
    (opens < closes && closes <= MINUTES_OF_DAY).then_some((weekday, opens, closes))
}

/// The day that a date of the calendar names; `None` when there is no such day.
#[must_use]
pub fn day(date: &CalendarDate) -> Option<NaiveDate> {
    date.as_str().parse().ok()
}

impl WorkingTime {
    /// The working time of a calendar that was checked when it was set; what is none in it is passed over.
    #[must_use]
    pub fn new(zone: Tz, hours: &[OpeningHours], holidays: &[CalendarDate]) -> Self {
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for (weekday, opens, closes) in hours.iter().filter_map(period) {
            if let Some(periods) = week.get_mut(weekday) {
                periods.push((opens, closes));
            }
        }
        week.iter_mut().for_each(|periods| periods.sort_unstable());
        Self { zone, week, holidays: holidays.iter().filter_map(day).collect() }
    }

    /// The moment at which this many working hours have passed since `from`. What ends with a period is due at its end.
    #[must_use]
    pub fn after(&self, from: DateTime<Utc>, hours: i32) -> DateTime<Utc> {
        let mut left = Duration::hours(i64::from(hours.max(0)));
        if self.week.iter().all(Vec::is_empty) {
            return from + left;
        }
        let first = from.with_timezone(&self.zone).date_naive();
        for date in first.iter_days().take(usize::try_from(FARTHEST_DAYS).unwrap_or(usize::MAX)) {
            for (opens, closes) in self.periods(date) {
                let begins = opens.max(from);
                if closes <= begins {
                    continue;
                }
                if closes - begins >= left {
                    return begins + left;
                }
                left -= closes - begins;
            }
        }
        from + Duration::days(FARTHEST_DAYS)
    }

    /// The working periods of a date.
    fn periods(&self, date: NaiveDate) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let weekday = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or(0);
        let periods = self.week.get(weekday).filter(|_| !self.holidays.contains(&date));
        periods.into_iter().flatten().filter_map(move |(opens, closes)| Some((self.at(date, *opens)?, self.at(date, *closes)?)))
    }

    /// A time of the wall clock. One that the clock skips is the first that it shows after; of one that it shows twice the first.
    fn at(&self, date: NaiveDate, minute: u16) -> Option<DateTime<Utc>> {
        let midnight = date.and_hms_opt(0, 0, 0)?;
        // No zone skips more than a day; those that skipped one did it at midnight.
        (0..=MINUTES_OF_DAY)
            .map(|later| midnight + Duration::minutes(i64::from(minute) + i64::from(later)))
            .find_map(|local| self.zone.from_local_datetime(&local).earliest())
            .map(|found| found.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office(zone: Tz, holidays: &[&str]) -> WorkingTime {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
        let hours: Vec<OpeningHours> = days.iter().map(|day| format!("{day} 09:00-17:00").parse().unwrap()).collect();
        let holidays: Vec<CalendarDate> = holidays.iter().map(|date| date.parse().unwrap()).collect();
        WorkingTime::new(zone, &hours, &holidays)
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_site_without_hours_works_always() {
        let always = WorkingTime::new(chrono_tz::UTC, &[], &[]);
        assert_eq!(always.after(utc("2026-06-05T20:00:00Z"), 30), utc("2026-06-07T02:00:00Z"));
    }

    #[test]
    fn a_friday_afternoon_is_continued_on_monday_and_over_the_clock_change() {
        let boston = office(chrono_tz::America::New_York, &[]);
        // Friday 2026-03-06, 15:00 in New York (20:00 UTC): two hours are left. The clocks change on Sunday; Monday 13:00 is 17:00 UTC.
        assert_eq!(boston.after(utc("2026-03-06T20:00:00Z"), 6), utc("2026-03-09T17:00:00Z"));
        // The same a week before, without the change.
        assert_eq!(boston.after(utc("2026-02-27T20:00:00Z"), 6), utc("2026-03-02T18:00:00Z"));
        // Holidays do not count, and what ends with the day is due at its end.
        let holiday = office(chrono_tz::America::New_York, &["2026-03-09"]);
        assert_eq!(holiday.after(utc("2026-03-06T20:00:00Z"), 10), utc("2026-03-10T21:00:00Z"));
    }

    #[test]
    fn hours_that_the_clock_skips_or_repeats_count_as_what_really_passes() {
        let night: Vec<OpeningHours> = vec!["sunday 00:00-04:00".parse().unwrap()];
        let zone = WorkingTime::new(chrono_tz::America::New_York, &night, &[]);
        // 2026-03-08 has three hours between midnight (05:00 UTC) and four (08:00 UTC): the fourth is a week later.
        assert_eq!(zone.after(utc("2026-03-08T05:00:00Z"), 3), utc("2026-03-08T08:00:00Z"));
        assert_eq!(zone.after(utc("2026-03-08T05:00:00Z"), 4), utc("2026-03-15T05:00:00Z"));
        // 2026-11-01 has five.
        assert_eq!(zone.after(utc("2026-11-01T04:00:00Z"), 5), utc("2026-11-01T09:00:00Z"));
        // A period that opens in the skipped hour opens when the clock is there again.
        let skipped: Vec<OpeningHours> = vec!["sunday 02:30-05:00".parse().unwrap()];
        let zone = WorkingTime::new(chrono_tz::America::New_York, &skipped, &[]);
        assert_eq!(zone.after(utc("2026-03-08T05:00:00Z"), 2), utc("2026-03-08T09:00:00Z"));
    }

    #[test]
    fn a_calendar_that_never_works_still_has_due_times() {
        let hours: Vec<OpeningHours> = vec!["monday 09:00-09:01".parse().unwrap()];
        let hardly = WorkingTime::new(chrono_tz::UTC, &hours, &[]);
        let from = utc("2026-06-01T00:00:00Z");
        assert_eq!(hardly.after(from, 2160), from + Duration::days(FARTHEST_DAYS));
        assert!(period(&"monday 17:00-08:00".parse().unwrap()).is_none());
    }
}
