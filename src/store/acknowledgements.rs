//! What partners acknowledged. A row is written once and never changed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{AcknowledgementId, ApiKeyId, LanguageVersionId, PartnerId, SiteId, StudyId};
use crate::domain::text::{Code, Locale};
use crate::schema::{language_acknowledgements, language_versions, partners, studies};

/// An acknowledgement as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = language_acknowledgements)]
pub struct AcknowledgementRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: AcknowledgementId,
    /// Who acknowledged.
    pub partner_id: PartnerId,
    /// Which version.
    pub version_id: LanguageVersionId,
    /// With which key.
    pub api_key_id: ApiKeyId,
    /// When.
    pub acknowledged_at: DateTime<Utc>,
}

/// An acknowledgement with what its list shows.
#[derive(Debug, Clone, Queryable)]
pub struct AcknowledgementContext {
    /// The acknowledgement.
    pub acknowledgement: AcknowledgementRow,
    /// The partner's code.
    pub partner_code: Code,
    /// The study's code.
    pub study_code: Code,
    /// The version's locale.
    pub locale: Locale,
}

/// Keeps an acknowledgement, unless this partner acknowledged this version before; answers whether it is new.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, acknowledgement: &AcknowledgementRow) -> QueryResult<bool> {
    let insert = diesel::insert_into(language_acknowledgements::table).values(acknowledgement).on_conflict_do_nothing();
    Ok(insert.execute(conn)? > 0)
}

/// Acknowledgements joined with what their list shows; of a partner, its own.
macro_rules! with_context {
    ($scope:expr) => {{
        let mut query = language_acknowledgements::table
            .inner_join(
                partners::table.on(partners::site_id
                    .eq(language_acknowledgements::site_id)
                    .and(partners::id.eq(language_acknowledgements::partner_id))),
            )
            .inner_join(
                language_versions::table.on(language_versions::site_id
                    .eq(language_acknowledgements::site_id)
                    .and(language_versions::id.eq(language_acknowledgements::version_id))),
            )
            .inner_join(
                studies::table
                    .on(studies::site_id.eq(language_versions::site_id).and(studies::id.eq(language_versions::study_id))),
            )
            .select((language_acknowledgements::all_columns, partners::code, studies::code, language_versions::locale))
            .filter(language_acknowledgements::site_id.eq($scope.site()))
            .into_boxed();
        if let Some(own) = $scope.partner() {
            query = query.filter(language_acknowledgements::partner_id.eq(own));
        }
        query
    }};
}

/// A partner's acknowledgement of a version.
///
/// # Errors
/// A database failure.
pub fn find(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    version: LanguageVersionId,
) -> QueryResult<Option<AcknowledgementContext>> {
    with_context!(scope)
        .filter(language_acknowledgements::partner_id.eq(partner))
        .filter(language_acknowledgements::version_id.eq(version))
        .first(conn)
        .optional()
}

/// Who acknowledged which version of these studies.
///
/// # Errors
/// A database failure.
pub fn of_studies(
    conn: &mut PgConnection,
    scope: &SiteScope,
    studies: &[StudyId],
) -> QueryResult<BTreeSet<(PartnerId, LanguageVersionId)>> {
    let found: Vec<(PartnerId, LanguageVersionId)> = language_acknowledgements::table
        .inner_join(
            language_versions::table.on(language_versions::site_id
                .eq(language_acknowledgements::site_id)
                .and(language_versions::id.eq(language_acknowledgements::version_id))),
        )
        .filter(language_acknowledgements::site_id.eq(scope.site()).and(language_versions::study_id.eq_any(studies)))
        .select((language_acknowledgements::partner_id, language_acknowledgements::version_id))
        .load(conn)?;
    Ok(found.into_iter().collect())
}

/// Which acknowledgements a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this partner.
    pub partner: Option<Code>,
    /// Of the language of this study.
    pub study: Option<Code>,
    /// Of this version.
    pub version: Option<LanguageVersionId>,
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    after: Option<AcknowledgementId>,
    limit: i64,
) -> QueryResult<Vec<AcknowledgementContext>> {
    let mut query = with_context!(scope);
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(version) = filter.version {
        query = query.filter(language_acknowledgements::version_id.eq(version));
    }
    if let Some(after) = after {
        query = query.filter(language_acknowledgements::id.gt(after));
    }
    query.order(language_acknowledgements::id.asc()).limit(limit).load(conn)
}
