//! The studies that viewers are assigned to.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, StudyId};
use crate::domain::text::Code;
use crate::domain::vocabulary::Role;
use crate::schema::{member_studies, studies};

use super::{MemberContext, MemberRow};

/// These members, in their order, each with its studies.
///
/// # Errors
/// A database failure.
pub fn with_studies(conn: &mut PgConnection, scope: &SiteScope, rows: Vec<MemberRow>) -> QueryResult<Vec<MemberContext>> {
    let viewers: Vec<MemberId> = rows.iter().filter(|row| row.role == Role::Viewer).map(|row| row.id).collect();
    let assigned: Vec<(MemberId, StudyId, Code)> = if viewers.is_empty() {
        Vec::new()
    } else {
        member_studies::table
            .inner_join(
                studies::table.on(studies::site_id.eq(member_studies::site_id).and(studies::id.eq(member_studies::study_id))),
            )
            .filter(member_studies::site_id.eq(scope.site()).and(member_studies::member_id.eq_any(viewers)))
            .order(studies::code)
            .select((member_studies::member_id, studies::id, studies::code))
            .load(conn)?
    };
    let of = |member: MemberId| {
        let own = assigned.iter().filter(|(assignee, _, _)| *assignee == member);
        own.map(|(_, id, code)| (*id, code.clone())).collect()
    };
    Ok(rows.into_iter().map(|member| MemberContext { studies: of(member.id), member }).collect())
}

/// Assigns a member to exactly these studies.
///
/// # Errors
/// A database failure.
pub fn assign_studies(
    conn: &mut PgConnection,
    scope: &SiteScope,
    member: MemberId,
    wanted: &[(StudyId, Code)],
) -> QueryResult<()> {
    let own = member_studies::table.filter(member_studies::site_id.eq(scope.site()).and(member_studies::member_id.eq(member)));
    diesel::delete(own).execute(conn)?;
    let rows: Vec<_> = wanted
        .iter()
        .map(|(study, _)| {
            (member_studies::site_id.eq(scope.site()), member_studies::member_id.eq(member), member_studies::study_id.eq(*study))
        })
        .collect();
    diesel::insert_into(member_studies::table).values(rows).execute(conn).map(drop)
}

/// Whether a member is assigned to a study.
///
/// # Errors
/// A database failure.
pub fn is_assigned(conn: &mut PgConnection, scope: &SiteScope, member: MemberId, study: StudyId) -> QueryResult<bool> {
    let own = member_studies::table.filter(member_studies::site_id.eq(scope.site()).and(member_studies::member_id.eq(member)));
    diesel::select(diesel::dsl::exists(own.filter(member_studies::study_id.eq(study)))).get_result(conn)
}
