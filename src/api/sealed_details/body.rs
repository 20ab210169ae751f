//! What goes in and out of a read of sealed details.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use validator::Validate;

use crate::api::extract::contract;
use crate::domain::approved_process::{AgeBand, InterpreterLanguage, PreferredContactTime};
use crate::domain::ids::ReferralId;
use crate::domain::sealed_details::{Details, DetailsPurpose};
use crate::ops::read_details::Read;

/// What sealed details are read for.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"purpose": "arrange_interpreter"}))]
pub struct ReadSealedDetails {
    /// Why you read them; it stands in the audit trail.
    pub purpose: DetailsPurpose,
}
contract!(ReadSealedDetails);

/// Sealed details that were read. Each read is an entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "referral_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "purpose": "arrange_interpreter", "read_at": "2026-06-01T09:00:00Z",
    "details": {"preferred_contact_time": "weekday_evening", "interpreter_language": "es", "age_band": null, "sealed_note": null}
}))]
pub struct SealedDetailsView {
    /// Of which referral.
    pub referral_id: ReferralId,
    /// What they were read for.
    pub purpose: DetailsPurpose,
    /// When.
    pub read_at: DateTime<Utc>,
    /// The details.
    pub details: DetailsView,
}

/// Details of a person, in the clear: the only answer that has any.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "preferred_contact_time": "weekday_evening", "interpreter_language": "es", "age_band": null, "sealed_note": null
}))]
pub struct DetailsView {
    /// When the person would rather be called; `null`, as below, when it was not sent.
    pub preferred_contact_time: Option<PreferredContactTime>,
    /// The language that an interpreter would speak.
    pub interpreter_language: Option<InterpreterLanguage>,
    /// How old the person is, in bands.
    pub age_band: Option<AgeBand>,
    /// The partner's note to the study team.
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub sealed_note: Option<SecretString>,
}

// A code tells of a person as much as a note does.
impl std::fmt::Debug for DetailsView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DetailsView(redacted)")
    }
}

impl From<Read> for SealedDetailsView {
    fn from(read: Read) -> Self {
        let Read { referral, purpose, read_at, details } = read;
        Self { referral_id: referral, purpose, read_at, details: details.into() }
    }
}

impl From<Details> for DetailsView {
    fn from(details: Details) -> Self {
        Self {
            preferred_contact_time: details.preferred_contact_time,
            interpreter_language: details.interpreter_language,
            age_band: details.age_band,
            sealed_note: details.sealed_note.map(|note| note.as_str().into()),
        }
    }
}

/// The one place that writes a note out.
fn exposed<S: Serializer>(note: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    note.as_ref().map(|note| note.expose_secret()).serialize(serializer)
}
