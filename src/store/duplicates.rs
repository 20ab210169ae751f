//! Duplicate reviews, and the referrals that they are about. What finds the pairs is in `matching`.
//!
//! Whoever writes a review has locked its referrals before ([`lock_people`]): of two at once, one finds what the other did.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{DuplicateReviewId, MemberId, ReferralId, SiteId};
use crate::domain::text::Code;
use crate::domain::vocabulary::{CloseReason, MatchGround, ReferralStatus, ReviewStatus};
use crate::schema::{duplicate_reviews, partners, referrals, studies};
use crate::store::referrals::ReferralRow;

pub mod matching;

/// A review as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = duplicate_reviews)]
pub struct ReviewRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the time of opening.
    pub id: DuplicateReviewId,
    /// The record that was recorded first.
    pub first_referral_id: ReferralId,
    /// The other one.
    pub second_referral_id: ReferralId,
    /// Why the two may be one person.
    pub grounds: CodeList<MatchGround>,
    /// What was decided.
    pub status: ReviewStatus,
    /// Whether it is about test referrals.
    pub is_test: bool,
    /// When the pair was found.
    pub opened_at: DateTime<Utc>,
    /// When it was decided.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who decided.
    pub resolved_by: Option<MemberId>,
    /// The record that goes on.
    pub kept_referral_id: Option<ReferralId>,
    /// Counts changes.
    pub version: i32,
}

/// Which reviews a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// In this state.
    pub status: Option<ReviewStatus>,
    /// Of referrals for this study.
    pub study: Option<Code>,
    /// With a referral from this partner.
    pub partner: Option<Code>,
}

/// The review with this id; test callers find those of test referrals only, others those of live ones.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: DuplicateReviewId) -> QueryResult<Option<ReviewRow>> {
    duplicate_reviews::table
        .filter(duplicate_reviews::site_id.eq(scope.site()).and(duplicate_reviews::id.eq(id)))
        .filter(duplicate_reviews::is_test.eq(is_test))
        .select(ReviewRow::as_select())
        .first(conn)
        .optional()
}

/// A page in order of opening, after this review.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &Filter,
    after: Option<DuplicateReviewId>,
    limit: i64,
) -> QueryResult<Vec<ReviewRow>> {
    // Both records of a pair are for one study.
    let about = || {
        referrals::table
            .inner_join(studies::table.on(studies::site_id.eq(referrals::site_id).and(studies::id.eq(referrals::study_id))))
            .left_join(
                partners::table
                    .on(partners::site_id.eq(referrals::site_id).and(partners::id.nullable().eq(referrals::partner_id))),
            )
            .filter(referrals::site_id.eq(scope.site()))
    };
    let mut query = duplicate_reviews::table
        .filter(duplicate_reviews::site_id.eq(scope.site()).and(duplicate_reviews::is_test.eq(is_test)))
        .order(duplicate_reviews::id)
        .limit(limit)
        .select(ReviewRow::as_select())
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(duplicate_reviews::status.eq(status));
    }
    if let Some(study) = &filter.study {
        let of_study = about().filter(referrals::id.eq(duplicate_reviews::first_referral_id)).filter(studies::code.eq(study));
        query = query.filter(diesel::dsl::exists(of_study));
    }
    if let Some(partner) = &filter.partner {
        let either =
            referrals::id.eq(duplicate_reviews::first_referral_id).or(referrals::id.eq(duplicate_reviews::second_referral_id));
        query = query.filter(diesel::dsl::exists(about().filter(either).filter(partners::code.eq(partner))));
    }
    if let Some(after) = after {
        query = query.filter(duplicate_reviews::id.gt(after));
    }
    query.load(conn)
}

/// Keeps new reviews; answers the ids of those whose pair had none.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, reviews: &[ReviewRow]) -> QueryResult<Vec<DuplicateReviewId>> {
    if reviews.is_empty() {
        return Ok(Vec::new());
    }
    let mut kept = Vec::with_capacity(reviews.len());
    for some in reviews.chunks(1_000) {
        let insert = diesel::insert_into(duplicate_reviews::table).values(some).on_conflict_do_nothing();
        kept.extend(insert.returning(duplicate_reviews::id).load::<DuplicateReviewId>(conn)?);
    }
    Ok(kept)
}

