//! What a study's pause and its opening do to its referrals, many at once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{ReferralId, StudyId};
use crate::domain::vocabulary::{Blocker, ReferralStatus};
use crate::schema::referrals;

use super::ReferralRow;

/// The referrals that a pause of the study holds (`in_flight`), or that its opening releases, by id and locked until the
/// transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_for_study(
    conn: &mut PgConnection,
    scope: &SiteScope,
    study: StudyId,
    in_flight: bool,
) -> QueryResult<Vec<ReferralRow>> {
    use ReferralStatus::{Acknowledged, Connected, Contacting, HandedOff, OnHold, Received};
    let query = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::study_id.eq(study)))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update();
    if in_flight {
        query.filter(referrals::status.eq_any([Received, Acknowledged, Contacting, Connected, HandedOff])).load(conn)
    } else {
        query.filter(referrals::status.eq(OnHold).and(referrals::blocker.eq(Blocker::StudyPaused))).load(conn)
    }
}

/// Puts these referrals, in flight for a paused study and locked, on hold, remembering the state it leaves; says how many. The due time moves
/// to the study team's: `follow_up` hours of the route, or else of the site.
///
/// # Errors
/// A database failure.
pub fn hold_for_paused_study(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE referrals r SET held_status = r.status, status = 'on_hold', blocker = 'study_paused', next_action = 'await_study_team',
                next_action_due_at = $3 + make_interval(hours => coalesce(h.follow_up_due_hours, s.follow_up_due_hours)),
                version = r.version + 1, updated_at = $3
           FROM handoff_routes h, sites s
          WHERE r.site_id = $1 AND r.id = ANY($2)
            AND h.site_id = r.site_id AND h.id = r.route_id AND s.site_id = r.site_id",
    )
    .bind::<diesel::sql_types::Uuid, _>(scope.site())
    .bind::<diesel::sql_types::Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(conn)
}

/// Returns these referrals, which a paused study held and which are locked, to the state they left; says how many.
///
/// # Errors
/// A database failure.
pub fn release_for_opened_study(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[ReferralId],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE referrals r SET status = r.held_status, held_status = NULL, blocker = NULL,
                next_action = CASE r.held_status WHEN 'received' THEN 'acknowledge' WHEN 'connected' THEN 'arrange_handoff'
                    WHEN 'handed_off' THEN 'confirm_close' ELSE 'attempt_contact' END,
                next_action_due_at = $3 + make_interval(hours => CASE
                    WHEN r.held_status = 'received' THEN coalesce(h.acknowledge_due_hours, s.acknowledge_due_hours)
                    WHEN r.held_status IN ('acknowledged', 'contacting') THEN coalesce(h.contact_due_hours, s.contact_due_hours)
                    ELSE coalesce(h.follow_up_due_hours, s.follow_up_due_hours) END),
                version = r.version + 1, updated_at = $3
           FROM handoff_routes h, sites s
          WHERE r.site_id = $1 AND r.id = ANY($2)
            AND h.site_id = r.site_id AND h.id = r.route_id AND s.site_id = r.site_id",
    )
    .bind::<diesel::sql_types::Uuid, _>(scope.site())
    .bind::<diesel::sql_types::Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(conn)
}
