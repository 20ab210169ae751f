//! How events reach the addresses of a site's systems: when an attempt is repeated, when that is given up, and when an endpoint is
//! left alone.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

text_enum! {
    /// Why nothing is sent to an endpoint. `switched_off`: somebody of the site did. `endpoint_gone`: it answered 410. `failing`: nothing
    /// got through for three days.
    pub enum EndpointDisabledReason { SwitchedOff = "switched_off", EndpointGone = "endpoint_gone", Failing = "failing" }
}

/// How long an endpoint may fail before nothing is sent to it any more.
pub const FAILING_FOR: Duration = Duration::days(3);
/// How long a delivery that has ended is shown: as long as the feed is promised.
pub const SHOWN_FOR: Duration = Duration::days(30);

/// The waits between the attempts of one delivery: after the last one it has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    fn default() -> Self {
        Self([5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600].map(Duration::seconds).into())
    }
}

impl Schedule {
    /// Reads whole seconds, separated by commas: one to twenty waits of a second to a week.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let wait = |word: &str| word.trim().parse().ok().filter(|seconds| (1..=604_800).contains(seconds)).map(Duration::seconds);
        let waits: Vec<Duration> = text.split(',').map(wait).collect::<Option<_>>()?;
        (1..=20).contains(&waits.len()).then_some(Self(waits))
    }

    /// When the next attempt is due after this many failed; `None`: never again. The wait is up to a tenth longer, by the event's id, so
    /// that what failed together is not repeated together.
    #[must_use]
    pub fn next(&self, event: Uuid, failures: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let failed = usize::try_from(failures).unwrap_or(0).checked_sub(1)?;
        let wait = *self.0.get(failed)?;
        let (_, low) = event.as_u64_pair();
        let spread = i32::try_from(low.rotate_left(u32::try_from(failed % 64).unwrap_or(0)) % 101).unwrap_or(0);
        Some(now + wait + wait * spread / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_repeated_by_the_schedule_each_up_to_a_tenth_late_and_then_given_up() {
        let (schedule, now) = (Schedule::default(), "2026-06-01T09:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let event = Uuid::from_u128(0x0199_aa10_7c1e_7b52_9f0e_3d6a_5b1c_2f48);
        for (failures, seconds) in [(1, 5), (2, 300), (3, 1_800), (4, 7_200), (5, 18_000), (6, 36_000), (7, 36_000)] {
            let wait = (schedule.next(event, failures, now).unwrap() - now).num_milliseconds();
            assert!((seconds * 1_000..=seconds * 1_100).contains(&wait), "{failures}: {wait}");
        }
        assert_eq!(schedule.next(event, 8, now), None);
        assert_eq!(schedule.next(event, 0, now), None, "nothing failed");
    }

    #[test]
    fn a_schedule_is_read_or_refused() {
        assert_eq!(Schedule::parse("5, 300,1800,7200,18000,36000,36000"), Some(Schedule::default()));
        for wrong in ["", "0", "5,", "5;6", "-1", "604801", &["1"; 21].join(",")] {
            assert_eq!(Schedule::parse(wrong), None, "{wrong}");
        }
    }
}
