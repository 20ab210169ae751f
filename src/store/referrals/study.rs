//! Referrals by what stands still with them: their study or their partner.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, ReferralId, StudyId};
use crate::domain::vocabulary::{ReferralStatus, StudyStatus};
use crate::schema::{handoff_routes, referrals, studies};

use super::ReferralRow;

/// The open referrals of a study, live and test, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_open_of_study(conn: &mut PgConnection, scope: &SiteScope, study: StudyId) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::study_id.eq(study)))
        .filter(referrals::status.ne(ReferralStatus::Closed))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}

/// The open referrals of a partner, live and test, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_open_of_partner(conn: &mut PgConnection, scope: &SiteScope, partner: PartnerId) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::partner_id.eq(partner)))
        .filter(referrals::status.ne(ReferralStatus::Closed))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}

/// The state of a referral's study, which it keeps until the transaction ends (`FOR SHARE`); `None` when there is no such referral
/// for this scope. A referral's study never changes, so that the referral itself need not be locked for it.
///
/// # Errors
/// A database failure.
pub fn hold_study(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: ReferralId) -> QueryResult<Option<StudyStatus>> {
    let mut of_referral = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::is_test.eq(is_test)))
        .select(referrals::study_id)
        .into_boxed();
    if let Some(own) = scope.partner() {
        of_referral = of_referral.filter(referrals::partner_id.eq(own));
    }
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq_any(of_referral)))
        .select(studies::status)
        .for_share()
        .first(conn)
        .optional()
}

/// The studies that a partner refers to with their states, by id; they keep them until the transaction ends (`FOR SHARE`).
///
/// # Errors
/// A database failure.
pub fn hold_studies_of_partner(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
) -> QueryResult<Vec<(StudyId, StudyStatus)>> {
    let of_partner = handoff_routes::table
        .filter(handoff_routes::site_id.eq(scope.site()).and(handoff_routes::partner_id.eq(partner)))
        .select(handoff_routes::study_id);
    studies::table
        .filter(studies::site_id.eq(scope.site()).and(studies::id.eq_any(of_partner)))
        .order(studies::id)
        .select((studies::id, studies::status))
        .for_share()
        .load(conn)
}
