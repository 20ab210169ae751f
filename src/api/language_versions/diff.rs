//! Two language versions beside one another.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::ids::LanguageVersionId;
use crate::domain::language::LanguagePart;
use crate::store::language_versions::LanguageVersionRow;

/// What to compare with.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffLanguageVersions {
    /// Id of the version to compare with, of the same study.
    pub against: LanguageVersionId,
}
contract!(DiffLanguageVersions);

/// One part of two versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "part": "where_to_go", "before": "Call the site.", "after": "Give the person the code and the intake address.", "changed": true
}))]
pub struct PartDiff {
    /// Which part.
    pub part: LanguagePart,
    /// What `against` says.
    #[schema(min_length = 1, max_length = 2000)]
    pub before: String,
    /// What this version says.
    #[schema(min_length = 1, max_length = 2000)]
    pub after: String,
    /// Whether they differ.
    pub changed: bool,
}

/// Two versions, part by part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "against": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f40",
    "parts": [{"part": "where_to_go", "before": "Call the site.", "after": "Give the person the code and the intake address.",
        "changed": true}]
}))]
pub struct LanguageDiff {
    /// Id of the version.
    pub id: LanguageVersionId,
    /// Id of the version that it is compared with.
    pub against: LanguageVersionId,
    /// The seven parts, in their order.
    #[schema(max_items = 7)]
    pub parts: Vec<PartDiff>,
}

impl LanguageDiff {
    /// What differs from one version to another.
    pub(super) fn new(before: &LanguageVersionRow, after: &LanguageVersionRow) -> Self {
        let both = before.parts().into_iter().zip(after.parts());
        let parts = both.map(|((part, was), (_, is))| PartDiff {
            part,
            before: was.to_owned(),
            after: is.to_owned(),
            changed: was != is,
        });
        Self { id: after.id, against: before.id, parts: parts.collect() }
    }
}
