//! Letting go of the events and audit entries of a site that are older than its operator wants kept: what is dropped with the months of all
//! sites is said here first, in each site's own trail, so that verifying tells it from what somebody took out.

use chrono::NaiveDate;
use serde_json::Value;

use super::Context;
use super::record::{Change, record};
use crate::db::Conn;
use crate::domain::journal::{Facts, SubjectKind};
use crate::error::AppError;
use crate::store::journal::{self, AuditFilter, AuditRow, months};

/// As audit entries name it.
pub const OPERATION: &str = "drop_journal_month";
const FIELD: &str = "kept_from";

/// Has the streams of the context's site begin at this day, which months end before; `false` when they do so already.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, kept_from: NaiveDate) -> Result<bool, AppError> {
    let scope = &context.scope;
    // A site without a head has never had a change.
    let Some(head) = journal::head(conn, scope)?.filter(|head| head.kept_from < Some(kept_from)) else { return Ok(false) };
    let facts = |day: Option<NaiveDate>| day.map_or_else(Facts::new, |day| Facts::new().slug(FIELD, &day.to_string()));
    let (before, after) = (facts(head.kept_from), facts(Some(kept_from)));
    record(conn, context, [Change::new(OPERATION, SubjectKind::Site, scope.site().0, before, after)])?;
    let head = months::without(conn, scope, head, kept_from)?;
    months::begin_at(conn, scope, &head)?;
    Ok(true)
}

/// Whether the sealed trail of the context's site says that everything before this day goes. What is not sealed yet, nobody could tell from
/// what was never said.
///
/// # Errors
/// A database failure.
pub fn is_said(conn: &mut Conn, context: &Context, day: NaiveDate) -> Result<bool, AppError> {
    let scope = &context.scope;
    if journal::head(conn, scope)?.is_none() {
        return Ok(true);
    }
    let own = AuditFilter { subject: Some(scope.site().0), operation: Some(OPERATION.to_owned()), ..AuditFilter::default() };
    let last = journal::trail(conn, scope, &own, None, 1)?;
    Ok(last.first().and_then(|row| kept_from(&row.entry)) >= Some(day))
}

/// The day that such an entry says.
pub(super) fn kept_from(entry: &AuditRow) -> Option<NaiveDate> {
    let after: Value = serde_json::from_str(entry.after.as_deref()?).ok()?;
    after.get(FIELD)?.as_str()?.parse().ok()
}
