//! What goes in and out of the language versions.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::{contract, present};
use crate::domain::ids::{LanguageVersionId, MemberId};
use crate::domain::language::{
    LanguageAudience, LanguageRetirementReason, LanguageReturnReason, LanguageStatus, RetireLanguageReason,
};
use crate::domain::text::{ApprovalReference, CalendarDate, Code, LanguageText, Locale, PublicName, ShortDescription};
use crate::ops::create_language_version::NewLanguageVersion;
use crate::ops::update_language_version::LanguagePatch;
use crate::store::language_versions::VersionContext;

/// A draft of what may be said of a study. Dates are days of the site's calendar.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "study": "heart-2026", "locale": "en-US", "audience": "general_public", "public_name": "Heart Rhythm Study",
    "short_description": "A study of two approaches to heart rhythm care. The study team explains who may take part.",
    "who_may_contact": "Adults who want to know more may contact the site themselves.",
    "what_site_reviews": "The study team talks with each person and decides together with them whether the study fits.",
    "what_not_to_promise": "Do not promise a place, a treatment, a result or a payment.",
    "where_to_go": "Give the person the code and the intake address.",
    "who_handles_questions": "The study team answers all questions about taking part.",
    "approval_reference": "IRB-2026-114", "effective_on": "2026-06-01", "expires_on": "2027-05-31", "grace_days": 14
}))]
pub struct CreateLanguageVersion {
    /// Code of the study.
    pub study: Code,
    /// The language that it is in: of ISO 639-1, alone or with a region of ISO 3166-1.
    pub locale: Locale,
    /// Who it is written for.
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
    /// Approval reference of the ethics board; needed before a reviewer decides.
    pub approval_reference: Option<ApprovalReference>,
    /// From which day the board approved it; needed before a reviewer decides.
    #[schema(value_type = Option<CalendarDate>)]
    pub effective_on: Option<NaiveDate>,
    /// The last day of the approval, within five years; needed before a reviewer decides.
    #[schema(value_type = Option<CalendarDate>)]
    pub expires_on: Option<NaiveDate>,
    /// For how many days acknowledgements of the version before still count once this one does: 14 if absent, 0: not at all.
    #[schema(minimum = 0, maximum = 90)]
    pub grace_days: Option<i32>,
}
contract!(CreateLanguageVersion);

impl From<CreateLanguageVersion> for NewLanguageVersion {
    fn from(body: CreateLanguageVersion) -> Self {
        Self {
            study: body.study,
            locale: body.locale,
            audience: body.audience,
            public_name: body.public_name,
            short_description: body.short_description,
            who_may_contact: body.who_may_contact,
            what_site_reviews: body.what_site_reviews,
            what_not_to_promise: body.what_not_to_promise,
            where_to_go: body.where_to_go,
            who_handles_questions: body.who_handles_questions,
            approval_reference: body.approval_reference,
            effective_on: body.effective_on,
            expires_on: body.expires_on,
            grace_days: body.grace_days,
        }
    }
}

/// A change to a draft (JSON Merge Patch): absent leaves a field, `null` clears it where it may be empty.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approval_reference": "IRB-2026-114", "effective_on": "2026-06-01", "expires_on": "2027-05-31"}))]
pub struct UpdateLanguageVersion {
    /// The language that it is in.
    #[schema(nullable = false)]
    pub locale: Option<Locale>,
    /// Who it is written for.
    #[schema(nullable = false)]
    pub audience: Option<LanguageAudience>,
    /// What the study is called.
    #[schema(nullable = false)]
    pub public_name: Option<PublicName>,
    /// What it is about.
    #[schema(nullable = false)]
    pub short_description: Option<ShortDescription>,
    /// Who may contact the site.
    #[schema(nullable = false)]
    pub who_may_contact: Option<LanguageText>,
    /// What the site will review.
    #[schema(nullable = false)]
    pub what_site_reviews: Option<LanguageText>,
    /// What not to promise.
    #[schema(nullable = false)]
    pub what_not_to_promise: Option<LanguageText>,
    /// Where interested people go.
    #[schema(nullable = false)]
    pub where_to_go: Option<LanguageText>,
    /// Who handles questions.
    #[schema(nullable = false)]
    pub who_handles_questions: Option<LanguageText>,
    /// Approval reference of the ethics board; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<ApprovalReference>)]
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// From which day the board approved it; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<CalendarDate>)]
    pub effective_on: Option<Option<NaiveDate>>,
    /// The last day of the approval; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<CalendarDate>)]
    pub expires_on: Option<Option<NaiveDate>>,
    /// For how many days acknowledgements of the version before still count once this one does.
    #[schema(nullable = false, minimum = 0, maximum = 90)]
    pub grace_days: Option<i32>,
}
contract!(UpdateLanguageVersion);

impl From<UpdateLanguageVersion> for LanguagePatch {
    fn from(body: UpdateLanguageVersion) -> Self {
        Self {
            locale: body.locale,
            audience: body.audience,
            public_name: body.public_name,
            short_description: body.short_description,
            who_may_contact: body.who_may_contact,
            what_site_reviews: body.what_site_reviews,
            what_not_to_promise: body.what_not_to_promise,
            where_to_go: body.where_to_go,
            who_handles_questions: body.who_handles_questions,
            approval_reference: body.approval_reference,
            effective_on: body.effective_on,
            expires_on: body.expires_on,
            grace_days: body.grace_days,
        }
    }
}

