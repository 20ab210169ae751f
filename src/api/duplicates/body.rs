//! What goes into and out of the duplicate reviews.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{DuplicateReviewId, MemberId, ReferralId};
use crate::domain::text::Code;
use crate::domain::vocabulary::{CloseReason, MatchGround, ReferralStatus, Resolution, ReviewStatus};
use crate::error::AppError;
use crate::store::duplicates::{EndRow, ReviewRow};

/// Two referrals that may be one person.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "referral_ids": ["0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "0199aa10-6a02-7c11-8d1b-5e2f7a9c0b36"]
}))]
pub struct CreateDuplicateReview {
    /// The two, for one study, in any order.
    #[schema(min_items = 2, max_items = 2)]
    pub referral_ids: Vec<ReferralId>,
}
contract!(CreateDuplicateReview);

impl CreateDuplicateReview {
    /// Exactly two ids.
    ///
    /// # Errors
    /// 422 for any other number.
    pub(super) fn ids(&self) -> Result<[ReferralId; 2], AppError> {
        <[ReferralId; 2]>::try_from(self.referral_ids.as_slice()).map_err(|_| {
            AppError::invalid(vec![Fault::new("/referral_ids", FaultCode::TooFewItems, "Send the ids of two referrals.")])
        })
    }
}

/// What somebody of the site decided about a pair.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"resolution": "same", "keep": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"}))]
pub struct ResolveDuplicateReview {
    /// One person, or two.
    pub resolution: Resolution,
    /// For `same`: the referral of the two that goes on, an open one if either is open. If absent the open one does, and of two alike
    /// the one that was received first.
    pub keep: Option<ReferralId>,
}
contract!(ResolveDuplicateReview);

/// Which duplicate reviews to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDuplicateReviews {
    /// Only reviews in this state; `open`: those to be decided.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<ReviewStatus>,
    /// Only reviews of referrals for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only reviews with a referral from this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListDuplicateReviews);

/// A referral of a duplicate review, as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner": "lakeside-cardiology", "study": "heart-2026", "status": "received",
    "close_reason": null, "received_at": "2026-06-01T09:00:00Z", "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
    "merged_into_id": null
}))]
pub struct DuplicateReferral {
    /// Id of the referral.
    pub id: ReferralId,
    /// Code of the partner that referred; `null` when nobody is known to have.
    pub partner: Option<Code>,
    /// Code of the study.
    pub study: Code,
    /// Where it stands.
    pub status: ReferralStatus,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// The referral that goes on for the same person, when this one was merged.
    pub merged_into_id: Option<ReferralId>,
}

impl From<&EndRow> for DuplicateReferral {
    fn from(row: &EndRow) -> Self {
        Self {
            id: row.id,
            partner: row.partner_code.clone(),
            study: row.study_code.clone(),
            status: row.status,
            close_reason: row.close_reason,
            received_at: row.received_at,
            owner_id: row.owner_id,
            merged_into_id: row.merged_into_id,
        }
    }
}

/// Two referrals that may be one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52", "status": "open", "grounds": ["phone"],
    "referrals": [
        {"id": "0199aa10-6a02-7c11-8d1b-5e2f7a9c0b36", "partner": "city-advocates", "study": "heart-2026", "status": "contacting",
            "close_reason": null, "received_at": "2026-05-28T09:00:00Z", "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
            "merged_into_id": null},
        {"id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner": "lakeside-cardiology", "study": "heart-2026", "status": "received",
            "close_reason": null, "received_at": "2026-06-01T09:00:00Z", "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
            "merged_into_id": null}
    ],
    "opened_at": "2026-06-01T09:00:02Z", "resolved_at": null, "resolved_by": null, "kept_referral_id": null
}))]
pub struct DuplicateReviewView {
    /// Id of the review; ids sort by the time of opening.
    pub id: DuplicateReviewId,
    /// Undecided, one person, or two.
    pub status: ReviewStatus,
    /// Why the two may be one person: what they share, never what it is. A household shares a telephone number.
    #[schema(min_items = 1, max_items = 4)]
    pub grounds: Vec<MatchGround>,
    /// The two referrals, in the order in which they were recorded.
    #[schema(min_items = 2, max_items = 2)]
    pub referrals: Vec<DuplicateReferral>,
    /// When the pair was found.
    pub opened_at: DateTime<Utc>,
    /// When it was decided.
    pub resolved_at: Option<DateTime<Utc>>,
    /// The member who decided.
    pub resolved_by: Option<MemberId>,
    /// The referral that goes on, after `same`.
    pub kept_referral_id: Option<ReferralId>,
}

impl DuplicateReviewView {
    /// A review; `ends` holds its referrals, among others.
    pub(super) fn new(row: ReviewRow, ends: &[EndRow]) -> Self {
        let pair = [row.first_referral_id, row.second_referral_id];
        let end = |id| ends.iter().find(|end| end.id == id).map(DuplicateReferral::from);
        Self {
            id: row.id,
            status: row.status,
            grounds: row.grounds.0,
            referrals: pair.into_iter().filter_map(end).collect(),
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            resolved_by: row.resolved_by,
            kept_referral_id: row.kept_referral_id,
        }
    }
}

/// A page of duplicate reviews.
#[derive(Debug, Serialize, ToSchema)]
pub struct DuplicateReviewPage {
    /// The reviews, in the order in which they were opened.
    #[schema(max_items = 200)]
    pub data: Vec<DuplicateReviewView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}
