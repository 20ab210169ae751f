//! What partners and viewers are shown of closed periods.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, SiteId, StudyId};
use crate::domain::reports::Basis;
use crate::domain::vocabulary::RouteStatus;
use crate::schema::{handoff_routes, report_releases, report_source_cells};

text_enum! {
    /// Whom a closed period is for.
    pub enum Audience { Partner = "partner", Sponsor = "sponsor" }
}

/// What is shown of a closed period.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = report_releases)]
pub struct ReleaseRow {
    /// The tenant.
    pub site_id: SiteId,
    /// For whom.
    pub audience: Audience,
    /// Of which study.
    pub study_id: StudyId,
    /// For or about which partner; the nil id: the study as a whole.
    pub partner_id: PartnerId,
    /// The last day.
    pub ends_on: NaiveDate,
    /// The first day.
    pub starts_on: NaiveDate,
    /// When it was released.
    pub released_at: DateTime<Utc>,
    /// JSON of what is shown.
    pub shown: String,
}

/// Keeps releases.
///
/// # Errors
/// A database failure; a period that was released before is one.
pub fn insert(conn: &mut PgConnection, rows: &[ReleaseRow]) -> QueryResult<()> {
    for rows in rows.chunks(1_000) {
        diesel::insert_into(report_releases::table).values(rows).execute(conn)?;
    }
    Ok(())
}

/// The last day that was released of each study: to each audience about everybody, or to one partner.
///
/// # Errors
/// A database failure.
pub fn last(
    conn: &mut PgConnection,
    scope: &SiteScope,
    to: Option<PartnerId>,
) -> QueryResult<Vec<(Audience, StudyId, PartnerId, NaiveDate)>> {
    let mut query = report_releases::table
        .filter(report_releases::site_id.eq(scope.site()))
        .distinct_on((report_releases::audience, report_releases::study_id, report_releases::partner_id))
        .order((
            report_releases::audience,
            report_releases::study_id,
            report_releases::partner_id,
            report_releases::ends_on.desc(),
        ))
        .select((report_releases::audience, report_releases::study_id, report_releases::partner_id, report_releases::ends_on))
        .into_boxed();
    if let Some(partner) = to {
        query = query.filter(report_releases::audience.eq(Audience::Partner).and(report_releases::partner_id.eq(partner)));
    }
    query.load(conn)
}

/// What an audience is shown, the newest periods first: of one study or all, for or about one partner or all, ending after a day.
///
/// # Errors
/// A database failure.
pub fn shown(
    conn: &mut PgConnection,
    scope: &SiteScope,
    audience: Audience,
    study: Option<StudyId>,
    partner: Option<PartnerId>,
    after: NaiveDate,
) -> QueryResult<Vec<ReleaseRow>> {
    let mut query = report_releases::table
        .filter(report_releases::site_id.eq(scope.site()).and(report_releases::audience.eq(audience)))
        .filter(report_releases::ends_on.gt(after))
        .select(ReleaseRow::as_select())
        .into_boxed();
    if let Some(study) = study {
        query = query.filter(report_releases::study_id.eq(study));
    }
    if let Some(partner) = partner {
        query = query.filter(report_releases::partner_id.eq(partner));
    }
    query.order((report_releases::ends_on.desc(), report_releases::study_id, report_releases::partner_id)).load(conn)
}

/// The first month in which a referral was recorded; `None`: none was.
///
/// # Errors
/// A database failure.
pub fn first_month(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Option<NaiveDate>> {
    report_source_cells::table
        .filter(report_source_cells::site_id.eq(scope.site()).and(report_source_cells::basis.eq(Basis::RecordedMonth)))
        .order(report_source_cells::starts_on)
        .select(report_source_cells::starts_on)
        .first(conn)
        .optional()
}

/// Who has, or had, a route for what, once each: a pair that got another route is the same source. Routes that never got beyond their
/// test are nobody's to hear of.
///
/// # Errors
/// A database failure.
pub fn sources(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<(StudyId, PartnerId)>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()))
        .filter(handoff_routes::status.ne_all([RouteStatus::Draft, RouteStatus::Testing]))
        .order((handoff_routes::study_id, handoff_routes::partner_id))
        .select((handoff_routes::study_id, handoff_routes::partner_id))
        .distinct()
        .load(conn)
}
