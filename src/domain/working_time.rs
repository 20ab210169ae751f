//! When the site works, and so which hours count towards a due time.
//!
//! Periods are read on the site's wall clock: daylight saving moves them with it, and an hour that the clock skips or repeats
//! counts as what really passes. A period begins when the clock first shows its opening time or a later one, and ends when it
//! shows its closing time or a later one for good: an hour that is shown twice belongs to it both times.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike, Duration, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};

use super::fault::{Fault, FaultCode};
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

/// Every fault of the periods of a week, each at its place.
#[must_use]
pub fn faults_of_hours(hours: &[OpeningHours]) -> Vec<Fault> {
    let read: Vec<_> = hours.iter().map(period).collect();
    let mut faults = Vec::new();
    for (index, here) in read.iter().enumerate() {
        let earlier = || read.iter().take(index).flatten();
        let (code, message) = match here {
            None => (
                FaultCode::OutOfRange,
                "This period ends before it begins. One over midnight is two: until 24:00, and from 00:00.",
            ),
            Some(here) if earlier().any(|other| other == here) => {
                (FaultCode::DuplicateItem, "This period stands here already. Send it once.")
            }
            Some((day, opens, closes)) if earlier().any(|(other, from, to)| other == day && opens < to && from < closes) => {
                (FaultCode::Inconsistent, "This period overlaps another one of its weekday. Send one that covers both.")
            }
            Some(_) => continue,
        };
        faults.push(Fault::new(format!("/business_hours/{index}"), code, message));
    }
    faults
}

/// Every fault of the holidays, each at its place.
#[must_use]
pub fn faults_of_holidays(holidays: &[CalendarDate]) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (index, date) in holidays.iter().enumerate() {
        let (code, message) = match day(date) {
            None => (FaultCode::BadFormat, "There is no such date. Send one of the calendar, such as 2026-12-25."),
            Some(day) if !seen.insert(day) => (FaultCode::DuplicateItem, "This date stands here already. Send it once."),
            Some(_) => continue,
        };
        faults.push(Fault::new(format!("/holidays/{index}"), code, message));
    }
    faults
}

/// A stretch of dates on which the clock is as far ahead of UTC throughout.
#[derive(Debug)]
struct Steady {
    /// The first date after it.
    until: NaiveDate,
    ahead: FixedOffset,
}

impl Steady {
    fn utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        (local - self.ahead).and_utc()
    }
}

/// A time of the wall clock, in minutes of the day.
fn local(date: NaiveDate, minute: u16) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN) + Duration::minutes(i64::from(minute))
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
        let farthest = from + Duration::days(FARTHEST_DAYS);
        let local = from.with_timezone(&self.zone).date_naive();
        // Where the clock is put back over midnight, the evening of the day before comes once more.
        let first = local.pred_opt().unwrap_or(local);
        // What is counted is counted once, also where two periods meet in an hour that is shown twice.
        let mut counted = from;
        let mut steady: Option<Steady> = None;
        for date in first.iter_days() {
            if steady.as_ref().is_none_or(|steady| steady.until <= date) {
                steady = self.steady(date);
            }
            for (opens, closes) in self.periods(date, steady.as_ref()) {
                let begins = opens.max(counted);
                if begins >= farthest {
                    return farthest;
                }
                if closes <= begins {
                    continue;
                }
                if closes - begins >= left {
                    return farthest.min(begins + left);
                }
                left -= closes - begins;
                counted = closes;
            }
            if (date - local).num_days() > FARTHEST_DAYS {
                break;
            }
        }
        farthest
    }

    /// The working periods of a date.
    fn periods(&self, date: NaiveDate, steady: Option<&Steady>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let weekday = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or(0);
        let periods = self.week.get(weekday).filter(|_| !self.holidays.contains(&date));
        periods.into_iter().flatten().filter_map(move |(opens, closes)| {
            let (opens, closes) = (local(date, *opens), local(date, *closes));
            Some(match steady {
                Some(steady) => (steady.utc(opens), steady.utc(closes)),
                None => (self.shown(opens)?.0, self.shown(closes)?.1),
            })
        })
    }

    /// Whether the clock goes on without a change for a week from this date: then one look at the zone is enough for all of it. That
    /// no zone changes twice within a week is tested.
    fn steady(&self, date: NaiveDate) -> Option<Steady> {
        let until = date.checked_add_days(chrono::Days::new(7))?;
        let offset = |date| Some(self.zone.from_local_datetime(&local(date, 0)).single()?.offset().fix());
        let ahead = offset(date)?;
        (offset(until)? == ahead).then_some(Steady { until, ahead })
    }

    /// When the clock first shows this time, and from when on it shows no earlier one. One that it skips counts as the first that it shows after.
    fn shown(&self, local: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (first, last) = match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Single(at) => (at, at),
            MappedLocalTime::Ambiguous(first, last) => {
                // Put back to just this time, the clock has shown no earlier one since it first showed it.
                let put_back_to_it = (last - Duration::minutes(1)).naive_local() > local;
                (first, if put_back_to_it { first } else { last })
            }
            MappedLocalTime::None => GapInfo::new(&local, &self.zone)?.end.map(|at| (at, at))?,
        };
        Some((first.with_timezone(&Utc), last.with_timezone(&Utc)))
    }
}

#[cfg(test)]
#[path = "working_time_tests.rs"]
mod tests;
