//! Where a partner stands, day by day. The days are those of June and July 2026.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn id(number: u128) -> LanguageVersionId {
    LanguageVersionId(Uuid::from_u128(number))
}

/// A version in English that counts from its effective date on, to the end of the year, with 14 days of grace.
fn version(number: u128, effective_on: &str) -> Approved {
    Approved {
        id: id(number),
        locale: "en".parse().unwrap(),
        effective_on: day(effective_on),
        in_force_on: day(effective_on),
        expires_on: day("2026-12-31"),
        grace_days: 14,
        ending: Ending::Open,
        acknowledged: false,
    }
}

fn acknowledged(version: Approved) -> Approved {
    Approved { acknowledged: true, ..version }
}

#[test]
fn without_a_version_in_force_there_is_no_approved_language_whatever_was_acknowledged() {
    let today = day("2026-06-15");
    assert_eq!(standing(&[], today), Standing::NoApprovedLanguage);
    let scheduled = acknowledged(version(1, "2026-06-16"));
    let expired = Approved { expires_on: day("2026-06-14"), ..acknowledged(version(2, "2026-06-01")) };
    let retired = Approved { ending: Ending::Retired(day("2026-06-10")), ..acknowledged(version(3, "2026-06-02")) };
    assert_eq!(standing(&[scheduled, expired, retired], today), Standing::NoApprovedLanguage);
}

#[test]
fn the_version_in_force_counts_from_its_first_day_to_its_last() {
    let all = [Approved { expires_on: day("2026-06-30"), ..acknowledged(version(1, "2026-06-01")) }];
    let on = |date| standing(&all, day(date));
    assert_eq!(on("2026-05-31"), Standing::NoApprovedLanguage);
    assert_eq!(on("2026-06-01"), Standing::Acknowledged { version: id(1) });
    assert_eq!(on("2026-06-30"), Standing::Acknowledged { version: id(1) });
    assert_eq!(on("2026-07-01"), Standing::NoApprovedLanguage);
    assert_eq!(standing(&[version(1, "2026-06-01")], day("2026-06-02")), Standing::NeverAcknowledged);
}

#[test]
fn after_a_supersession_the_old_acknowledgement_counts_for_the_grace_days_and_not_a_day_longer() {
    for written_down in [Ending::Open, Ending::Superseded] {
        let old = Approved { ending: written_down, ..acknowledged(version(1, "2026-06-01")) };
        let all = [old, version(2, "2026-07-01")];
        let on = |date| standing(&all, day(date));
        if written_down == Ending::Open {
            assert_eq!(on("2026-06-30"), Standing::Acknowledged { version: id(1) });
        }
        let until = day("2026-07-14");
        assert_eq!(on("2026-07-01"), Standing::InGrace { version: id(1), until });
        assert_eq!(on("2026-07-14"), Standing::InGrace { version: id(1), until });
        assert_eq!(on("2026-07-15"), Standing::Lapsed);
    }
}

#[test]
fn without_grace_days_the_old_acknowledgement_ends_at_once_and_one_made_ahead_counts_at_once() {
    let strict = Approved { grace_days: 0, ..version(2, "2026-07-01") };
    let old = acknowledged(version(1, "2026-06-01"));
    assert_eq!(standing(&[old.clone(), strict.clone()], day("2026-07-01")), Standing::Lapsed);
    let ahead = [old, acknowledged(strict)];
    assert_eq!(standing(&ahead, day("2026-06-30")), Standing::Acknowledged { version: id(1) });
    assert_eq!(standing(&ahead, day("2026-07-01")), Standing::Acknowledged { version: id(2) });
}

#[test]
fn of_several_supersessions_the_strictest_grace_decides() {
    let first = acknowledged(version(1, "2026-06-01"));
    let urgent = Approved { grace_days: 0, ..version(3, "2026-07-05") };
    let all = [first.clone(), version(2, "2026-07-01"), urgent];
    assert_eq!(standing(&all, day("2026-07-04")), Standing::InGrace { version: id(1), until: day("2026-07-14") });
    assert_eq!(standing(&all, day("2026-07-05")), Standing::Lapsed);
    // A generous one after it does not make it longer, and one that was retired before its day does not make it shorter.
    let all = [first.clone(), version(2, "2026-07-01"), Approved { grace_days: 90, ..version(3, "2026-07-05") }];
    assert_eq!(standing(&all, day("2026-07-05")), Standing::InGrace { version: id(1), until: day("2026-07-14") });
    let never = Approved { grace_days: 0, ending: Ending::Retired(day("2026-06-20")), ..version(3, "2026-07-05") };
    let all = [first, version(2, "2026-07-01"), never];
    assert_eq!(standing(&all, day("2026-07-06")), Standing::InGrace { version: id(1), until: day("2026-07-14") });
}

#[test]
fn a_renewal_without_a_gap_has_its_grace_and_one_after_a_gap_has_none() {
    let old = Approved { expires_on: day("2026-06-30"), ..acknowledged(version(1, "2026-06-01")) };
    let seamless = [old.clone(), version(2, "2026-07-01")];
    assert_eq!(standing(&seamless, day("2026-07-02")), Standing::InGrace { version: id(1), until: day("2026-07-14") });
    let after_a_gap = [old, version(2, "2026-07-02")];
    assert_eq!(standing(&after_a_gap, day("2026-07-01")), Standing::NoApprovedLanguage);
    assert_eq!(standing(&after_a_gap, day("2026-07-02")), Standing::Lapsed);
}

