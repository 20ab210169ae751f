//! Moving a language version through its life: submit, return, approve, retire. Whatever makes another version count, or one count no
//! more, locks the study first: of two approvals at once the second one sees the first.

use super::record::{Change, record};
use super::settle_language::settle;
use super::{Context, Expected, facts, illegal_move, language_draft};
use crate::db::Conn;
use crate::domain::ids::LanguageVersionId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::language::{LanguageMove, LanguageRetirementReason, LanguageReturnReason, LanguageStatus};
use crate::error::{AppError, ErrorCode, on_constraint};
use crate::store;
use crate::store::language_versions::{LanguageVersionRow, VersionContext};

/// A step with the reason that it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Put a draft before a reviewer.
    Submit,
    /// Give it back to its authors.
    Return(LanguageReturnReason),
    /// Approve it.
    Approve,
    /// End it for good.
    Retire(LanguageRetirementReason),
}

impl Step {
    const fn is(self) -> (LanguageMove, &'static str) {
        match self {
            Self::Submit => (LanguageMove::Submit, "submit_language_version"),
            Self::Return(_) => (LanguageMove::Return, "return_language_version"),
            Self::Approve => (LanguageMove::Approve, "approve_language_version"),
            Self::Retire(_) => (LanguageMove::Retire, "retire_language_version"),
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Return(reason) => Some(reason.as_str()),
            Self::Retire(reason) => Some(reason.as_str()),
            Self::Submit | Self::Approve => None,
        }
    }
}

/// Moves a version. Approval and retirement also write down what the dates say of the study's other versions.
///
/// # Errors
/// 404 for an unknown version, 412 when it has changed since it was read, 403 for one's own words, 409 for a move that its status does
/// not allow, for a draft that is not complete, an approval that is over and a version that overlaps another.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: LanguageVersionId,
    expected: &Expected,
    step: Step,
) -> Result<VersionContext, AppError> {
    let scope = &context.scope;
    let (step_of, operation) = step.is();
    let found = store::language_versions::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let study = found.version.study_id;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let mut changes = Vec::new();
    if matches!(step, Step::Approve | Step::Retire(_)) {
        store::studies::lock(conn, scope, study)?.ok_or_else(AppError::not_found)?;
        changes = settle(conn, context, operation, study, today)?;
    }
    let before = store::language_versions::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.version)?;
    let Some(to) = step_of.from(before.status) else {
        let allowed = LanguageMove::ALL.iter().filter(|step| step.from(before.status).is_some());
        return Err(illegal_move(allowed.map(|step| step.as_str())));
    };
    let moved = LanguageVersionRow { status: to, version: before.version + 1, updated_at: context.now, ..before.clone() };
    let after = match step {
        Step::Submit => submitted(moved, context)?,
        Step::Return(reason) => LanguageVersionRow { return_reason: Some(reason), ..moved },
        Step::Approve => approved(conn, context, moved, today)?,
        Step::Retire(reason) => LanguageVersionRow { retired_on: Some(today), retirement_reason: Some(reason), ..moved },
    };
    store::language_versions::update(conn, scope, &after)
        .map_err(on_constraint([("language_versions_one_per_day", || AppError::new(ErrorCode::LanguageOverlaps))]))?;
    changes.push(change(operation, step, &before, &after));
    if step == Step::Approve {
        changes.extend(settle(conn, context, operation, study, today)?);
    }
    record(conn, context, changes)?;
    store::language_versions::find(conn, scope, id)?.ok_or_else(AppError::not_found)
}

fn submitted(moved: LanguageVersionRow, context: &Context) -> Result<LanguageVersionRow, AppError> {
    let missing = language_draft::missing(&moved);
    if missing.is_empty() {
        return Ok(LanguageVersionRow { submitted_at: Some(context.now), return_reason: None, ..moved });
    }
    Err(AppError::new(ErrorCode::LanguageIncomplete).with_faults(missing))
}

fn approved(
    conn: &mut Conn,
    context: &Context,
    moved: LanguageVersionRow,
    today: chrono::NaiveDate,
) -> Result<LanguageVersionRow, AppError> {
    let approver = language_draft::member(context)?;
    if approver == moved.author_id || approver == moved.last_editor_id {
        return Err(AppError::new(ErrorCode::FourEyesRequired));
    }
    let (Some(effective_on), Some(expires_on)) = (moved.effective_on, moved.expires_on) else {
        return Err(AppError::new(ErrorCode::LanguageIncomplete).with_faults(language_draft::missing(&moved)));
    };
    if expires_on < today {
        return Err(AppError::new(ErrorCode::ApprovalExpired));
    }
    let others = store::language_versions::approved_of_study(conn, &context.scope, moved.study_id)?;
    let overlaps =
        others.iter().filter(|other| other.status == LanguageStatus::Approved && other.locale == moved.locale).any(|other| {
            let is_in_force = other.in_force_on.is_some_and(|first| first <= today);
            other.effective_on == Some(effective_on) || (is_in_force && other.effective_on >= Some(effective_on))
        });
    if overlaps {
        return Err(AppError::new(ErrorCode::LanguageOverlaps));
    }
    Ok(LanguageVersionRow {
        approved_by: Some(approver),
        approved_at: Some(context.now),
        in_force_on: Some(effective_on.max(today)),
        ..moved
    })
}

/// Of what was never approved nobody outside has heard: its end is no event.
fn change(operation: &'static str, step: Step, before: &LanguageVersionRow, after: &LanguageVersionRow) -> Change {
    let (was, is) = (facts::of_language_version(before), facts::of_language_version(after));
    let change = Change::new(operation, SubjectKind::LanguageVersion, after.id.0, was, is).because(step.reason());
    match step {
        Step::Approve => change.tell_of_study(EventType::LanguageApproved, after.version, after.study_id),
        Step::Retire(_) if after.approved_at.is_some() => {
            change.tell_of_study(EventType::LanguageRetired, after.version, after.study_id)
        }
        _ => change,
    }
}
