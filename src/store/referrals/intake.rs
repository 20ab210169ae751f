//! What the intake and its correction write of a referral beside its state.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, ReferralId, RouteId};
use crate::domain::text::Reference;
use crate::domain::vocabulary::Attribution;
use crate::schema::referrals;

/// Writes the site's own reference, as a part of a change that is counted elsewhere.
///
/// # Errors
/// A database failure.
pub fn set_external_ref(conn: &mut PgConnection, scope: &SiteScope, id: ReferralId, reference: &Reference) -> QueryResult<()> {
    diesel::update(referrals::table.filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id))))
        .set(referrals::external_ref.eq(reference))
        .execute(conn)
        .map(drop)
}

/// Whom a referral is credited to: always the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = referrals, treat_none_as_null = true)]
pub struct Source {
    /// Who referred.
    pub partner_id: Option<PartnerId>,
    /// Over which route.
    pub route_id: Option<RouteId>,
    /// How sure that is.
    pub attribution: Attribution,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

/// Writes whom a locked referral is credited to.
///
/// # Errors
/// A database failure.
pub fn set_source(conn: &mut PgConnection, scope: &SiteScope, id: ReferralId, source: &Source) -> QueryResult<()> {
    diesel::update(referrals::table.filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id))))
        .set(source)
        .execute(conn)
        .map(drop)
}
