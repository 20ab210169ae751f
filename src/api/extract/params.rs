//! Header parameters as the document describes them; the extractors of `headers` read them.

use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// Documents `Idempotency-Key` where it is required.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKeyHeader {
    /// A new key per intent, the same key per retry: a retry answers what the first request answered, for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        min_length = 8,
        max_length = 128,
        pattern = "^[A-Za-z0-9._:-]{8,128}$",
        example = "portal-7f3a2b10"
    )]
    #[allow(dead_code, reason = "documentation only: the extractor reads the header itself")]
    idempotency_key: String,
}

/// Documents `Idempotency-Key` where it is accepted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct OptionalIdempotencyKeyHeader {
    /// A new key per intent, the same key per retry: a retry answers what the first request answered, for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        nullable = false,
        min_length = 8,
        max_length = 128,
        pattern = "^[A-Za-z0-9._:-]{8,128}$",
        example = "portal-7f3a2b10"
    )]
    #[allow(dead_code, reason = "documentation only: the extractor reads the header itself")]
    idempotency_key: Option<String>,
}

/// Documents `If-Match`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatchHeader {
    /// The `ETag` of the version that you read: the change is refused (412) when somebody was faster. `*` takes any version.
    #[param(
        rename = "If-Match",
        min_length = 1,
        max_length = 200,
        pattern = r#"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"#,
        example = "\"1\""
    )]
    #[allow(dead_code, reason = "documentation only: the extractor reads the header itself")]
    if_match: String,
}

/// For a merge patch (RFC 7396): absent leaves a field, `null` clears it, a value sets it.
///
/// # Errors
/// When the value is not one of its type.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
