//! Handoff routes: partner × study.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, PartnerId, RouteId, StudyId};
use crate::domain::text::{Code, SourceTag};
use crate::domain::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};
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

/// The study that this source tag is for.
///
/// # Errors
/// A database failure.
pub fn study_of_tag(conn: &mut PgConnection, scope: &SiteScope, tag: &SourceTag) -> QueryResult<Option<StudyId>> {
    handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::source_tag.eq(tag)))
        .order((handoff_routes::status.eq(RouteStatus::Retired).asc(), handoff_routes::id.desc()))
        .limit(1)
        .select(handoff_routes::study_id)
        .first(conn)
        .optional()
}

/// The route with this source tag, held as by [`find_by_codes_and_hold`].
///
/// # Errors
/// A database failure.
pub fn find_by_tag_and_hold(conn: &mut PgConnection, scope: &SiteScope, tag: &SourceTag) -> QueryResult<Option<RouteContext>> {
    with_context!()
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::source_tag.eq(tag)))
        .order((handoff_routes::status.eq(RouteStatus::Retired).asc(), handoff_routes::id.desc()))
        .limit(1)
        .for_share()
        .get_result(conn)
        .optional()
}

/// The route with this id, held as by [`find_by_codes_and_hold`].
///
/// # Errors
/// A database failure.
pub fn find_and_hold(conn: &mut PgConnection, scope: &SiteScope, id: RouteId) -> QueryResult<Option<RouteContext>> {
    with_context!()
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq(id)))
        .for_share()
        .get_result(conn)
        .optional()
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

/// The routes of a study; of a partner, its own.
///
/// # Errors
/// A database failure.
pub fn of_study(conn: &mut PgConnection, scope: &SiteScope, study: StudyId) -> QueryResult<Vec<RouteRow>> {
    let mut query = handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::study_id.eq(study)))
        .select(RouteRow::as_select())
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(handoff_routes::partner_id.eq(own));
    }
    query.load(conn)
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

/// Stops these routes, which are locked: what was proven of them is proven no more.
///
/// # Errors
/// A database failure.
pub fn require_retest(conn: &mut PgConnection, scope: &SiteScope, ids: &[RouteId]) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::update(handoff_routes::table.filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::id.eq_any(ids))))
        .set(handoff_routes::status.eq(RouteStatus::RetestRequired))
        .execute(conn)
        .map(drop)
}

/// A route that went live, of a partner that works or is suspended, for a study that is not closed.
#[derive(Debug, Clone, Copy, Queryable)]
pub struct LiveRoute {
    /// Whose.
    pub partner_id: PartnerId,
    /// To what.
    pub study_id: StudyId,
    /// Where its partner stands.
    pub partner_status: PartnerStatus,
}

/// Those of these partners, or of all.
///
/// # Errors
/// A database failure.
pub fn live_of_partners(conn: &mut PgConnection, scope: &SiteScope, ids: Option<&[PartnerId]>) -> QueryResult<Vec<LiveRoute>> {
    let went_live = [RouteStatus::Launched, RouteStatus::Paused, RouteStatus::RetestRequired];
    let mut query = handoff_routes::table
        .inner_join(
            partners::table.on(partners::site_id.eq(handoff_routes::site_id).and(partners::id.eq(handoff_routes::partner_id))),
        )
        .inner_join(studies::table.on(studies::site_id.eq(handoff_routes::site_id).and(studies::id.eq(handoff_routes::study_id))))
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::status.eq_any(went_live)))
        .filter(partners::status.eq_any([PartnerStatus::Active, PartnerStatus::Suspended]))
        .filter(studies::status.ne(StudyStatus::Closed))
        .order((handoff_routes::partner_id, handoff_routes::study_id))
        .select((handoff_routes::partner_id, handoff_routes::study_id, partners::status))
        .into_boxed();
    if let Some(ids) = ids {
        query = query.filter(handoff_routes::partner_id.eq_any(ids));
    }
    query.load(conn)
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
