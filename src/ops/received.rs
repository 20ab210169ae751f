//! When something happened, as a caller says it: within bounds that tell nothing about a person.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

use crate::domain::fault::{Fault, FaultCode};

/// What happened longer ago does not arrive now: no time field is wide enough for a date of birth.
const OLDEST: Duration = Duration::days(366);
/// Clocks of two machines may differ by this much; more is a date in the future.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// What is wrong with `received_at`, if anything.
pub(super) fn check(received_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Fault> {
    let message = match received_at? {
        at if at > now + CLOCK_TOLERANCE => "This time is in the future. Send when it happened, in UTC.",
        at if at < now - OLDEST => "This time is more than a year ago. Send when it happened, in UTC.",
        _ => return None,
    };
    Some(Fault::new("/received_at", FaultCode::OutOfRange, message))
}

/// The time to keep. A clock that is slightly ahead of ours did not receive anything in the future. Whole microseconds are what
/// the database keeps, so that this answer equals its later reading.
pub(super) fn kept(received_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    received_at.map_or(now, |at| at.trunc_subsecs(6)).min(now)
}
