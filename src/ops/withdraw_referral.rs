//! A partner withdraws its own referral.
//!
//! The site may have closed it before without the partner being told. Then the same steps are taken and the same is answered:
//! the partner learns nothing from either, and the site's own reason stays.

use super::Context;
use super::own_referral::{self, Seen};
use super::record::{Change, record};
use super::transition_referral::{apply, change, state_of};
use crate::db::Conn;
use crate::domain::ids::ReferralId;
use crate::domain::next_action::DueTerms;
use crate::domain::referral_state;
use crate::domain::vocabulary::{CloseReason, PartnerReferralStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::referrals::CodedReferral;
use crate::store::sites::SiteRow;

/// Withdraws a referral; answers it as it is now, with its site.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when the partner's view has changed since it was read, 409 when it is closed or
/// not accepted in the partner's eyes.
pub fn run(conn: &mut Conn, context: &Context, id: ReferralId, seen: &Seen<'_>) -> Result<(CodedReferral, SiteRow), AppError> {
    let (mut coded, site, class) = own_referral::lock(conn, context, id, seen)?;
    if !matches!(class, PartnerReferralStatus::AcceptedForReview | PartnerReferralStatus::NeedsPartnerAction) {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This referral has ended already. Read it again."));
    }
    let decided = referral_state::withdraw(&state_of(&coded.referral));
    // Nothing is due on a closed referral, so that the route's hours do not matter.
    let terms = DueTerms { hours: site.due_hours(), working_time: site.working_time() };
    let mut change = change(&coded.referral, &decided, &terms, context.now);
    change.times.partner_withdrawn_at = Some(context.now);
    if !store::referrals::update_state(conn, &context.scope, id, coded.referral.version, &change)? {
        return Err(AppError::new(ErrorCode::StaleVersion));
    }
    let before = coded.referral.clone();
    apply(&mut coded.referral, change);
    let change = Change::of_referral("withdraw_referral", &before, &coded.referral);
    record(conn, context, [change.because(CloseReason::PartnerWithdrew.as_str())])?;
    Ok((coded, site))
}
