//! A partner's boundaries as they go in and out with its route.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::boundaries::{Boundaries, BoundariesPatch, PartnerMay, PartnerMayNot};

/// What the partner may do for the study and what it must not; an absent list stays as it is, or is whole on a new route.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "names_a_list"))]
#[schema(example = json!({"may": ["mention_study", "hand_over"]}))]
pub struct SetBoundaries {
    /// What it may do; each once.
    #[schema(nullable = false, min_items = 1, max_items = 3)]
    #[validate(custom(function = "each_once"))]
    pub may: Option<Vec<PartnerMay>>,
    /// What it must not do; each once. `imply_eligibility`, `enrol_or_consent`, `answer_consent_questions` and
    /// `collect_health_information` stand in every list.
    #[schema(nullable = false, min_items = 4, max_items = 8)]
    #[validate(custom(function = "each_once"))]
    pub may_not: Option<Vec<PartnerMayNot>>,
}

fn names_a_list(boundaries: &SetBoundaries) -> Result<(), ValidationError> {
    if boundaries.may.is_some() || boundaries.may_not.is_some() {
        return Ok(());
    }
    Err(ValidationError::new("names_a_list")
        .with_message("Send `may`, `may_not` or both; leave `boundaries` out otherwise.".into()))
}

fn each_once<T: Ord>(words: &[T]) -> Result<(), ValidationError> {
    if words.iter().collect::<BTreeSet<_>>().len() == words.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each once.".into()))
}

impl From<SetBoundaries> for BoundariesPatch {
    fn from(body: SetBoundaries) -> Self {
        Self { may: body.may, may_not: body.may_not }
    }
}

/// What the partner may do for the study and what it must not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "may": ["mention_study", "hand_over", "collect_listed_fields"],
    "may_not": ["imply_eligibility", "enrol_or_consent", "answer_consent_questions", "collect_health_information", "discuss_results",
        "promise_payment", "promise_treatment", "use_other_language"]
}))]
pub struct BoundariesView {
    /// What it may do.
    #[schema(max_items = 3)]
    pub may: Vec<PartnerMay>,
    /// What it must not do.
    #[schema(max_items = 8)]
    pub may_not: Vec<PartnerMayNot>,
}

impl From<Boundaries> for BoundariesView {
    fn from(boundaries: Boundaries) -> Self {
        Self { may: boundaries.may, may_not: boundaries.may_not }
    }
}
