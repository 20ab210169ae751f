//! Reviews of partners: added to, never changed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, PartnerId, PartnerReviewId, SiteId};
use crate::domain::partner_review::{PartnerDecision, PartnerReviewReason};
use crate::schema::partner_reviews;

/// A review as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = partner_reviews)]
pub struct PartnerReviewRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by time.
    pub id: PartnerReviewId,
    /// Whom it is about.
    pub partner_id: PartnerId,
    /// What was decided.
    pub decision: PartnerDecision,
    /// Why.
    pub reason: PartnerReviewReason,
    /// When.
    pub reviewed_at: DateTime<Utc>,
    /// By whom.
    pub reviewed_by: MemberId,
}

/// Keeps a review.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, review: &PartnerReviewRow) -> QueryResult<()> {
    diesel::insert_into(partner_reviews::table).values(review).execute(conn).map(drop)
}

/// A partner's review with this id.
///
/// # Errors
/// A database failure.
pub fn find(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    id: PartnerReviewId,
) -> QueryResult<Option<PartnerReviewRow>> {
    partner_reviews::table
        .filter(partner_reviews::site_id.eq(scope.site()).and(partner_reviews::id.eq(id)))
        .filter(partner_reviews::partner_id.eq(partner))
        .select(PartnerReviewRow::as_select())
        .first(conn)
        .optional()
}

/// A page of a partner's reviews, newest first, before this one.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    before: Option<PartnerReviewId>,
    limit: i64,
) -> QueryResult<Vec<PartnerReviewRow>> {
    let mut query = partner_reviews::table
        .filter(partner_reviews::site_id.eq(scope.site()).and(partner_reviews::partner_id.eq(partner)))
        .select(PartnerReviewRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(partner_reviews::id.lt(before));
    }
    query.order(partner_reviews::id.desc()).limit(limit).load(conn)
}
