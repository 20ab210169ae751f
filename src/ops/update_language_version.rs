//! Changing a draft of a study's language.

use chrono::NaiveDate;

use super::record::{Change, record};
use super::{Context, Expected, facts, language_draft};
use crate::db::Conn;
use crate::domain::ids::LanguageVersionId;
use crate::domain::journal::SubjectKind;
use crate::domain::language::{LanguageAudience, LanguageStatus};
use crate::domain::text::{ApprovalReference, LanguageText, Locale, PublicName, ShortDescription};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::language_versions::{LanguageVersionRow, VersionContext};

/// What to change; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default)]
pub struct LanguagePatch {
    /// In which language.
    pub locale: Option<Locale>,
    /// To whom it speaks.
    pub audience: Option<LanguageAudience>,
    /// What the study is called.
    pub public_name: Option<PublicName>,
    /// What it is about.
    pub short_description: Option<ShortDescription>,
    /// Who may contact the site.
    pub who_may_contact: Option<LanguageText>,
    /// What the site will review.
    pub what_site_reviews: Option<LanguageText>,
    /// What not to promise.
    pub what_not_to_promise: Option<LanguageText>,
    /// Where interested people go.
    pub where_to_go: Option<LanguageText>,
    /// Who handles questions.
    pub who_handles_questions: Option<LanguageText>,
    /// Of the board's approval.
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// From which day the board approved it.
    pub effective_on: Option<Option<NaiveDate>>,
    /// The last day of the approval.
    pub expires_on: Option<Option<NaiveDate>>,
    /// How long acknowledgements of the version before still count.
    pub grace_days: Option<i32>,
}

/// Changes a draft. Whoever does is its last editor, and approves it no more.
///
/// # Errors
/// 404 for an unknown version, 412 when it has changed since it was read, 409 when it is no draft, 422 with every fault.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: LanguageVersionId,
    expected: &Expected,
    patch: LanguagePatch,
) -> Result<VersionContext, AppError> {
    let scope = &context.scope;
    let editor = language_draft::member(context)?;
    let before = store::language_versions::lock(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(before.version)?;
    if before.status != LanguageStatus::Draft {
        return Err(AppError::new(ErrorCode::VersionNotDraft));
    }
    let after = LanguageVersionRow {
        last_editor_id: editor,
        version: before.version + 1,
        updated_at: context.now,
        ..patched(before.clone(), patch)
    };
    let faults = language_draft::faults(&after.locale, after.effective_on, after.expires_on);
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    store::language_versions::update(conn, scope, &after)?;
    let (was, is) = (facts::of_language_version(&before), facts::of_language_version(&after));
    record(conn, context, [Change::new("update_language_version", SubjectKind::LanguageVersion, id.0, was, is)])?;
    store::language_versions::find(conn, scope, id)?.ok_or_else(AppError::not_found)
}

fn patched(draft: LanguageVersionRow, patch: LanguagePatch) -> LanguageVersionRow {
    LanguageVersionRow {
        locale: patch.locale.unwrap_or(draft.locale),
        audience: patch.audience.unwrap_or(draft.audience),
        public_name: patch.public_name.unwrap_or(draft.public_name),
        short_description: patch.short_description.unwrap_or(draft.short_description),
        who_may_contact: patch.who_may_contact.unwrap_or(draft.who_may_contact),
        what_site_reviews: patch.what_site_reviews.unwrap_or(draft.what_site_reviews),
        what_not_to_promise: patch.what_not_to_promise.unwrap_or(draft.what_not_to_promise),
        where_to_go: patch.where_to_go.unwrap_or(draft.where_to_go),
        who_handles_questions: patch.who_handles_questions.unwrap_or(draft.who_handles_questions),
        approval_reference: patch.approval_reference.unwrap_or(draft.approval_reference),
        effective_on: patch.effective_on.unwrap_or(draft.effective_on),
        expires_on: patch.expires_on.unwrap_or(draft.expires_on),
        grace_days: patch.grace_days.unwrap_or(draft.grace_days),
        ..draft
    }
}
