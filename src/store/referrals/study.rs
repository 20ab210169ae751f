//! The referrals of a study that its pause or its opening changes.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::StudyId;
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
