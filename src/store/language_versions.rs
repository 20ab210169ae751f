//! Language versions: what may be said of a study. What counts of them on a day, and for whom, is in `standing`.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use super::studies::routed_to;
use crate::auth::SiteScope;
use crate::domain::ids::{LanguageVersionId, MemberId, SiteId, StudyId};
use crate::domain::language::{LanguageAudience, LanguagePart, LanguageRetirementReason, LanguageReturnReason, LanguageStatus};
use crate::domain::language_standing::{Approved, Ending};
use crate::domain::text::{ApprovalReference, Code, LanguageText, Locale, PublicName, ShortDescription};
use crate::schema::{language_versions, studies};

mod standing;

pub use standing::{approved_of_studies, approved_of_study, count_due, due_studies, of_partner, standing};

/// A version as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = language_versions, treat_none_as_null = true)]
pub struct LanguageVersionRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: LanguageVersionId,
    /// Of which study it speaks.
    pub study_id: StudyId,
    /// In which language.
    pub locale: Locale,
    /// To whom.
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
    /// Of the board's approval; `None` in a draft.
    pub approval_reference: Option<ApprovalReference>,
    /// From which day the board approved it; `None` in a draft.
    pub effective_on: Option<NaiveDate>,
    /// The last day of the approval; `None` in a draft.
    pub expires_on: Option<NaiveDate>,
    /// How long acknowledgements of the version before it still count.
    pub grace_days: i32,
    /// Where it stands.
    pub status: LanguageStatus,
    /// Who began it.
    pub author_id: MemberId,
    /// Who changed it last.
    pub last_editor_id: MemberId,
    /// When it was last put before a reviewer.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Why it last went back to draft.
    pub return_reason: Option<LanguageReturnReason>,
    /// Who approved it.
    pub approved_by: Option<MemberId>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// The first day on which it counts.
    pub in_force_on: Option<NaiveDate>,
    /// Which took its place.
    pub superseded_by_id: Option<LanguageVersionId>,
    /// On which day.
    pub superseded_on: Option<NaiveDate>,
    /// On which day it was retired, or the first without its approval.
    pub retired_on: Option<NaiveDate>,
    /// Why.
    pub retirement_reason: Option<LanguageRetirementReason>,
    /// Counts changes.
    pub version: i32,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl LanguageVersionRow {
    /// Its seven parts, in their order.
    #[must_use]
    pub fn parts(&self) -> [(LanguagePart, &str); 7] {
        [
            (LanguagePart::PublicName, self.public_name.as_str()),
            (LanguagePart::ShortDescription, self.short_description.as_str()),
            (LanguagePart::WhoMayContact, self.who_may_contact.as_str()),
            (LanguagePart::WhatSiteReviews, self.what_site_reviews.as_str()),
            (LanguagePart::WhatNotToPromise, self.what_not_to_promise.as_str()),
            (LanguagePart::WhereToGo, self.where_to_go.as_str()),
            (LanguagePart::WhoHandlesQuestions, self.who_handles_questions.as_str()),
        ]
    }

    /// What decides when it counts; `None` for one that was never approved.
    #[must_use]
    pub fn approved(&self, acknowledged: bool) -> Option<Approved> {
        let ending = match (self.status, self.retired_on) {
            (LanguageStatus::Approved, _) => Ending::Open,
            (LanguageStatus::Superseded, _) => Ending::Superseded,
            (LanguageStatus::Retired, Some(on)) => Ending::Retired(on),
            _ => return None,
        };
        Some(Approved {
            id: self.id,
            locale: self.locale.clone(),
            effective_on: self.effective_on?,
            in_force_on: self.in_force_on?,
            expires_on: self.expires_on?,
            grace_days: self.grace_days,
            ending,
            acknowledged,
        })
    }
}

/// A version with the code of its study.
#[derive(Debug, Clone, Queryable)]
pub struct VersionContext {
    /// The version.
    pub version: LanguageVersionRow,
    /// The study's code.
    pub study_code: Code,
}

/// Versions joined with the code of their study; of a partner, those that were approved for a study that it has a route for.
macro_rules! with_study {
    ($scope:expr) => {{
        let mut query = language_versions::table
            .inner_join(
                studies::table
                    .on(studies::site_id.eq(language_versions::site_id).and(studies::id.eq(language_versions::study_id))),
            )
            .select((language_versions::all_columns, studies::code))
            .filter(language_versions::site_id.eq($scope.site()))
            .into_boxed();
        if let Some(own) = $scope.partner() {
            query = query
                .filter(language_versions::approved_at.is_not_null())
                .filter(language_versions::study_id.eq_any(routed_to($scope, own)));
        }
        query
    }};
}

/// The version with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: LanguageVersionId) -> QueryResult<Option<VersionContext>> {
    with_study!(scope).filter(language_versions::id.eq(id)).first(conn).optional()
}

/// The version with this id, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: LanguageVersionId) -> QueryResult<Option<LanguageVersionRow>> {
    language_versions::table
        .filter(language_versions::site_id.eq(scope.site()).and(language_versions::id.eq(id)))
        .select(LanguageVersionRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()
}

/// Which versions a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this study.
    pub study: Option<Code>,
    /// In this state.
    pub status: Option<LanguageStatus>,
    /// In this locale.
    pub locale: Option<Locale>,
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    after: Option<LanguageVersionId>,
    limit: i64,
) -> QueryResult<Vec<VersionContext>> {
    let mut query = with_study!(scope);
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(status) = filter.status {
        query = query.filter(language_versions::status.eq(status));
    }
    if let Some(locale) = &filter.locale {
        query = query.filter(language_versions::locale.eq(locale));
    }
    if let Some(after) = after {
        query = query.filter(language_versions::id.gt(after));
    }
    query.order(language_versions::id.asc()).limit(limit).load(conn)
}

/// Keeps a new version.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, version: &LanguageVersionRow) -> QueryResult<()> {
    diesel::insert_into(language_versions::table).values(version).execute(conn).map(drop)
}

/// Writes a version, which is locked, as it is now.
///
/// # Errors
/// A database failure, `language_versions_one_per_day` among them.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, version: &LanguageVersionRow) -> QueryResult<()> {
    let target =
        language_versions::table.filter(language_versions::site_id.eq(scope.site()).and(language_versions::id.eq(version.id)));
    diesel::update(target).set(version).execute(conn).map(drop)
}

/// Writes how versions, which are locked, ended: in one statement, whatever their number.
///
/// # Errors
/// A database failure.
pub fn end(conn: &mut PgConnection, ended: &[LanguageVersionRow]) -> QueryResult<()> {
    use diesel::upsert::excluded;
    // An insert that always meets its row, as with referrals.
    for some in ended.chunks(1_000) {
        diesel::insert_into(language_versions::table)
            .values(some)
            .on_conflict((language_versions::site_id, language_versions::id))
            .do_update()
            .set((
                language_versions::status.eq(excluded(language_versions::status)),
                language_versions::superseded_by_id.eq(excluded(language_versions::superseded_by_id)),
                language_versions::superseded_on.eq(excluded(language_versions::superseded_on)),
                language_versions::retired_on.eq(excluded(language_versions::retired_on)),
                language_versions::retirement_reason.eq(excluded(language_versions::retirement_reason)),
                language_versions::version.eq(excluded(language_versions::version)),
                language_versions::updated_at.eq(excluded(language_versions::updated_at)),
            ))
            .execute(conn)?;
    }
    Ok(())
}
