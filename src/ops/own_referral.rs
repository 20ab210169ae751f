//! A partner's own referral, as the partner sees it: what its acts start from. What it cannot see decides nothing here.

use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::ids::ReferralId;
use crate::domain::vocabulary::PartnerReferralStatus;
use crate::error::AppError;
use crate::privacy::suppression::partner_view;
use crate::store;
use crate::store::referrals::CodedReferral;
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
    let (class, _) = partner_view::classify(&coded.referral.facts(), site.zone(), context.now);
    Ok((coded, site, class))
}