#[test]
fn what_was_superseded_does_not_come_back_when_its_successor_expires() {
    let short = Approved { expires_on: day("2026-07-01"), ..version(2, "2026-07-01") };
    let all = [acknowledged(version(1, "2026-06-01")), short];
    assert_eq!(standing(&all, day("2026-07-01")), Standing::InGrace { version: id(1), until: day("2026-07-14") });
    assert_eq!(standing(&all, day("2026-07-02")), Standing::NoApprovedLanguage);
}

#[test]
fn what_was_acknowledged_ahead_counts_from_its_day_on_and_has_not_lapsed_before() {
    let all = [version(1, "2026-06-01"), acknowledged(version(2, "2026-07-01"))];
    assert_eq!(standing(&all, day("2026-06-30")), Standing::NeverAcknowledged);
    assert_eq!(standing(&all, day("2026-07-01")), Standing::Acknowledged { version: id(2) });
}

#[test]
fn what_was_retired_counts_no_more_also_within_grace_days() {
    let retired = Approved { ending: Ending::Retired(day("2026-07-01")), ..acknowledged(version(1, "2026-06-01")) };
    assert_eq!(standing(&[retired, version(2, "2026-07-01")], day("2026-07-02")), Standing::Lapsed);
}

#[test]
fn a_partner_works_in_the_locale_that_it_acknowledged_and_a_new_one_takes_nothing_away() {
    let spanish = |version: Approved| Approved { locale: "es".parse().unwrap(), ..version };
    let english = acknowledged(version(1, "2026-06-01"));
    let all = [english.clone(), spanish(version(2, "2026-06-10"))];
    assert_eq!(standing(&all, day("2026-06-10")), Standing::Acknowledged { version: id(1) });
    assert_eq!(locales(&all, day("2026-06-10")).len(), 2);
    // Its own locale moves on; the other one is no way round.
    let all = [english, version(3, "2026-06-20"), spanish(version(2, "2026-06-10"))];
    assert_eq!(standing(&all, day("2026-07-04")), Standing::Lapsed);
}

#[test]
fn a_version_approved_after_its_effective_date_counts_from_its_approval_on() {
    let late = Approved { in_force_on: day("2026-06-20"), ..version(2, "2026-06-10") };
    let all = [acknowledged(version(1, "2026-06-01")), late];
    assert_eq!(standing(&all, day("2026-06-19")), Standing::Acknowledged { version: id(1) });
    assert_eq!(standing(&all, day("2026-06-20")), Standing::InGrace { version: id(1), until: day("2026-07-03") });
}

#[test]
fn what_is_written_down_is_what_the_dates_say() {
    let old = Approved { expires_on: day("2026-06-30"), ..version(1, "2026-06-01") };
    let next = version(2, "2026-07-01");
    let all = [old.clone(), next.clone()];
    assert_eq!(old.settled(&all, day("2026-06-30")), None);
    let superseded = Some(Settled::Superseded { by: id(2), on: day("2026-07-01") });
    // Also when nobody looked for a month.
    assert_eq!(old.settled(&all, day("2026-07-01")), superseded);
    assert_eq!(old.settled(&all, day("2026-08-01")), superseded);
    assert_eq!(next.settled(&all, day("2026-12-31")), None);
    assert_eq!(next.settled(&all, day("2027-01-01")), Some(Settled::Expired));
    let later = Approved { in_force_on: day("2026-07-02"), ..next };
    assert_eq!(old.settled(&[old.clone(), later], day("2026-07-02")), Some(Settled::Expired));
}

proptest! {
    /// Writing down what the dates say changes nothing of where a partner stands.
    #[test]
    fn the_job_changes_no_standing(
        days in prop::collection::vec((0_u64..60, 0_u64..90, 0_i32..20, any::<bool>(), any::<bool>()), 0..6),
        today in 0_u64..120,
    ) {
        let first = day("2026-06-01");
        let on = |offset: u64| first.checked_add_days(Days::new(offset)).unwrap();
        let mut all: Vec<Approved> = Vec::new();
        for (number, (effective, length, grace_days, acknowledged, spanish)) in days.into_iter().enumerate() {
            let locale: Locale = if spanish { "es" } else { "en" }.parse().unwrap();
            if all.iter().any(|other| other.locale == locale && other.effective_on == on(effective)) {
                continue;
            }
            all.push(Approved {
                locale, in_force_on: on(effective), effective_on: on(effective), expires_on: on(effective + length), grace_days,
                acknowledged, ending: Ending::Open, id: id(number as u128 + 1),
            });
        }
        let today = on(today);
        let before = standing(&all, today);
        let written: Vec<Approved> = all
            .iter()
            .map(|version| match version.settled(&all, today) {
                Some(Settled::Superseded { .. }) => Approved { ending: Ending::Superseded, ..version.clone() },
                Some(Settled::Expired) => Approved { ending: Ending::Retired(today), ..version.clone() },
                None => version.clone(),
            })
            .collect();
        prop_assert_eq!(standing(&written, today), before);
        for locale in locales(&all, today) {
            let in_force = |version: &&Approved| version.locale == locale && version.is_in_force(&written, today);
            prop_assert_eq!(written.iter().filter(in_force).count(), 1, "exactly one counts");
            prop_assert_eq!(current(&written, &locale, today).map(|v| v.id), current(&all, &locale, today).map(|v| v.id));
        }
    }
}
