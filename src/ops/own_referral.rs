//! A partner's own referral, as the partner sees it: what its acts start from. What it cannot see decides nothing here.

use chrono::{DateTime, Utc};

use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::ids::ReferralId;
use crate::domain::referral_state::Facts;
use crate::domain::vocabulary::{NotAcceptedReason, PartnerReferralStatus};
use crate::error::AppError;
use crate::privacy::suppression::partner_view;
use crate::store;
use crate::store::referrals::{CodedReferral, ReferralRow};
use crate::store::sites::SiteRow;

/// The entity tag of a partner's view. The view is the answer's matter, so that whoever answers brings its tag along.
pub type TagOf = fn(&CodedReferral, &SiteRow, &Context) -> Result<String, AppError>;

/// What the partner read before it acts: `If-Match`, compared with the tag of its own view. Unseen activity of the site makes
/// nothing stale.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What it read.
    pub expected: &'a Expected,
    /// What it would read now.
    pub tag_of: TagOf,
}

/// The partner's class of a referral at `now`, and its code when it was not accepted.
#[must_use]
pub fn class_of(
    referral: &ReferralRow,
    site: &SiteRow,
    now: DateTime<Utc>,
) -> (PartnerReferralStatus, Option<NotAcceptedReason>) {
    let facts = Facts {
        status: referral.status,
        blocker: referral.blocker,
        held_blocker: referral.held_blocker,
        close_reason: referral.close_reason,
        recorded_at: referral.recorded_at,
        closed_at: referral.times.closed_at,
        withdrawn: referral.times.partner_withdrawn_at.is_some(),
    };
    partner_view::classify(&facts, site.zone(), now)
}

/// Locks the partner's own referral; answers it with its site and the class in which the partner sees it.
///
/// # Errors
/// 404 for an unknown or foreign referral, 412 when the partner's view has changed since it was read.
pub(super) fn lock(
    conn: &mut Conn,
    context: &Context,
    id: ReferralId,
    seen: &Seen<'_>,
) -> Result<(CodedReferral, SiteRow, PartnerReferralStatus), AppError> {
    let scope = &context.scope;
    let is_test = context.actor.is_test();
    if !store::referrals::lock(conn, scope, is_test, id)? {
        return Err(AppError::not_found());
    }
    let coded = store::referrals::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    let site = store::sites::current(conn, scope)?;
    seen.expected.check_tag(&(seen.tag_of)(&coded, &site, context)?)?;
    let (class, _) = class_of(&coded.referral, &site, context.now);
    Ok((coded, site, class))
}