/// Why a version goes back to its authors.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "promises_too_much"}))]
pub struct ReturnLanguageVersion {
    /// Why.
    pub reason: LanguageReturnReason,
}
contract!(ReturnLanguageVersion);

/// Why a version ends.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "approval_withdrawn"}))]
pub struct RetireLanguageVersion {
    /// Why.
    pub reason: RetireLanguageReason,
}
contract!(RetireLanguageVersion);

/// What may be said of a study, with where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "locale": "en-US", "audience": "general_public",
    "status": "approved", "public_name": "Heart Rhythm Study",
    "short_description": "A study of two approaches to heart rhythm care. The study team explains who may take part.",
    "who_may_contact": "Adults who want to know more may contact the site themselves.",
    "what_site_reviews": "The study team talks with each person and decides together with them whether the study fits.",
    "what_not_to_promise": "Do not promise a place, a treatment, a result or a payment.",
    "where_to_go": "Give the person the code and the intake address.",
    "who_handles_questions": "The study team answers all questions about taking part.",
    "approval_reference": "IRB-2026-114", "effective_on": "2026-06-01", "expires_on": "2027-05-31", "grace_days": 14,
    "author_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50", "last_editor_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50",
    "submitted_at": "2026-05-28T09:00:00Z", "return_reason": null, "approved_by": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
    "approved_at": "2026-05-29T09:00:00Z", "in_force_on": "2026-06-01", "superseded_by_id": null, "superseded_on": null,
    "retired_on": null, "retirement_reason": null, "created_at": "2026-05-27T09:00:00Z", "updated_at": "2026-05-29T09:00:00Z"
}))]
pub struct LanguageVersionView {
    /// Id of the version.
    pub id: LanguageVersionId,
    /// Code of the study.
    pub study: Code,
    /// The language that it is in.
    pub locale: Locale,
    /// Who it is written for.
    pub audience: LanguageAudience,
    /// Where it stands. An approved one counts from `in_force_on` to `expires_on`, or until another one takes its place.
    pub status: LanguageStatus,
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
    /// Approval reference of the ethics board.
    pub approval_reference: Option<ApprovalReference>,
    /// From which day the board approved it.
    #[schema(value_type = Option<CalendarDate>)]
    pub effective_on: Option<NaiveDate>,
    /// The last day of the approval.
    #[schema(value_type = Option<CalendarDate>)]
    pub expires_on: Option<NaiveDate>,
    /// For how many days acknowledgements of the version before still count once this one does.
    #[schema(minimum = 0, maximum = 90)]
    pub grace_days: i32,
    /// The member who began it.
    pub author_id: MemberId,
    /// The member who changed it last.
    pub last_editor_id: MemberId,
    /// When it was last put before a reviewer.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Why it last went back to draft.
    pub return_reason: Option<LanguageReturnReason>,
    /// The member who approved it.
    pub approved_by: Option<MemberId>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// The first day on which it counts: the effective date, or the day of its approval where that came later.
    #[schema(value_type = Option<CalendarDate>)]
    pub in_force_on: Option<NaiveDate>,
    /// The version that took its place.
    pub superseded_by_id: Option<LanguageVersionId>,
    /// On which day.
    #[schema(value_type = Option<CalendarDate>)]
    pub superseded_on: Option<NaiveDate>,
    /// On which day it was retired; after expiry the first day without its approval.
    #[schema(value_type = Option<CalendarDate>)]
    pub retired_on: Option<NaiveDate>,
    /// Why.
    pub retirement_reason: Option<LanguageRetirementReason>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<VersionContext> for LanguageVersionView {
    fn from(context: VersionContext) -> Self {
        let row = context.version;
        Self {
            id: row.id,
            study: context.study_code,
            locale: row.locale,
            audience: row.audience,
            status: row.status,
            public_name: row.public_name,
            short_description: row.short_description,
            who_may_contact: row.who_may_contact,
            what_site_reviews: row.what_site_reviews,
            what_not_to_promise: row.what_not_to_promise,
            where_to_go: row.where_to_go,
            who_handles_questions: row.who_handles_questions,
            approval_reference: row.approval_reference,
            effective_on: row.effective_on,
            expires_on: row.expires_on,
            grace_days: row.grace_days,
            author_id: row.author_id,
            last_editor_id: row.last_editor_id,
            submitted_at: row.submitted_at,
            return_reason: row.return_reason,
            approved_by: row.approved_by,
            approved_at: row.approved_at,
            in_force_on: row.in_force_on,
            superseded_by_id: row.superseded_by_id,
            superseded_on: row.superseded_on,
            retired_on: row.retired_on,
            retirement_reason: row.retirement_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A page of language versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct LanguageVersionPage {
    /// The versions, in the order in which they were begun.
    #[schema(max_items = 200)]
    pub data: Vec<LanguageVersionView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which language versions to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLanguageVersions {
    /// Only versions of this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only versions in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<LanguageStatus>,
    /// Only versions in this locale.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub locale: Option<Locale>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListLanguageVersions);
