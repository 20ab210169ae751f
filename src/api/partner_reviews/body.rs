//! What goes in and out of reviews of partners.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::ids::{MemberId, PartnerId, PartnerReviewId};
use crate::domain::partner_review::{PartnerDecision, PartnerReviewReason};
use crate::store::partner_reviews::PartnerReviewRow;

/// A review to keep.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decision": "adjust", "reason": "incomplete_handoffs"}))]
pub struct CreatePartnerReview {
    /// What was decided.
    pub decision: PartnerDecision,
    /// Why.
    pub reason: PartnerReviewReason,
}
contract!(CreatePartnerReview);

/// What the site decided about a partner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49", "decision": "adjust",
    "reason": "incomplete_handoffs", "reviewed_at": "2026-06-01T09:00:00Z", "reviewed_by": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50"
}))]
pub struct PartnerReviewView {
    /// Id of the review.
    pub id: PartnerReviewId,
    /// Whom it is about.
    pub partner_id: PartnerId,
    /// What was decided.
    pub decision: PartnerDecision,
    /// Why.
    pub reason: PartnerReviewReason,
    /// When.
    pub reviewed_at: DateTime<Utc>,
    /// The member who decided.
    pub reviewed_by: MemberId,
}

impl From<PartnerReviewRow> for PartnerReviewView {
    fn from(row: PartnerReviewRow) -> Self {
        Self {
            id: row.id,
            partner_id: row.partner_id,
            decision: row.decision,
            reason: row.reason,
            reviewed_at: row.reviewed_at,
            reviewed_by: row.reviewed_by,
        }
    }
}

/// A page of reviews.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerReviewPage {
    /// The reviews, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<PartnerReviewView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which reviews to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPartnerReviews {
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListPartnerReviews);
