//! Letting go of the events and audit entries of a site that are older than its operator wants kept: what is dropped with the months of all
//! sites is said here first, in each site's own trail, so that verifying tells it from what somebody took out.

use chrono::{Datelike as _, Months, NaiveDate};
use serde_json::Value;

use super::Context;
use super::record::{Change, record};
use crate::db::Conn;
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::store::journal::{self, AuditRow, months};

/// As audit entries name it; the database asks for it before it drops a month.
pub const OPERATION: &str = "drop_journal_month";
/// Whole months beside the present one that nobody can have dropped.
pub const MONTHS_KEPT_AT_LEAST: u32 = 12;
const FIELD: &str = "kept_from";

/// Says in the trail of the context's site that everything before this day goes; `false` when it says so already.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, day: NaiveDate) -> Result<bool, AppError> {
    let scope = &context.scope;
    // A site without a head has never had a change.
    if journal::head(conn, scope)?.is_none() {
        return Ok(false);
    }
    let before = months::last_of(conn, scope, OPERATION)?.as_ref().and_then(said);
    if before >= Some(day) {
        return Ok(false);
    }
    let facts = |day: Option<NaiveDate>| day.map_or_else(Facts::new, |day| Facts::new().slug(FIELD, &day.to_string()));
    let (before, after) = (facts(before), facts(Some(day)));
    record(conn, context, [Change::new(OPERATION, SubjectKind::Site, scope.site().0, before, after)])?;
    Ok(true)
}

/// The day before which everything goes, as this entry says it.
fn said(entry: &AuditRow) -> Option<NaiveDate> {
    let after: Value = serde_json::from_str(entry.after.as_deref()?).ok()?;
    after.get(FIELD)?.as_str()?.parse().ok()
}

/// The same, if it is such an entry and what it says may be: nothing younger than a year goes.
pub(super) fn believed(entry: &AuditRow) -> Option<NaiveDate> {
    let day = (entry.operation == OPERATION).then(|| said(entry)).flatten()?;
    let latest = entry.recorded_at.date_naive().with_day(1)?.checked_sub_months(Months::new(MONTHS_KEPT_AT_LEAST))?;
    (day <= latest).then_some(day)
}
