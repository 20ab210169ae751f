//! Pairing two referrals by hand: what no shared detail tells. Also what every pairing shares with the job that finds pairs.

use std::collections::BTreeSet;

use super::record::{Change, record};
use super::{Context, facts, referral_route};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::escalation;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{DuplicateReviewId, ReferralId};
use crate::domain::journal::SubjectKind;
use crate::domain::next_action::DueTerms;
use crate::domain::vocabulary::{Blocker, MatchGround, NextAction, ReferralStatus, ReviewStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::duplicates::ReviewRow;
use crate::store::referrals::{ReferralRow, Times};

const OPERATION: &str = "create_duplicate_review";

/// Opens a review of two referrals; answers it, and whether it is new. One that is open already is answered as it is; one that was
/// decided as `different` is opened again: a person may take back what a person said.
///
/// # Errors
/// 422 for a referral with itself and for an unknown one, 409 for two studies and for records that are merged already, 503 when
/// one of them is being merged now.
pub fn run(conn: &mut Conn, context: &Context, ids: [ReferralId; 2]) -> Result<(ReviewRow, bool), AppError> {
    let (scope, now) = (&context.scope, context.now);
    let is_test = context.actor.is_test();
    let rows = store::referrals::load_rows(conn, scope, &ids)?;
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        match rows.iter().find(|row| row.id == *id && row.is_test == is_test) {
            Some(row) => found.push(row),
            None => {
                let message = "No referral of the site has this id.";
                faults.push(Fault::new(format!("/referral_ids/{index}"), FaultCode::UnknownReference, message));
            }
        }
    }
    let [one, other] = found.as_slice() else { return Err(AppError::invalid(faults)) };
    if one.id == other.id {
        let message = "A referral cannot be paired with itself. Send the ids of two referrals.";
        return Err(AppError::invalid(vec![Fault::new("/referral_ids", FaultCode::DuplicateItem, message)]));
    }
    if one.study_id != other.study_id {
        return Err(AppError::new(ErrorCode::AcrossStudies));
    }
    let roots = [root_of(one), root_of(other)];
    if roots.first() == roots.last() {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("These referrals are merged already."));
    }
    let people = People::lock(conn, context, &roots)?;
    let [one, other] = roots.map(|root| people.standing(root));
    let (Some(one), Some(other)) = (one, other) else { return Err(AppError::new(ErrorCode::Overloaded)) };
    let (older, newer) = in_order(one, other);

    let before = people.reviews(conn, context)?.into_iter().find(|(pair, _)| *pair == (older.id, newer.id));
    let mut review = match before {
        Some((_, review)) if review.status == ReviewStatus::Open => return Ok((review, false)),
        Some((_, review)) => review,
        None => opened(context, older, newer, [MatchGround::Staff]),
    };
    let was = (review.status != ReviewStatus::Open).then(|| review.clone());
    match &was {
        None => drop(store::duplicates::insert(conn, std::slice::from_ref(&review))?),
        Some(before) => {
            let grounds: BTreeSet<MatchGround> = before.grounds.0.iter().copied().chain([MatchGround::Staff]).collect();
            review.grounds = CodeList(grounds.into_iter().collect());
            (review.status, review.resolved_at, review.resolved_by) = (ReviewStatus::Open, None, None);
            review.version += 1;
            store::duplicates::write_all(conn, scope, std::slice::from_ref(&review))?;
        }
    }
    let mut changes = vec![changed(OPERATION, was.as_ref(), &review)];
    let site = store::sites::current(conn, scope)?;
    let terms = referral_route::due_terms_of(conn, context, newer, &site)?;
    if let Some(held) = held(newer, &terms, now) {
        changes.push(Change::of_referral(OPERATION, newer, &held));
        store::referrals::write_all(conn, &[held])?;
    }
    record(conn, context, changes)?;
    Ok((review, was.is_none()))
}

/// The record that stands for a referral: itself, or the one that it was merged into.
pub(super) fn root_of(referral: &ReferralRow) -> ReferralId {
    referral.merged_into_id.unwrap_or(referral.id)
}

