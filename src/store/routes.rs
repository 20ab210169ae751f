//! Handoff routes: partner × study.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::sites::SiteRow;
use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::boundaries::{Boundaries, PartnerMay, PartnerMayNot};
use crate::domain::ids::{MemberId, PartnerId, RouteId, SiteId, StudyId};
use crate::domain::next_action::{DueHours, DueTerms};
use crate::domain::text::{ApprovalReference, Code, Instruction, Reference, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, PartnerStatus, PartnerType, RouteStatus, StudyStatus};
use crate::schema::{handoff_routes, partners, studies};

/// A route as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = handoff_routes)]
pub struct RouteRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: RouteId,
    /// Who refers.
    pub partner_id: PartnerId,
    /// To what.
    pub study_id: StudyId,
    /// How people may come.
    pub channels: CodeList<Channel>,
    /// How the source is recognised.
    pub source_tag: Reference,
    /// Where a person gives details; `None`: at the site's intake URL.
    pub intake_url: Option<WebUrl>,
    /// What the partner tells the person to do.
    pub instruction: Instruction,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Takes it when the owner stalls.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action is due; `None`: the site's.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due; `None`: the site's.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after is due; `None`: the site's.
    pub follow_up_due_hours: Option<i32>,
    /// Where it stands.
    pub status: RouteStatus,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What the partner may do for the study.
    pub may: CodeList<PartnerMay>,
    /// What it must not do.
    pub may_not: CodeList<PartnerMayNot>,
}

impl RouteRow {
    /// What its partner may do for the study and what it must not.
    #[must_use]
    pub fn boundaries(&self) -> Boundaries {
        Boundaries { may: self.may.0.clone(), may_not: self.may_not.0.clone() }
    }

    /// What decides when an action on this route is due.
    #[must_use]
    pub fn due_terms(&self, site: &SiteRow) -> DueTerms {
        let default = site.due_hours();
        let hours = DueHours {
            acknowledge: self.acknowledge_due_hours.unwrap_or(default.acknowledge),
            contact: self.contact_due_hours.unwrap_or(default.contact),
            follow_up: self.follow_up_due_hours.unwrap_or(default.follow_up),
        };
        DueTerms { hours, working_time: site.working_time() }
    }
}

/// What a change may touch; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = handoff_routes)]
pub struct RouteChanges {
    /// How people may come.
    pub channels: Option<CodeList<Channel>>,
    /// How the source is recognised.
    pub source_tag: Option<Reference>,
    /// Where a person gives details.
    pub intake_url: Option<Option<WebUrl>>,
    /// What the partner tells the person to do.
    pub instruction: Option<Instruction>,
    /// Responsible for the next action.
    pub owner_id: Option<MemberId>,
    /// Takes it when the owner stalls.
    pub backup_owner_id: Option<MemberId>,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: Option<DuplicatePolicy>,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<Option<i32>>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<Option<i32>>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<Option<i32>>,
    /// Where it stands.
    pub status: Option<RouteStatus>,
    /// What the partner may do for the study.
    pub may: Option<CodeList<PartnerMay>>,
    /// What it must not do.
    pub may_not: Option<CodeList<PartnerMayNot>>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// A route with the codes and states that every use of it needs: one query.
#[derive(Debug, Clone, Queryable)]
pub struct RouteContext {
    /// The route.
    pub route: RouteRow,
    /// The partner's code.
    pub partner_code: Code,
    /// The partner's type.
    pub partner_type: PartnerType,
    /// The partner's status.
    pub partner_status: PartnerStatus,
    /// The study's code.
    pub study_code: Code,
    /// The study's status.
    pub study_status: StudyStatus,
}

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
