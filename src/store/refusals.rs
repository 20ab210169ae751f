//! How often bodies were refused: by partner, route, day and code, without content.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, RefusalId, RouteId, SiteId};
use crate::domain::text::Code;
use crate::domain::vocabulary::RefusalCode;
use crate::schema::{handoff_routes, partners, refusals, studies};

/// Where a refused body came from, as far as it said that in codes that are registered.
#[derive(Debug, Default, Clone, Copy)]
pub struct Origin {
    /// Whose it is; `None`: the site's own, or nobody's that is known.
    pub partner: Option<PartnerId>,
    /// Over which route.
    pub route: Option<RouteId>,
}

/// Finds out where a body comes from: the calling partner, or the one that the site named, and its route for the study.
///
/// # Errors
/// A database failure.
pub fn origin(conn: &mut PgConnection, scope: &SiteScope, partner: Option<&Code>, study: Option<&Code>) -> QueryResult<Origin> {
    let route = match study {
        Some(study) => super::routes::find_by_codes(conn, scope, partner, study)?.map(|context| context.route),
        None => None,
    };
    if let Some(route) = route {
        return Ok(Origin { partner: Some(route.partner_id), route: Some(route.id) });
    }
    let partner = match (scope.partner(), partner) {
        (Some(own), _) => Some(own),
        (None, Some(code)) => super::partners::find_by_code(conn, scope, code)?.map(|partner| partner.id),
        (None, None) => None,
    };
    Ok(Origin { partner, route: None })
}

/// Counts one refusal on this day of the site's calendar.
///
/// # Errors
/// A database failure.
pub fn count(
    conn: &mut PgConnection,
    scope: &SiteScope,
    origin: Origin,
    code: RefusalCode,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(refusals::table)
        .values((
            refusals::site_id.eq(scope.site()),
            refusals::id.eq(RefusalId::at(now)),
            refusals::partner_id.eq(origin.partner),
            refusals::route_id.eq(origin.route),
            refusals::day.eq(day),
            refusals::code.eq(code),
            refusals::refused.eq(1),
        ))
        .on_conflict((refusals::site_id, refusals::partner_id, refusals::route_id, refusals::day, refusals::code))
        .do_update()
        .set(refusals::refused.eq(refusals::refused + excluded(refusals::refused)))
        .execute(conn)
        .map(drop)
}

/// A count of refusals with the codes of what it is about.
#[derive(Debug, Clone, Queryable)]
pub struct RefusalRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the day's first refusal.
    pub id: RefusalId,
    /// The day, on the site's calendar.
    pub day: NaiveDate,
    /// Why.
    pub code: RefusalCode,
    /// How often.
    pub refused: i32,
    /// Over which route.
    pub route_id: Option<RouteId>,
    /// Whose bodies; `None`: the site's own.
    pub partner_code: Option<Code>,
    /// For which study.
    pub study_code: Option<Code>,
}

/// Which counts a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this partner.
    pub partner: Option<Code>,
    /// For this study.
    pub study: Option<Code>,
    /// For this reason.
    pub code: Option<RefusalCode>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day, included.
    pub until: Option<NaiveDate>,
}

/// A page, the newest first, before this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    before: Option<RefusalId>,
    limit: i64,
) -> QueryResult<Vec<RefusalRow>> {
    let mut query = refusals::table
        .left_join(
            partners::table.on(partners::site_id.eq(refusals::site_id).and(partners::id.nullable().eq(refusals::partner_id))),
        )
        .left_join(
            handoff_routes::table
                .on(handoff_routes::site_id.eq(refusals::site_id).and(handoff_routes::id.nullable().eq(refusals::route_id))),
        )
        .left_join(
            studies::table
                .on(studies::site_id.eq(refusals::site_id).and(studies::id.nullable().eq(handoff_routes::study_id.nullable()))),
        )
        .select((
            refusals::site_id,
            refusals::id,
            refusals::day,
            refusals::code,
            refusals::refused,
            refusals::route_id,
            partners::code.nullable(),
            studies::code.nullable(),
        ))
        .filter(refusals::site_id.eq(scope.site()))
        .into_boxed();
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(code) = filter.code {
        query = query.filter(refusals::code.eq(code));
    }
    if let Some(from) = filter.from {
        query = query.filter(refusals::day.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(refusals::day.le(until));
    }
    if let Some(before) = before {
        query = query.filter(refusals::id.lt(before));
    }
    query.order(refusals::id.desc()).limit(limit).load(conn)
}
