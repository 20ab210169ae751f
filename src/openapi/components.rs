//! What operations share: problem responses by status, headers, security schemes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::ErrorCode;

const EXAMPLE_ID: &str = "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48";

/// Adds every shared component.
pub(super) fn add(document: &mut Value) {
    let mut responses = Map::new();
    let statuses: BTreeSet<u16> = ErrorCode::ALL.iter().map(|code| code.status()).collect();
    for status in statuses {
        let codes: Vec<ErrorCode> = ErrorCode::ALL.iter().copied().filter(|code| code.status() == status).collect();
        let description: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.guidance())).collect();
        responses.insert(format!("Problem{status}"), problem_response(status, &description.join("\n\n"), &codes));
    }
    document["components"]["responses"] = Value::Object(responses);
    document["components"]["headers"] = headers();
    document["components"]["securitySchemes"] = json!({
        "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "hk_live_… or hk_test_…",
            "description": "An API key of a partner or of a system of the site, exactly as it was shown, without the word `Bearer`. A test key (`hk_test_…`) acts on test referrals only. The sample site's keys are in `demo.txt` beside its data."},
        "staff_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A token of a member of the site: of its identity provider, or of `handoff token create`; here without the word `Bearer`. It is verified as RFC8725 asks: one algorithm per key, and `iss`, `aud`, `sub` and `exp` required. The role comes from the site's own records, not from the token."},
    });
}

/// An operation may describe a status in its own words, and then nothing refers to the shared response.
pub(super) fn drop_unused_responses(document: &mut Value) {
    let used = document["paths"].to_string();
    if let Some(responses) = document["components"]["responses"].as_object_mut() {
        responses.retain(|name, _| used.contains(&format!("#/components/responses/{name}\"")));
    }
}

/// A problem answer of one status, with an example for each code it may carry.
pub(super) fn problem_response(status: u16, description: &str, codes: &[ErrorCode]) -> Value {
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), json!({"summary": code.title(), "value": problem_example(*code)})))
        .collect();
    let mut headers = json!({
        "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
        "RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
    });
    match status {
        401 => headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/WwwAuthenticate"}),
        405 => headers["Allow"] = json!({"$ref": "#/components/headers/Allow"}),
        409 if codes.contains(&ErrorCode::IdempotencyInFlight) => {
            headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfterInFlight"});
        }
        429 | 503 => headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"}),
        _ => {}
    }
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
        "headers": headers,
    })
}

fn problem_example(code: ErrorCode) -> Value {
    let mut problem = json!({
        "type": code.type_uri(), "title": code.title(), "status": code.status(), "code": code.as_str(),
        "detail": code.guidance(), "request_id": EXAMPLE_ID,
    });
    let fault = |pointer: &str, code: &str, message: &str| json!([{"pointer": pointer, "code": code, "message": message}]);
    match code {
        ErrorCode::InvalidParameter => {
            problem["errors"] =
                json!([{"parameter": "limit", "code": "out_of_range", "message": "Send a whole number from 1 to 200."}]);
        }
        ErrorCode::IllegalTransition => problem["allowed_actions"] = json!(["connected", "on_hold", "closed"]),
        ErrorCode::PartnerReferenceUsed => problem["referral_id"] = json!(EXAMPLE_ID),
        ErrorCode::VersionNotCurrent => problem["current_version_id"] = json!(EXAMPLE_ID),
        ErrorCode::LanguageIncomplete => {
            problem["errors"] = fault("/approval_reference", "missing_field", "This is needed before a reviewer decides.");
        }
        ErrorCode::OpenWork => {
            problem["open_work"] =
                json!({"referrals": [EXAMPLE_ID], "referrals_total": 1, "routes": [EXAMPLE_ID], "routes_total": 1});
        }
        ErrorCode::LaunchBlocked => {
            problem["launch_blockers"] = json!([{"check": "test_passed", "what_to_do": "Open a test run and complete it: no passed test belongs to the configuration as it is now."}]);
        }
        ErrorCode::AlreadyExists => {
            problem["errors"] = fault("/code", "inconsistent", "This is taken within the site. Choose another.");
        }
        ErrorCode::InvalidBody => problem["errors"] = fault("/study", "missing_field", "This field is required."),
        ErrorCode::UnknownField => {
            problem["errors"] = json!([{"pointer": "", "index": 2, "code": "unknown_field", "message": "Remove this field."}]);
        }
        ErrorCode::SensitiveField => {
            problem["intake_url"] = json!("https://intake.riverside.example/start");
            problem["errors"] = json!([{"pointer": "", "index": 4, "code": "sensitive_field", "category": "symptom_or_history", "message": "Remove this field."}]);
        }
        _ => {}
    }
    problem
}

fn headers() -> Value {
    let retry = json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 3600, "examples": [1]});
    json!({
        "Allow": {"description": "The methods that the path has.", "required": true,
            "schema": {"type": "string", "maxLength": 64, "pattern": "^[A-Z]+(, [A-Z]+)*$", "examples": ["GET, HEAD, POST"]}},
        "ETag": {"description": "Tag of the version in the body, for `If-Match`.", "required": true,
            "schema": {"type": "string", "maxLength": 64, "pattern": "^\"[0-9a-f]{1,62}\"$", "examples": ["\"1\""]}},
        "IdempotencyReplayed": {"description": "`true` when this is the answer that the first request with the key got; absent otherwise.",
            "schema": {"type": "string", "enum": ["true"]}},
        "DataLag": {"description": "By how many seconds the report lies back: it was counted on a standby of the database. Absent where it is of this moment.",
            "schema": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 86_400, "examples": [0]}},
        "Link": {"description": "`rel=\"next\"`: the address of the next page; absent on the last one.",
            "schema": {"type": "string", "maxLength": 2000, "pattern": "^<[^>]+>; rel=\"next\"$",
                "examples": ["</v1/referrals?limit=50&cursor=AZmqEHwee1KfDj1qWxwvSA>; rel=\"next\""]}},
        "Location": {"description": "Where the created resource is.", "required": true,
            "schema": {"type": "string", "format": "uri-reference", "maxLength": 200, "examples": [format!("/v1/referrals/{EXAMPLE_ID}")]}},
        "RateLimit": {"description": "How many requests (`r`) the caller may send at once now, and in how many seconds (`t`) all of its quota will be there again. Absent where the server sets no limit, and for a caller that is not known.",
            "schema": {"type": "string", "maxLength": 60, "pattern": "^\"key\";r=[0-9]+;t=[0-9]+$", "examples": ["\"key\";r=5990;t=1"]}},
        "RateLimitPolicy": {"description": "The caller's quota: requests (`q`) in so many seconds (`w`). Absent with `RateLimit`.",
            "schema": {"type": "string", "maxLength": 60, "pattern": "^\"key\";q=[0-9]+;w=60$", "examples": ["\"key\";q=6000;w=60"]}},
        "RequestId": {"description": "Id of the request, yours (`X-Request-Id`) or a fresh one; it finds the request in the log.", "required": true,
            "schema": {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": [EXAMPLE_ID]}},
        "RetryAfter": {"description": "Seconds to wait before the same request is sent again.", "required": true, "schema": retry},
        "RetryAfterInFlight": {"description": "Seconds to wait before the same request is sent again; with `idempotency_in_flight` alone.", "schema": retry},
        "WwwAuthenticate": {"description": "The scheme to authenticate with (RFC 6750).", "required": true,
            "schema": {"type": "string", "maxLength": 100, "pattern": "^Bearer ", "examples": ["Bearer realm=\"handoff\""]}},
    })
}