/// Two records in the order of their recording, as a review keeps them.
pub(super) fn in_order<'a>(one: &'a ReferralRow, other: &'a ReferralRow) -> (&'a ReferralRow, &'a ReferralRow) {
    if one.id < other.id { (one, other) } else { (other, one) }
}

/// A new review of two records that are in order.
pub(super) fn opened(
    context: &Context,
    older: &ReferralRow,
    newer: &ReferralRow,
    grounds: impl IntoIterator<Item = MatchGround>,
) -> ReviewRow {
    ReviewRow {
        site_id: context.scope.site(),
        id: DuplicateReviewId::at(context.now),
        first_referral_id: older.id,
        second_referral_id: newer.id,
        grounds: CodeList(grounds.into_iter().collect()),
        status: ReviewStatus::Open,
        is_test: newer.is_test,
        opened_at: context.now,
        resolved_at: None,
        resolved_by: None,
        kept_referral_id: None,
        version: 1,
    }
}

/// The newer record of a pair as it waits for the review; `None` when it stays as it is: it is closed, it waits for something else
/// already, or a person has to decide about it first.
pub(super) fn held(referral: &ReferralRow, terms: &DueTerms, now: chrono::DateTime<chrono::Utc>) -> Option<ReferralRow> {
    if matches!(referral.status, ReferralStatus::Closed | ReferralStatus::Quarantined) || referral.blocker.is_some() {
        return None;
    }
    let (action, blocker) = (NextAction::ResolveDuplicate, Some(Blocker::DuplicateReview));
    let due_at = Some(terms.due(action, now));
    Some(ReferralRow {
        blocker,
        next_action: Some(action),
        escalation: None,
        version: referral.version + 1,
        times: Times {
            blocked_since: Some(now),
            next_action_due_at: due_at,
            escalate_at: escalation::starts(referral.status, blocker, referral.is_test, due_at),
            updated_at: now,
            ..referral.times
        },
        ..referral.clone()
    })
}

/// A review that changed, or that is new.
pub(super) fn changed(operation: &'static str, before: Option<&ReviewRow>, after: &ReviewRow) -> Change {
    let was = before.map(facts::of_duplicate_review).unwrap_or_default();
    Change::new(operation, SubjectKind::DuplicateReview, after.id.0, was, facts::of_duplicate_review(after))
}

/// Two records, in the order of their ids.
pub(super) type Pair = (ReferralId, ReferralId);

/// Records that are locked, with those that were merged into them.
pub(super) struct People(pub Vec<ReferralRow>);

impl People {
    /// Locks records and those that were merged into them, by id.
    pub(super) fn lock(conn: &mut Conn, context: &Context, ids: &[ReferralId]) -> Result<Self, AppError> {
        Ok(Self(store::duplicates::lock_people(conn, &context.scope, ids)?))
    }

    pub(super) fn row(&self, id: ReferralId) -> Option<&ReferralRow> {
        self.0.iter().find(|row| row.id == id)
    }

    /// A record that stands for itself; `None` when it is not locked, or was merged into another meanwhile.
    pub(super) fn standing(&self, id: ReferralId) -> Option<&ReferralRow> {
        self.row(id).filter(|row| row.merged_into_id.is_none())
    }

    /// A record and those that were merged into it.
    pub(super) fn of(&self, root: ReferralId) -> impl Iterator<Item = &ReferralRow> {
        self.0.iter().filter(move |row| root_of(row) == root)
    }

    /// Every review between these people, with the two records that stand for its own, in order.
    pub(super) fn reviews(&self, conn: &mut Conn, context: &Context) -> Result<Vec<(Pair, ReviewRow)>, AppError> {
        let ids: Vec<ReferralId> = self.0.iter().map(|row| row.id).collect();
        let reviews = store::duplicates::of_referrals(conn, &context.scope, &ids, false)?;
        let standing = |id| self.row(id).map(root_of);
        Ok(reviews
            .into_iter()
            .filter_map(|review| {
                let (one, other) = (standing(review.first_referral_id)?, standing(review.second_referral_id)?);
                Some(((one.min(other), one.max(other)), review))
            })
            .collect())
    }
}