/// Writes these reviews, whose referrals are locked, as they are now.
///
/// # Errors
/// A database failure.
pub fn write_all(conn: &mut PgConnection, scope: &SiteScope, reviews: &[ReviewRow]) -> QueryResult<()> {
    for review in reviews {
        let target =
            duplicate_reviews::table.filter(duplicate_reviews::site_id.eq(scope.site()).and(duplicate_reviews::id.eq(review.id)));
        diesel::update(target)
            .set((
                duplicate_reviews::grounds.eq(&review.grounds),
                duplicate_reviews::status.eq(review.status),
                duplicate_reviews::resolved_at.eq(review.resolved_at),
                duplicate_reviews::resolved_by.eq(review.resolved_by),
                duplicate_reviews::kept_referral_id.eq(review.kept_referral_id),
                duplicate_reviews::version.eq(review.version),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The reviews of any of these records, by id; `open`: only those that are not decided.
///
/// # Errors
/// A database failure.
pub fn of_referrals(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId], open: bool) -> QueryResult<Vec<ReviewRow>> {
    let mut query = duplicate_reviews::table
        .filter(duplicate_reviews::site_id.eq(scope.site()))
        .filter(duplicate_reviews::first_referral_id.eq_any(ids).or(duplicate_reviews::second_referral_id.eq_any(ids)))
        .order(duplicate_reviews::id)
        .select(ReviewRow::as_select())
        .into_boxed();
    if open {
        query = query.filter(duplicate_reviews::status.eq(ReviewStatus::Open));
    }
    query.load(conn)
}

/// These records and those that were merged into them, by id and locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock_people(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()))
        .filter(referrals::id.eq_any(ids).or(referrals::merged_into_id.assume_not_null().eq_any(ids)))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}

/// Every record of the person of a referral: the one that goes on and those that were merged into it, or itself alone.
///
/// # Errors
/// A database failure.
pub fn person(conn: &mut PgConnection, scope: &SiteScope, referral: &ReferralRow) -> QueryResult<Vec<ReferralId>> {
    let root = referral.merged_into_id.unwrap_or(referral.id);
    let mut person: Vec<ReferralId> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::merged_into_id.eq(root)))
        .select(referrals::id)
        .load(conn)?;
    person.push(root);
    Ok(person)
}

/// A referral of a review, as a person who resolves it sees it.
#[derive(Debug, Clone, Queryable)]
pub struct EndRow {
    /// Its id.
    pub id: ReferralId,
    /// The code of its partner; `None`: nobody referred.
    pub partner_code: Option<Code>,
    /// The code of its study.
    pub study_code: Code,
    /// Where it stands.
    pub status: ReferralStatus,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// The record that goes on for the same person.
    pub merged_into_id: Option<ReferralId>,
}

/// The referrals of reviews.
///
/// # Errors
/// A database failure.
pub fn ends(conn: &mut PgConnection, scope: &SiteScope, reviews: &[ReviewRow]) -> QueryResult<Vec<EndRow>> {
    let ids: Vec<ReferralId> = reviews.iter().flat_map(|review| [review.first_referral_id, review.second_referral_id]).collect();
    referrals::table
        .left_join(
            partners::table.on(partners::site_id.eq(referrals::site_id).and(partners::id.nullable().eq(referrals::partner_id))),
        )
        .inner_join(studies::table.on(studies::site_id.eq(referrals::site_id).and(studies::id.eq(referrals::study_id))))
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)))
        .select((
            referrals::id,
            partners::code.nullable(),
            studies::code,
            referrals::status,
            referrals::close_reason,
            referrals::received_at,
            referrals::owner_id,
            referrals::merged_into_id,
        ))
        .load(conn)
}
