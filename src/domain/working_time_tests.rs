//! Working time against what the calendar says, against a count minute by minute, and against rules that hold for every calendar.

use proptest::prelude::*;

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

#[test]
fn an_hour_that_is_shown_twice_belongs_to_its_period_both_times_and_is_counted_once() {
    let hours: Vec<OpeningHours> = ["sunday 00:30-01:30", "sunday 01:30-03:00"].map(|text| text.parse().unwrap()).to_vec();
    // 2026-11-01: from 00:30 (04:30 UTC) the first period lasts until the second 01:30 (06:30 UTC), the other goes on until 03:00.
    let zone = WorkingTime::new(chrono_tz::America::New_York, &hours[..1], &[]);
    assert_eq!(zone.after(utc("2026-11-01T04:00:00Z"), 2), utc("2026-11-01T06:30:00Z"));
    let zone = WorkingTime::new(chrono_tz::America::New_York, &hours, &[]);
    assert_eq!(zone.after(utc("2026-11-01T04:00:00Z"), 3), utc("2026-11-01T07:30:00Z"));
    // St. John's put its clock back at one minute past midnight: an evening of 2009-10-31 came twice, also as seen from the minute between.
    let evening: Vec<OpeningHours> = vec!["saturday 22:00-24:00".parse().unwrap()];
    let zone = WorkingTime::new(chrono_tz::America::St_Johns, &evening, &[]);
    assert_eq!(zone.after(utc("2009-11-01T02:30:00Z"), 1), utc("2009-11-01T03:30:00Z"));
    // The half minute that is missing then is the first of the next Saturday evening.
    assert_eq!(zone.after(utc("2009-11-01T02:30:30Z"), 1), utc("2009-11-08T01:30:30Z"));
}

#[test]
fn every_fault_of_a_calendar_is_found_at_its_place() {
    let texts = [
        "monday 08:00-12:00",
        "monday 13:00-13:00",
        "monday 12:00-17:00",
        "monday 11:59-12:30",
        "tuesday 08:00-12:00",
        "monday 08:00-12:00",
        "friday 18:00-02:00",
        "monday 08:30-09:00",
        "sunday 00:00-24:00",
    ];
    let hours: Vec<OpeningHours> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let places = |faults: Vec<Fault>| faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect::<Vec<_>>();
    let expected = [
        "/business_hours/1 out_of_range",
        "/business_hours/3 inconsistent",
        "/business_hours/5 duplicate_item",
        "/business_hours/6 out_of_range",
        "/business_hours/7 inconsistent",
    ];
    assert_eq!(places(faults_of_hours(&hours)), expected);
    let texts = ["2026-12-25", "2026-02-29", "2026-12-24", "2026-12-25", "2026-13-01", "2026-12-25"];
    let dates: Vec<CalendarDate> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let expected =
        ["/holidays/1 bad_format", "/holidays/3 duplicate_item", "/holidays/4 bad_format", "/holidays/5 duplicate_item"];
    assert_eq!(places(faults_of_holidays(&dates)), expected);
    assert_eq!((faults_of_hours(&[]), faults_of_holidays(&[])), (Vec::new(), Vec::new()));
}

/// Zones and the days around a change of theirs: ordinary ones, half an hour, at midnight both ways, over midnight, two hours, and a
/// day that never was.
const CHANGES: [(Tz, &str); 15] = [
    (chrono_tz::America::New_York, "2026-03-08"),
    (chrono_tz::America::New_York, "2026-11-01"),
    (chrono_tz::Europe::London, "2026-10-25"),
    (chrono_tz::Australia::Lord_Howe, "2026-04-05"),
    (chrono_tz::Australia::Lord_Howe, "2026-10-04"),
    (chrono_tz::America::Sao_Paulo, "2018-11-04"),
    (chrono_tz::America::Sao_Paulo, "2018-02-18"),
    (chrono_tz::Africa::Cairo, "2026-04-24"),
    (chrono_tz::Africa::Cairo, "2026-10-30"),
    (chrono_tz::America::St_Johns, "2009-11-01"),
    (chrono_tz::America::St_Johns, "2009-03-08"),
    (chrono_tz::Antarctica::Troll, "2026-03-29"),
    (chrono_tz::Pacific::Apia, "2011-12-30"),
    (chrono_tz::Asia::Kolkata, "2026-03-08"),
    (chrono_tz::UTC, "2026-03-08"),
];

/// Minutes of the window that the count goes over: from four days before the change.
const WINDOW: usize = 18 * 24 * 60;

/// The minutes of a window that a calendar works, found on the clock alone: from the first minute that shows the opening time or a later
/// one, to the last that shows an earlier one than the closing time.
fn open_minutes(zone: Tz, begin: DateTime<Utc>, hours: &[OpeningHours], holidays: &[NaiveDate]) -> Vec<bool> {
    let minute = |index: usize| begin + Duration::minutes(index as i64);
    let clock: Vec<_> = (0..WINDOW).map(|index| minute(index).with_timezone(&zone).naive_local()).collect();
    let mut open = vec![false; WINDOW];
    for date in clock[0].date().iter_days().take(19).filter(|date| !holidays.contains(date)) {
        for (weekday, opens, closes) in hours.iter().filter_map(period) {
            if weekday != date.weekday().num_days_from_monday() as usize {
                continue;
            }
            let at = |minute: u16| date.and_hms_opt(0, 0, 0).unwrap() + Duration::minutes(minute.into());
            let from = clock.iter().position(|shown| *shown >= at(opens)).unwrap_or(WINDOW);
            let to = clock.iter().rposition(|shown| *shown < at(closes)).map_or(0, |last| last + 1);
            (from..to).for_each(|index| open[index] = true);
        }
    }
    open
}

