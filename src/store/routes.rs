//! Handoff routes: partner × study.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, PartnerId, RouteId, StudyId};
use crate::domain::text::Code;
use crate::domain::vocabulary::RouteStatus;
use crate::schema::{handoff_routes, partners, studies};

mod rows;

pub use rows::{RouteChanges, RouteContext, RouteRow};

/// Routes joined with what [`RouteContext`] shows of their partner and study.
macro_rules! with_context {
    () => {
        handoff_routes::table
            .inner_join(
                partners::table
                    .on(partners::site_id.eq(handoff_routes::site_id).and(partners::id.eq(handoff_routes::partner_id))),
            )
            .inner_join(
                studies::table.on(studies::site_id.eq(handoff_routes::site_id).and(studies::id.eq(handoff_routes::study_id))),
            )
            .select((
                handoff_routes::all_columns,
                partners::code,
                partners::partner_type,
                partners::status,
                studies::code,
                studies::status,
            ))
    };
}

/// The route with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: RouteId) -> QueryResult<Option<RouteContext>> {
    let mut query = with_context!().filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq(id))).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(handoff_routes::partner_id.eq(own));
    }
    query.first(conn).optional()
}

/// The route of this partner for this study, by their codes; a partner's own scope stands for its code. Route, partner and
/// study keep their states until the transaction ends (`FOR SHARE`): what is admitted by them cannot land after a pause.
/// A retired route counts only where no other has taken its place.
///
/// # Errors
/// A database failure.
pub fn find_by_codes_and_hold(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: Option<&Code>,
    study: &Code,
) -> QueryResult<Option<RouteContext>> {
    let query = with_context!()
        .filter(handoff_routes::site_id.eq(scope.site()).and(studies::code.eq(study)))
        .order((handoff_routes::status.eq(RouteStatus::Retired).asc(), handoff_routes::id.desc()))
        .limit(1)
        .for_share();
    match (scope.partner(), partner) {
        (Some(own), _) => query.filter(handoff_routes::partner_id.eq(own)).get_result(conn).optional(),
        (None, Some(code)) => query.filter(partners::code.eq(code)).get_result(conn).optional(),
        // Neither a partner nor a partner's code: no route can be meant.
        (None, None) => Ok(None),
    }
}

/// The same route, only read.
///
/// # Errors
/// A database failure.
pub fn find_by_codes(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: Option<&Code>,
    study: &Code,
) -> QueryResult<Option<RouteContext>> {
    let query = with_context!()
        .filter(handoff_routes::site_id.eq(scope.site()).and(studies::code.eq(study)))
        .order((handoff_routes::status.eq(RouteStatus::Retired).asc(), handoff_routes::id.desc()))
        .limit(1);
    match (scope.partner(), partner) {
        (Some(own), _) => query.filter(handoff_routes::partner_id.eq(own)).first(conn).optional(),
        (None, Some(code)) => query.filter(partners::code.eq(code)).first(conn).optional(),
        (None, None) => Ok(None),
    }
}

/// The routes with these ids.
///
/// # Errors
/// A database failure.
pub fn load_rows(conn: &mut PgConnection, scope: &SiteScope, ids: &[RouteId]) -> QueryResult<Vec<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq_any(ids)))
        .select(RouteRow::as_select())
        .load(conn)
}

/// The routes of a study.
///
/// # Errors
/// A database failure.
pub fn of_study(conn: &mut PgConnection, scope: &SiteScope, study: StudyId) -> QueryResult<Vec<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::study_id.eq(study)))
        .select(RouteRow::as_select())
        .load(conn)
}

/// The routes of a partner.
///
/// # Errors
/// A database failure.
pub fn of_partner(conn: &mut PgConnection, scope: &SiteScope, partner: PartnerId) -> QueryResult<Vec<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::partner_id.eq(partner)))
        .select(RouteRow::as_select())
        .load(conn)
}

/// Locks the route until the transaction ends and answers it as it is then.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: RouteId) -> QueryResult<Option<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq(id)))
        .select(RouteRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()
}

/// The routes that a member is the owner or backup owner of, but for retired ones, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_of_owner(conn: &mut PgConnection, scope: &SiteScope, member: MemberId) -> QueryResult<Vec<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::status.ne(RouteStatus::Retired)))
        .filter(handoff_routes::owner_id.eq(member).or(handoff_routes::backup_owner_id.eq(member)))
        .order(handoff_routes::id)
        .select(RouteRow::as_select())
        .for_no_key_update()
        .load(conn)
}

/// The routes that send people to the site's own intake, but for retired ones, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_at_site_intake(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<RouteRow>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::status.ne(RouteStatus::Retired)))
        .filter(handoff_routes::intake_url.is_null())
        .order(handoff_routes::id)
        .select(RouteRow::as_select())
        .for_no_key_update()
        .load(conn)
}

/// Counts a change in each of these routes.
///
/// # Errors
/// A database failure.
pub fn count_change(conn: &mut PgConnection, scope: &SiteScope, ids: &[RouteId], now: DateTime<Utc>) -> QueryResult<usize> {
    diesel::update(handoff_routes::table.filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq_any(ids))))
        .set((handoff_routes::version.eq(handoff_routes::version + 1), handoff_routes::updated_at.eq(now)))
        .execute(conn)
}

/// Puts another member in the place of one, as owner and as backup owner, and counts the change in each route.
///
/// # Errors
/// A database failure, `handoff_routes_backup_differs` among them.
pub fn replace_owner(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[RouteId],
    from: MemberId,
    to: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    use diesel::dsl::case_when;
    let (owner, backup) = (handoff_routes::owner_id, handoff_routes::backup_owner_id);
    diesel::update(handoff_routes::table.filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq_any(ids))))
        .set((
            owner.eq(case_when(owner.eq(from), to.into_sql::<diesel::sql_types::Uuid>()).otherwise(owner)),
            backup.eq(case_when(backup.eq(from), to.into_sql::<diesel::sql_types::Uuid>()).otherwise(backup)),
            handoff_routes::version.eq(handoff_routes::version + 1),
            handoff_routes::updated_at.eq(now),
        ))
        .execute(conn)
}

/// Which routes a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this partner.
    pub partner: Option<Code>,
    /// For this study.
    pub study: Option<Code>,
    /// In this state.
    pub status: Option<RouteStatus>,
}

/// A page in order of id, after this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    after: Option<RouteId>,
    limit: i64,
) -> QueryResult<Vec<RouteContext>> {
    let mut query = with_context!().filter(handoff_routes::site_id.eq(scope.site())).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(handoff_routes::partner_id.eq(own));
    }
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(status) = filter.status {
        query = query.filter(handoff_routes::status.eq(status));
    }
    if let Some(after) = after {
        query = query.filter(handoff_routes::id.gt(after));
    }
    query.order(handoff_routes::id.asc()).limit(limit).load(conn)
}

/// Keeps a new route.
///
/// # Errors
/// A database failure, `handoff_routes_one_per_partner_and_study` and `handoff_routes_source_tag_unique` among them.
pub fn insert(conn: &mut PgConnection, route: &RouteRow) -> QueryResult<()> {
    diesel::insert_into(handoff_routes::table).values(route).execute(conn).map(drop)
}

/// Writes a change.
///
/// # Errors
/// A database failure, `handoff_routes_source_tag_unique` among them.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, id: RouteId, changes: &RouteChanges) -> QueryResult<()> {
    diesel::update(handoff_routes::table.filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq(id))))
        .set(changes)
        .execute(conn)
        .map(drop)
}
