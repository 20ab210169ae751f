//! Writing down what the dates of approved versions say: that one took another's place, or that an approval is over. Once each, with
//! its event. Whoever settles has locked the study, as whoever approves or retires has.

use chrono::{Days, NaiveDate};

use super::record::{Change, record};
use super::{Context, facts};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::language::{LanguageRetirementReason, LanguageStatus};
use crate::domain::language_standing::{Approved, Settled};
use crate::error::AppError;
use crate::store;
use crate::store::language_versions::LanguageVersionRow;

/// Studies of one transaction.
const BATCH: i64 = 50;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Versions that ended.
    pub ended: usize,
    /// Whether more may be due.
    pub more: bool,
}

/// Settles the studies of the context's site that have something due.
///
/// # Errors
/// A database failure; the pass is undone as a whole, and the next one does it.
pub fn run(conn: &mut Conn, context: &Context) -> Result<Pass, AppError> {
    let scope = &context.scope;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let due = store::language_versions::due_studies(conn, scope, today, BATCH)?;
    if due.is_empty() {
        return Ok(Pass { ended: 0, more: false });
    }
    store::studies::lock_all(conn, scope, &due)?;
    let all = store::language_versions::approved_of_studies(conn, scope, &due)?;
    let mut changes = Vec::new();
    let mut ended = Vec::new();
    for study in &due {
        let of_study: Vec<LanguageVersionRow> = all.iter().filter(|version| version.study_id == *study).cloned().collect();
        for (before, after) in settled(&of_study, context, today) {
            changes.push(change("settle_language", &before, &after));
            ended.push(after);
        }
    }
    store::language_versions::end(conn, &ended)?;
    record(conn, context, changes)?;
    Ok(Pass { ended: ended.len(), more: i64::try_from(due.len()).unwrap_or(BATCH) >= BATCH })
}

/// Settles one study, which is locked, within an operation on it; answers what is to be recorded.
///
/// # Errors
/// A database failure.
pub(super) fn settle(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    study: StudyId,
    today: NaiveDate,
) -> Result<Vec<Change>, AppError> {
    let all = store::language_versions::approved_of_study(conn, &context.scope, study)?;
    let settled = settled(&all, context, today);
    let ended: Vec<LanguageVersionRow> = settled.iter().map(|(_, after)| after.clone()).collect();
    store::language_versions::end(conn, &ended)?;
    Ok(settled.iter().map(|(before, after)| change(operation, before, after)).collect())
}

/// The versions that ended by this day, before and after.
fn settled(all: &[LanguageVersionRow], context: &Context, today: NaiveDate) -> Vec<(LanguageVersionRow, LanguageVersionRow)> {
    let approved: Vec<Approved> = all.iter().filter_map(|version| version.approved(false)).collect();
    let ended = |version: &LanguageVersionRow| {
        let ended = LanguageVersionRow { version: version.version + 1, updated_at: context.now, ..version.clone() };
        Some(match version.approved(false)?.settled(&approved, today)? {
            Settled::Superseded { by, on } => LanguageVersionRow {
                status: LanguageStatus::Superseded,
                superseded_by_id: Some(by),
                superseded_on: Some(on),
                ..ended
            },
            Settled::Expired => LanguageVersionRow {
                status: LanguageStatus::Retired,
                retired_on: version.expires_on.and_then(|last| last.checked_add_days(Days::new(1))),
                retirement_reason: Some(LanguageRetirementReason::Expired),
                ..ended
            },
        })
    };
    all.iter().filter_map(|version| Some((version.clone(), ended(version)?))).collect()
}

fn change(operation: &'static str, before: &LanguageVersionRow, after: &LanguageVersionRow) -> Change {
    let (was, is) = (facts::of_language_version(before), facts::of_language_version(after));
    let (event, reason) = match after.status {
        LanguageStatus::Superseded => (EventType::LanguageSuperseded, None),
        _ => (EventType::LanguageRetired, after.retirement_reason.map(|reason| reason.as_str())),
    };
    Change::new(operation, SubjectKind::LanguageVersion, after.id.0, was, is).because(reason).tell_of_study(
        event,
        after.version,
        after.study_id,
    )
}
