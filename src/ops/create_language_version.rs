//! Beginning a language version.

use chrono::NaiveDate;

use super::record::{Change, record};
use super::{Context, facts, language_draft};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::LanguageVersionId;
use crate::domain::journal::SubjectKind;
use crate::domain::language::{LanguageAudience, LanguageStatus};
use crate::domain::text::{ApprovalReference, Code, LanguageText, Locale, PublicName, ShortDescription};
use crate::error::AppError;
use crate::store;
use crate::store::language_versions::{LanguageVersionRow, VersionContext};

/// How long acknowledgements of the version before still count, where the author says nothing.
const GRACE_DAYS: i32 = 14;

/// A version to be written.
#[derive(Debug)]
pub struct NewLanguageVersion {
    /// The study's code.
    pub study: Code,
    /// In which language.
    pub locale: Locale,
    /// To whom it speaks.
    pub audience: LanguageAudience,
    /// What the study is called.
    pub public_name: PublicName,
    /// What it is about.
    pub short_description: ShortDescription,
    /// Who may contact the site.
    pub who_may_contact: LanguageText,
    /// What the site will review.
    pub what_site_reviews: LanguageText,
    /// What not to promise.
    pub what_not_to_promise: LanguageText,
    /// Where interested people go.
    pub where_to_go: LanguageText,
    /// Who handles questions.
    pub who_handles_questions: LanguageText,
    /// Of the board's approval.
    pub approval_reference: Option<ApprovalReference>,
    /// From which day the board approved it.
    pub effective_on: Option<NaiveDate>,
    /// The last day of the approval.
    pub expires_on: Option<NaiveDate>,
    /// How long acknowledgements of the version before still count; 14 if absent.
    pub grace_days: Option<i32>,
}

/// Begins a version as a draft.
///
/// # Errors
/// 422 with every fault: an unknown study or locale, or dates out of order.
pub fn run(conn: &mut Conn, context: &Context, new: NewLanguageVersion) -> Result<VersionContext, AppError> {
    let author = language_draft::member(context)?;
    let study = store::studies::find_by_code(conn, &context.scope, &new.study)?;
    let mut faults = language_draft::faults(&new.locale, new.effective_on, new.expires_on);
    if study.is_none() {
        faults.push(Fault::new("/study", FaultCode::UnknownReference, "No study of the site has this code."));
    }
    let (Some(study), true) = (study, faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    let version = LanguageVersionRow {
        site_id: context.scope.site(),
        id: LanguageVersionId::at(context.now),
        study_id: study.id,
        locale: new.locale,
        audience: new.audience,
        public_name: new.public_name,
        short_description: new.short_description,
        who_may_contact: new.who_may_contact,
        what_site_reviews: new.what_site_reviews,
        what_not_to_promise: new.what_not_to_promise,
        where_to_go: new.where_to_go,
        who_handles_questions: new.who_handles_questions,
        approval_reference: new.approval_reference,
        effective_on: new.effective_on,
        expires_on: new.expires_on,
        grace_days: new.grace_days.unwrap_or(GRACE_DAYS),
        status: LanguageStatus::Draft,
        author_id: author,
        last_editor_id: author,
        submitted_at: None,
        return_reason: None,
        approved_by: None,
        approved_at: None,
        in_force_on: None,
        superseded_by_id: None,
        superseded_on: None,
        retired_on: None,
        retirement_reason: None,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
    };
    store::language_versions::insert(conn, &version)?;
    let after = facts::of_language_version(&version);
    record(conn, context, [Change::made("create_language_version", SubjectKind::LanguageVersion, version.id.0, after)])?;
    Ok(VersionContext { version, study_code: study.code })
}