/// Up to five periods, anywhere in the week or about midnight, where clocks change.
fn weeks() -> impl Strategy<Value = Vec<OpeningHours>> {
    let days = prop::sample::select(vec!["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]);
    let times = prop_oneof![
        (0_u16..1440, 1_u16..=1440).prop_map(|(a, b)| (a.min(b.saturating_sub(1)), b.max(a + 1))),
        (0_u16..240, 1_u16..=90).prop_map(|(opens, lasts)| (opens, opens + lasts)),
        (1290_u16..1440).prop_map(|opens| (opens, 1440)),
    ];
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let one = (days, times)
        .prop_map(move |(day, (opens, closes))| format!("{day} {}-{}", clock(opens), clock(closes)).parse().unwrap());
    prop::collection::vec(one, 1..6)
}

#[test]
fn a_period_until_the_time_that_the_clock_is_put_back_to_ends_when_it_is_first_shown() {
    for (zone, day, until, ends) in [
        // Put back from two to one, and from two to half past one.
        (chrono_tz::America::New_York, "2026-11-01", "01:00", "2026-11-01T05:00:00Z"),
        (chrono_tz::Australia::Lord_Howe, "2026-04-05", "01:30", "2026-04-04T14:30:00Z"),
        // A minute later it comes again.
        (chrono_tz::America::New_York, "2026-11-01", "01:01", "2026-11-01T06:01:00Z"),
        (chrono_tz::Australia::Lord_Howe, "2026-04-05", "01:31", "2026-04-04T15:01:00Z"),
    ] {
        let working = WorkingTime::new(zone, &[format!("sunday 00:00-{until}").parse().unwrap()], &[]);
        let (_, closes) = working.periods(day.parse().unwrap(), None).next().unwrap();
        assert_eq!(closes, ends.parse::<DateTime<Utc>>().unwrap(), "{zone} until {until}");
    }
}

#[test]
fn no_zone_changes_its_clock_twice_within_a_week() {
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    for zone in chrono_tz::TZ_VARIANTS {
        let offset = |date: NaiveDate| zone.offset_from_utc_datetime(&local(date, 0)).fix();
        let changes: Vec<NaiveDate> =
            first.iter_days().take(14 * 366).filter(|date| offset(*date) != offset(date.succ_opt().unwrap())).collect();
        assert!(changes.windows(2).all(|pair| (pair[1] - pair[0]).num_days() > 8), "{zone}");
    }
}

proptest! {
    #[test]
    fn it_counts_what_a_count_minute_by_minute_counts(
        change in 0..CHANGES.len(), hours in weeks(), holiday in prop::option::of(0_u64..8), from in 2 * 1440..8 * 1440_usize, wanted in 0..12_i32,
    ) {
        let (zone, day) = CHANGES[change];
        let day: NaiveDate = day.parse().unwrap();
        let begin = (day - Duration::days(4)).and_hms_opt(0, 0, 0).unwrap().and_utc();
        let holidays: Vec<NaiveDate> = holiday.map(|index| day + chrono::Days::new(index) - Duration::days(3)).into_iter().collect();
        let dates: Vec<CalendarDate> = holidays.iter().map(|date| date.to_string().parse().unwrap()).collect();
        let open = open_minutes(zone, begin, &hours, &holidays);
        let mut working = (from..WINDOW - 2 * 1440).filter(|index| open[*index]);
        let expected = match wanted {
            0 => working.next(),
            _ => working.nth(wanted as usize * 60 - 1).map(|last| last + 1),
        };
        // Beyond the window nothing is said.
        prop_assume!(expected.is_some());
        let minute = |index: usize| begin + Duration::minutes(index as i64);
        let found = WorkingTime::new(zone, &hours, &dates).after(minute(from), wanted);
        let said: Vec<_> = hours.iter().map(OpeningHours::as_str).collect();
        prop_assert_eq!(found, minute(expected.unwrap()), "{:?} in {} from {}", said, zone, minute(from));
    }

    #[test]
    fn later_or_longer_is_never_due_earlier_and_a_sum_is_the_one_after_the_other(
        zone in 0..chrono_tz::TZ_VARIANTS.len(), hours in weeks(), from in 0_i64..2_200_000_000, later in 0_i64..200_000,
        (one, other) in (0..300_i32, 1..300_i32),
    ) {
        let working = WorkingTime::new(chrono_tz::TZ_VARIANTS[zone], &hours, &[]);
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let found = working.after(at(from), one);
        prop_assert!(found >= at(from));
        prop_assert!(found <= working.after(at(from), one + 1), "longer");
        prop_assert!(found <= working.after(at(from + later), one), "later");
        let sum = working.after(at(from), one + other);
        prop_assert!(sum <= at(from) + Duration::days(FARTHEST_DAYS));
        if sum < at(from) + Duration::days(FARTHEST_DAYS) {
            prop_assert_eq!(working.after(found, other), sum);
            let date = sum.with_timezone(&working.zone).date_naive();
            let near = [date.pred_opt().unwrap(), date];
            prop_assert!(near.into_iter().any(|date| working.periods(date, None).any(|(opens, closes)| opens <= sum && sum <= closes)));
        }
    }
}
