//! Days, weeks and months on a site's wall clock. A site that moves to another zone counts by its new clock from then on.

use chrono::{DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The day of this moment.
#[must_use]
pub fn day_of(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The month of this moment, by its first day.
#[must_use]
pub fn month_of(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    first_of_month(day_of(at, zone))
}

/// The first day of a day's month.
#[must_use]
pub fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The first day of the month after that of this day.
#[must_use]
pub fn next_month(day: NaiveDate) -> NaiveDate {
    first_of_month(day).checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The Monday of a day's week (ISO 8601).
#[must_use]
pub fn monday_of(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
}

/// When a day begins. Where the clock skips its midnight, it begins with the first moment after.
#[must_use]
pub fn start_of(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    (0..=3)
        .find_map(|hours| match zone.from_local_datetime(&(midnight + chrono::Duration::hours(hours))) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
            LocalResult::None => None,
        })
        .unwrap_or_else(|| midnight.and_utc())
}

/// When the month after this one begins.
#[must_use]
pub fn next_start(month: NaiveDate, zone: Tz) -> DateTime<Utc> {
    start_of(next_month(month), zone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_is_that_of_the_sites_wall_clock() {
        let new_york = chrono_tz::America::New_York;
        let june = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
        assert_eq!(month_of(utc("2026-07-01T03:59:59Z"), new_york), june);
        assert_eq!(month_of(utc("2026-07-01T04:00:00Z"), new_york), june + Months::new(1));
        assert_eq!(
            (start_of(june, new_york), next_start(june, new_york)),
            (utc("2026-06-01T04:00:00Z"), utc("2026-07-01T04:00:00Z"))
        );
        let december = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
        assert_eq!(next_start(december, new_york), utc("2027-01-01T05:00:00Z"));
    }

    #[test]
    fn a_day_without_midnight_begins_at_its_first_hour() {
        // In Santiago clocks went from 24:00 to 01:00 on 8 September 2024.
        let zone = chrono_tz::America::Santiago;
        assert_eq!(start_of(date("2024-09-08"), zone).to_rfc3339(), "2024-09-08T04:00:00+00:00");
        assert_eq!(day_of(start_of(date("2024-09-08"), zone), zone), date("2024-09-08"));
        assert_eq!(day_of("2026-11-01T03:59:59Z".parse().unwrap(), chrono_tz::America::New_York), date("2026-10-31"));
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_month_and_in_no_other(seconds in 0_i64..4_000_000_000, zone in 0..chrono_tz::TZ_VARIANTS.len()) {
            let (at, zone) = (DateTime::from_timestamp(seconds, 0).unwrap(), chrono_tz::TZ_VARIANTS[zone]);
            let month = month_of(at, zone);
            prop_assert_eq!(month.day(), 1);
            prop_assert!(start_of(month, zone) <= at && at < next_start(month, zone), "{} {} {}", at, zone, month);
        }
    }
}
