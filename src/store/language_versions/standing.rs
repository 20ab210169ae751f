//! Which versions were approved for a study, what has to be written down of them, and where a partner stands.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use super::LanguageVersionRow;
use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::language::LanguageStatus;
use crate::domain::language_standing::{self, Approved, Standing};
use crate::schema::{language_acknowledgements, language_versions};

diesel::alias!(language_versions as later: LaterVersions);

/// Every version that was ever approved for a study, by id. Whoever changes one of them has locked the study.
///
/// # Errors
/// A database failure.
pub fn approved_of_study(conn: &mut PgConnection, scope: &SiteScope, study: StudyId) -> QueryResult<Vec<LanguageVersionRow>> {
    language_versions::table
        .filter(language_versions::site_id.eq(scope.site()).and(language_versions::study_id.eq(study)))
        .filter(language_versions::approved_at.is_not_null())
        .order(language_versions::id)
        .select(LanguageVersionRow::as_select())
        .load(conn)
}

/// The same for these studies.
///
/// # Errors
/// A database failure.
pub fn approved_of_studies(
    conn: &mut PgConnection,
    scope: &SiteScope,
    studies: &[StudyId],
) -> QueryResult<Vec<LanguageVersionRow>> {
    language_versions::table
        .filter(language_versions::site_id.eq(scope.site()).and(language_versions::study_id.eq_any(studies)))
        .filter(language_versions::approved_at.is_not_null())
        .order(language_versions::id)
        .select(LanguageVersionRow::as_select())
        .load(conn)
}

/// Those of one study with when a partner acknowledged each, if it did: one query.
///
/// # Errors
/// A database failure.
pub fn of_partner(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    study: StudyId,
) -> QueryResult<Vec<(LanguageVersionRow, Option<DateTime<Utc>>)>> {
    let by_partner = language_acknowledgements::site_id
        .eq(language_versions::site_id)
        .and(language_acknowledgements::version_id.eq(language_versions::id))
        .and(language_acknowledgements::partner_id.eq(partner));
    language_versions::table
        .left_join(language_acknowledgements::table.on(by_partner))
        .filter(language_versions::site_id.eq(scope.site()).and(language_versions::study_id.eq(study)))
        .filter(language_versions::approved_at.is_not_null())
        .order(language_versions::id)
        .select((LanguageVersionRow::as_select(), language_acknowledgements::acknowledged_at.nullable()))
        .load(conn)
}

/// Where a partner stands with the language of a study on this day of the site's calendar: one query, no lock. Whoever admits by it
/// holds the study, so that no approval and no retirement comes between.
///
/// # Errors
/// A database failure.
pub fn standing(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    study: StudyId,
    today: NaiveDate,
) -> QueryResult<Standing> {
    let versions = of_partner(conn, scope, partner, study)?;
    let all: Vec<Approved> = versions.iter().filter_map(|(version, at)| version.approved(at.is_some())).collect();
    Ok(language_standing::standing(&all, today))
}

/// Approved versions of which supersession or expiry is to be written down.
macro_rules! due {
    ($scope:expr, $today:expr) => {{
        let is_later = later
            .filter(later.field(language_versions::site_id).eq(language_versions::site_id))
            .filter(later.field(language_versions::study_id).eq(language_versions::study_id))
            .filter(later.field(language_versions::locale).eq(language_versions::locale))
            .filter(later.field(language_versions::status).eq(LanguageStatus::Approved))
            .filter(
                later
                    .field(language_versions::effective_on)
                    .assume_not_null()
                    .gt(language_versions::effective_on.assume_not_null()),
            )
            .filter(later.field(language_versions::in_force_on).assume_not_null().le($today));
        language_versions::table
            .filter(language_versions::site_id.eq($scope.site()))
            .filter(language_versions::status.eq(LanguageStatus::Approved))
            .filter(language_versions::expires_on.assume_not_null().lt($today).or(diesel::dsl::exists(is_later)))
    }};
}

/// Studies of which a version has to be written down as superseded or expired, by id; up to `limit`.
///
/// # Errors
/// A database failure.
pub fn due_studies(conn: &mut PgConnection, scope: &SiteScope, today: NaiveDate, limit: i64) -> QueryResult<Vec<StudyId>> {
    due!(scope, today).select(language_versions::study_id).distinct().order(language_versions::study_id).limit(limit).load(conn)
}

/// How many versions wait to be written down as superseded or expired.
///
/// # Errors
/// A database failure.
pub fn count_due(conn: &mut PgConnection, scope: &SiteScope, today: NaiveDate) -> QueryResult<i64> {
    due!(scope, today).count().get_result(conn)
}
