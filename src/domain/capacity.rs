//! The months in which a route's referrals are counted: calendar months on the site's wall clock. A site that moves to another zone
//! counts by its new clock from then on; what was counted stays in the month that it was counted in.

use chrono::{DateTime, Datelike as _, LocalResult, Months, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The month of this moment, by its first day.
#[must_use]
pub fn month_of(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    let day = at.with_timezone(&zone).date_naive();
    day.with_day(1).unwrap_or(day)
}

/// When a month begins. Where the clock skips its midnight, it begins with the first moment after.
#[must_use]
pub fn start_of(month: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = month.and_time(NaiveTime::MIN);
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
    start_of(month.checked_add_months(Months::new(1)).unwrap_or(month), zone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
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
