//! Headers with a meaning: `Idempotency-Key` and `If-Match`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, IF_MATCH};
use actix_web::{FromRequest, HttpRequest};

use crate::error::{AppError, ErrorCode};
use crate::ops::Expected;
use crate::privacy::codes;

/// The one value of a header, as text; a repeated header is no value.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    Some(if values.next().is_some() { None } else { first.to_str().ok() })
}

/// `Idempotency-Key` where it is required.
#[derive(Clone)]
pub struct IdempotencyKey(pub String);

/// `Idempotency-Key` where it is accepted.
#[derive(Clone, Debug)]
pub struct OptionalIdempotencyKey(pub Option<IdempotencyKey>);

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(redacted)")
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, AppError> {
    let Some(value) = single(headers, "idempotency-key") else { return Ok(None) };
    let invalid = || AppError::new(ErrorCode::IdempotencyKeyInvalid);
    // The IETF draft writes it as a quoted string; most clients do not.
    let key = value.ok_or_else(invalid)?.trim().trim_matches('"');
    let fits = (8..=128).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'));
    if !fits {
        return Err(invalid());
    }
    if codes::refuse_key(key).is_some() {
        let detail = "The `Idempotency-Key` reads like a message. Send a random one, such as a UUID.";
        return Err(invalid().with_detail(detail));
    }
    Ok(Some(IdempotencyKey(key.to_owned())))
}

impl FromRequest for IdempotencyKey {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            idempotency_key(request.headers())
                .and_then(|key| key.ok_or_else(|| AppError::new(ErrorCode::IdempotencyKeyRequired))),
        )
    }
}

impl FromRequest for OptionalIdempotencyKey {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(idempotency_key(request.headers()).map(Self))
    }
}

/// `If-Match`, required: what the caller read.
#[derive(Debug, Clone)]
pub struct IfMatch(pub Expected);

impl FromRequest for IfMatch {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match single(request.headers(), IF_MATCH.as_str()) {
            None => Err(AppError::new(ErrorCode::IfMatchRequired)),
            // An empty one is no version either: it is a client's mistake, not somebody's faster change.
            Some(Some(value)) if (1..=200).contains(&value.trim().len()) => Ok(Self(expected(value))),
            Some(_) => {
                Err(AppError::new(ErrorCode::InvalidHeader)
                    .with_detail("Send one `If-Match` header with the `ETag` that you read."))
            }
        })
    }
}

/// The strong tags in a list of entity tags; ours hold no comma. A tag that is none (weak, mistyped) matches nothing, which is 412.
fn expected(value: &str) -> Expected {
    if value.trim() == "*" {
        return Expected::Any;
    }
    let is_strong = |tag: &&str| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"');
    Expected::Tags(value.split(',').map(str::trim).filter(is_strong).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_entity_tags_are_compared_and_others_match_nothing() {
        let tags = |tags: &[&str]| Expected::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect());
        assert_eq!(expected("\"3\""), tags(&["\"3\""]));
        assert_eq!(expected(" \"3\" , \"0a4f\""), tags(&["\"3\"", "\"0a4f\""]));
        assert_eq!(expected("*"), Expected::Any);
        for strange in ["W/\"3\"", "3", "\"\"", "\"", "\"3", ""] {
            assert_eq!(expected(strange), tags(&[]), "{strange}");
        }
        assert!(expected("\"3\", \"0a4f\"").check(3).is_ok() && expected("\"3\", \"0a4f\"").check_tag("\"0a4f\"").is_ok());
        assert!(expected("\"03\", \"30\"").check(3).is_err() && expected("*").check(3).is_ok());
    }
}
