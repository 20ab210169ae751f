//! Pages of referrals, newest first: the site's, and a partner's own.

use diesel::dsl::array_position;
use diesel::prelude::*;

use super::rows::{CodedReferral, OwnReferral, OwnReferralRow, ReferralRow};
use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::text::{Code, Reference};
use crate::domain::vocabulary::{Attribution, Channel, ReferralStatus};
use crate::schema::{handoff_routes, partners, referrals, sealed_details, studies};

/// Which of its own referrals a partner's page shows: nothing that tells more than its view does.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OwnFilter {
    /// For this study.
    pub study: Option<Code>,
    /// Over this channel.
    pub channel: Option<Channel>,
    /// With this reference of the partner's.
    pub partner_reference: Option<Reference>,
}

/// Which referrals a page of the site shows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What a partner may ask for too.
    pub own: OwnFilter,
    /// In this state.
    pub status: Option<ReferralStatus>,
    /// From this partner.
    pub partner: Option<Code>,
    /// Of this owner.
    pub owner: Option<MemberId>,
    /// With a source that is as sure as this.
    pub attribution: Option<Attribution>,
    /// With this reference of the site's.
    pub external_ref: Option<Reference>,
}

/// The part of a page that is the same for all who ask: what matches the own filter, newest first, before this id.
macro_rules! page_of {
    ($query:ident, $filter:expr, $before:expr, $limit:expr) => {{
        if let Some(study) = &$filter.study {
            $query = $query.filter(studies::code.eq(study));
        }
        if let Some(channel) = $filter.channel {
            $query = $query.filter(referrals::channel.eq(channel));
        }
        if let Some(reference) = &$filter.partner_reference {
            $query = $query.filter(referrals::partner_reference.eq(reference));
        }
        if let Some(before) = $before {
            $query = $query.filter(referrals::id.lt(before));
        }
        $query.order(referrals::id.desc()).limit($limit)
    }};
}

/// A page of the site's referrals before this id; nothing for a partner, whose page is [`own_page`].
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &Filter,
    before: Option<ReferralId>,
    limit: i64,
) -> QueryResult<Vec<CodedReferral>> {
    if scope.partner().is_some() {
        return Ok(Vec::new());
    }
    let mut query = with_codes!().filter(referrals::site_id.eq(scope.site()).and(referrals::is_test.eq(is_test))).into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(referrals::status.eq(status));
    }
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    if let Some(owner) = filter.owner {
        query = query.filter(referrals::owner_id.eq(owner));
    }
    if let Some(attribution) = filter.attribution {
        query = query.filter(referrals::attribution.eq(attribution));
        if attribution != Attribution::Verified {
            // In so many words, since a parameter tells the planner nothing: these few have an index of their own.
            query = query.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("referrals.attribution <> 'verified'"));
        }
    }
    if let Some(reference) = &filter.external_ref {
        query = query.filter(referrals::external_ref.eq(reference));
    }
    page_of!(query, filter.own, before, limit).load(conn)
}

/// A page of a partner's own referrals before this id; nothing without a partner.
///
/// # Errors
/// A database failure.
pub fn own_page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &OwnFilter,
    before: Option<ReferralId>,
    limit: i64,
) -> QueryResult<Vec<OwnReferral>> {
    let Some(own) = scope.partner() else { return Ok(Vec::new()) };
    let mut query = with_route!()
        .select((OwnReferralRow::as_select(), studies::code, route_words!()))
        .filter(referrals::site_id.eq(scope.site()).and(referrals::is_test.eq(is_test)))
        .into_boxed();
    query = query.filter(referrals::partner_id.eq(own));
    page_of!(query, filter, before, limit).load(conn)
}
