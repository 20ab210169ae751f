//! What is true of every language version while it is written: a locale that there is, dates in order, and an author.

use chrono::NaiveDate;

use super::Context;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::locale;
use crate::domain::text::Locale;
use crate::error::{AppError, ErrorCode};
use crate::store::language_versions::LanguageVersionRow;

/// The latest end of an approval after its beginning: nothing is approved for ever.
const LONGEST_DAYS: i64 = 5 * 366;

/// Every fault of a version's locale and dates.
pub(super) fn faults(locale: &Locale, effective_on: Option<NaiveDate>, expires_on: Option<NaiveDate>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !locale::is_known(locale) {
        let message = "Send a language of ISO 639-1, alone or with a region of ISO 3166-1, such as en, es or en-US.";
        faults.push(Fault::new("/locale", FaultCode::UnknownValue, message));
    }
    if let (Some(effective_on), Some(expires_on)) = (effective_on, expires_on) {
        if expires_on < effective_on {
            let message = "The approval would end before it begins. Send a last day on or after `effective_on`.";
            faults.push(Fault::new("/expires_on", FaultCode::Inconsistent, message));
        } else if (expires_on - effective_on).num_days() > LONGEST_DAYS {
            let message = "Send a last day within five years from `effective_on`.";
            faults.push(Fault::new("/expires_on", FaultCode::OutOfRange, message));
        }
    }
    faults
}

/// What a draft lacks before a reviewer can decide.
pub(super) fn missing(version: &LanguageVersionRow) -> Vec<Fault> {
    let is_there = |day: Option<NaiveDate>| day.is_some();
    [
        ("/approval_reference", version.approval_reference.is_some()),
        ("/effective_on", is_there(version.effective_on)),
        ("/expires_on", is_there(version.expires_on)),
    ]
    .into_iter()
    .filter(|(_, is_there)| !is_there)
    .map(|(pointer, _)| Fault::new(pointer, FaultCode::MissingField, "This is needed before a reviewer decides."))
    .collect()
}

/// The member who acts: language is written, approved and opened by people.
///
/// # Errors
/// 403 for whoever is no member.
pub(super) fn member(context: &Context) -> Result<MemberId, AppError> {
    context.actor.member().ok_or_else(|| AppError::new(ErrorCode::Forbidden))
}
