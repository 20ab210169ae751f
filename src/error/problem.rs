//! The problem body, RFC 9457, and how an [`AppError`] becomes an HTTP answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use super::{AppError, ErrorCode};
use crate::domain::fault::{Fault, GUARD_VERSION};
use crate::domain::ids::{LanguageVersionId, ReferralId, RouteId};

/// What every refusal and failure looks like (RFC 9457). It names places and codes, never values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:handoff:problem:sensitive_field", "title": "Sensitive field refused", "status": 422, "code": "sensitive_field",
    "detail": "The body carries a field that looks like personal or medical information. It was refused whole and nothing of it was kept. Do not send it here: the person gives such details at the site's intake, `intake_url`.",
    "request_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "intake_url": "https://site.example/intake",
    "errors": [{"pointer": "", "index": 4, "code": "sensitive_field", "category": "symptom_or_history", "message": "Remove this field."}]
}))]
pub struct Problem {
    /// Stable URI of the problem type: `urn:handoff:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(max_length = 120, format = "uri", pattern = "^urn:handoff:problem:[a-z0-9_]+$")]
    pub type_uri: String,
    /// Short title, the same for every occurrence of the code.
    #[schema(max_length = 80)]
    pub title: &'static str,
    /// The HTTP status, repeated.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Stable code to switch on. New codes may appear; treat an unknown one by its status.
    #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub code: &'static str,
    /// What happened and what to do, for a person. Do not parse it.
    #[schema(max_length = 1000)]
    pub detail: String,
    /// Finds this request in the server's log; quote it to support.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub request_id: String,
    /// Every fault of the request at once, when it is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<FaultBody>,
    /// What may be done instead, on 409: the states or moves that are open now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = allowed_actions)]
    pub allowed_actions: Option<Vec<String>>,
    /// Your own referral that the request collided with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub referral_id: Option<ReferralId>,
    /// The language version that counts instead, on `version_not_current`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_version_id: Option<LanguageVersionId>,
    /// The work that stands in the way, on `open_work`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub open_work: Option<OpenWork>,
    /// Every check that the route does not pass, on `launch_blocked`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub launch_blockers: Vec<LaunchBlocker>,
    /// The version of the guard that refused it, on `sensitive_field` and `sensitive_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40, pattern = "^[a-z0-9-]+$")]
    pub guard_version: Option<&'static str>,
    /// Where the person gives what does not belong here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500, format = "uri")]
    pub intake_url: Option<String>,
}

/// A check that a route does not pass.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"check": "test_passed", "what_to_do": "Open a test run and complete it."}))]
pub struct LaunchBlocker {
    /// The check, as `launch-check` lists it.
    #[schema(max_length = 40, pattern = "^[a-z][a-z_]*$")]
    pub check: &'static str,
    /// What to do, for a person. Do not parse it.
    #[schema(max_length = 300)]
    pub what_to_do: &'static str,
}

/// What a member is responsible for and somebody else would have to take.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "referrals": ["0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"], "referrals_total": 1,
    "routes": ["0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49"], "routes_total": 1
}))]
pub struct OpenWork {
    /// Open referrals that the member owns, test referrals among them: the first 100, in the order in which they were recorded.
    #[schema(max_items = 100)]
    pub referrals: Vec<ReferralId>,
    /// How many open referrals the member owns.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub referrals_total: i64,
    /// Handoff routes, not retired, that the member is owner or backup owner of: the first 100.
    #[schema(max_items = 100)]
    pub routes: Vec<RouteId>,
    /// How many such routes there are.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub routes_total: i64,
}

impl OpenWork {
    /// The most ids that a list shows.
    pub const LISTED: usize = 100;
}

/// The schema of `allowed_actions`: an attribute bounds the list, and not the words in it.
fn allowed_actions() -> Array {
    let word = ObjectBuilder::new().schema_type(Type::String).max_length(Some(40)).pattern(Some("^[a-z][a-z_]*$"));
    ArrayBuilder::new()
        .items(word)
        .max_items(Some(16))
        .description(Some("What may be done instead, on 409: the states or moves that are open now."))
        .build()
}

/// One place that is at fault.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"pointer": "/study", "code": "missing_field", "message": "This field is required."}))]
pub struct FaultBody {
    /// RFC 6901 pointer to the place, built from contract names only; for an unknown field, to its parent. Absent for a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 300, pattern = "^(/[a-z0-9_]+)*$")]
    pub pointer: Option<String>,
    /// Name of the query parameter; absent for a body and for a parameter that the contract does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub parameter: Option<String>,
    /// For an unknown or repeated field: its position within its parent, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "int32", minimum = 0, maximum = 100_000)]
    pub index: Option<usize>,
    /// Stable code of the fault.
    #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub code: &'static str,
    /// The kind of information, for `sensitive_field` and `sensitive_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub category: Option<&'static str>,
    /// The rule of the guard that refused it, for `sensitive_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 64, pattern = "^[a-z][a-z0-9_]*$")]
    pub rule: Option<&'static str>,
    /// What to do about it; it may list every value that a field takes.
    #[schema(max_length = 1000)]
    pub message: String,
}

impl FaultBody {
    fn of(fault: &Fault, in_query: bool) -> Self {
        let parameter = fault.pointer.strip_prefix('/').map(str::to_owned);
        Self {
            pointer: (!in_query).then(|| fault.pointer.clone()),
            parameter: if in_query { parameter } else { None },
            index: fault.index,
            code: fault.code.as_str(),
            category: fault.category,
            rule: fault.rule,
            message: fault.message.clone().into_owned(),
        }
    }
}

impl AppError {
    /// The body of this error for the request of this id.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> Problem {
        let in_query = self.code == ErrorCode::InvalidParameter;
        Problem {
            type_uri: self.code.type_uri(),
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.as_str(),
            detail: self.detail().to_owned(),
            request_id: request_id.to_owned(),
            errors: self.inner.faults.iter().map(|fault| FaultBody::of(fault, in_query)).collect(),
            allowed_actions: self.inner.allowed_actions.clone(),
            referral_id: self.inner.referral_id,
            current_version_id: self.inner.current_version_id,
            open_work: self.inner.open_work.clone(),
            launch_blockers: self.inner.launch_blockers.clone(),
            guard_version: matches!(self.code, ErrorCode::SensitiveContent | ErrorCode::SensitiveField).then_some(GUARD_VERSION),
            intake_url: self.inner.intake_url.clone(),
        }
    }

    /// The HTTP answer for the request of this id.
    #[must_use]
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        let mut builder = HttpResponseBuilder::new(self.status_code());
        builder.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        match self.code.status() {
            401 => {
                builder.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"handoff\""));
            }
            405 => {
                if let Some(allow) = self.inner.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
                    builder.insert_header((header::ALLOW, allow));
                }
            }
            429 | 503 => {
                builder.insert_header((header::RETRY_AFTER, self.inner.retry_after.unwrap_or(1).to_string()));
            }
            _ if self.code == ErrorCode::IdempotencyInFlight => {
                builder.insert_header((header::RETRY_AFTER, "1"));
            }
            _ => {}
        }
        match serde_json::to_string(&self.problem(request_id)) {
            Ok(body) => builder.body(body),
            Err(_) => builder.finish(),
        }
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The envelope middleware answers again with the request id, which an error does not know.
    fn error_response(&self) -> HttpResponse {
        self.answer("")
    }
}
