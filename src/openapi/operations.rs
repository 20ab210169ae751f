//! What an operation has because of who may call it, its parameters and its body.

use serde_json::{Map, Value, json};

use super::components::problem_response;
use crate::auth::permission::Row;
use crate::error::ErrorCode;
use crate::routes::Access;

/// Adds to one operation what follows from its access, its parameters and its body.
pub(super) fn complete(operation: &mut Map<String, Value>, access: Access) {
    let names: Vec<String> = operation
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
        .collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    let has_body = operation.contains_key("requestBody");
    let mut statuses = vec![405, 500];
    if let Access::Permission(row) = access {
        let description = operation.get("description").and_then(Value::as_str).unwrap_or_default();
        let described = format!("{description}\n\nWho may: {}.", row.who());
        operation.insert("description".into(), json!(described.trim()));
        operation.insert("security".into(), security(&row));
        operation.insert("x-who-may".into(), who_may(&row));
        statuses.extend([400, 401, 403, 406, 429, 503]);
    } else {
        operation.insert("security".into(), json!([]));
    }
    if operation.get("operationId").and_then(Value::as_str) == Some("readyz") {
        statuses.push(503);
    }
    if has("id") {
        statuses.push(404);
    }
    if has("If-Match") {
        statuses.extend([412, 428]);
    }
    if has("Idempotency-Key") {
        statuses.push(409);
    }
    // A write without a body refuses one as it would refuse a strange one.
    if has_body || has("If-Match") || has("Idempotency-Key") {
        statuses.extend([413, 415, 422]);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for status in statuses {
        let shared = json!({"$ref": format!("#/components/responses/Problem{status}")});
        responses.entry(status.to_string()).or_insert(shared);
    }
    for (status, response) in responses.iter_mut() {
        if response.get("$ref").is_some() {
            continue;
        }
        if status.starts_with('2') {
            response["headers"] = success_headers(status, response, has("Idempotency-Key"), has("cursor"));
        } else {
            *response = own_problem(status, response);
        }
    }
}

/// A problem answer that an operation describes in its own words: the codes that it names are the ones it may carry.
fn own_problem(status: &str, response: &Value) -> Value {
    let description = response["description"].as_str().unwrap_or_default();
    let codes: Vec<ErrorCode> = ErrorCode::ALL
        .iter()
        .copied()
        .filter(|code| code.status().to_string() == status && description.contains(&format!("`{}`", code.as_str())))
        .collect();
    problem_response(status.parse().unwrap_or_default(), description, &codes)
}

/// Reports that a standby of the database may count.
const LIVE_REPORTS: [&str; 5] =
    ["/SourceQualityReport", "/MovementReport", "/BlockersReport", "/NextActionsReport", "/WorkflowSignalReport"];

fn success_headers(status: &str, response: &Value, keyed: bool, is_list: bool) -> Value {
    let mut headers = json!({
        "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
        "RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
    });
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
    // What is recorded and cannot be read again has no version and no place, and neither has what is gone, counted or only read.
    let acts = [
        "/AcknowledgementView",
        "/ContactWithdrawalView",
        "/ErasureView",
        "/BulkActionView",
        "/QueueCounts",
        "/LanguageCheckView",
        "/PreflightView",
        "/GuardCheckView",
        "/SealedDetailsView",
        "/WebhookTestView",
    ];
    let is_live_report = LIVE_REPORTS.iter().any(|report| schema.ends_with(report));
    let is_act = is_live_report || acts.iter().any(|act| schema.ends_with(act));
    if is_live_report {
        headers["X-Data-Lag-Seconds"] = json!({"$ref": "#/components/headers/DataLag"});
    }
    if is_list {
        headers["Link"] = json!({"$ref": "#/components/headers/Link"});
    } else if !is_act && status != "204" && !schema.ends_with("/Health") {
        headers["ETag"] = json!({"$ref": "#/components/headers/ETag"});
    }
    if status == "201" && !is_act {
        headers["Location"] = json!({"$ref": "#/components/headers/Location"});
    }
    if keyed {
        headers["Idempotency-Replayed"] = json!({"$ref": "#/components/headers/IdempotencyReplayed"});
    }
    headers
}

/// Shows the columns of an operation's table: its header line is the example.
pub(super) fn show_columns(operation: &mut Map<String, Value>, header: &[String]) {
    operation["responses"]["200"]["content"]["text/csv"]["example"] = json!(format!("{}\r\n", header.join(",")));
}

/// Which kinds of credentials may do. A list in a requirement would mean "all of these", so who exactly stands in `x-who-may`.
fn security(row: &Row) -> Value {
    let mut ways = Vec::new();
    if !row.roles.is_empty() {
        ways.push(json!({"staff_token": []}));
    }
    if row.scope.is_some() || row.partner {
        ways.push(json!({"api_key": []}));
    }
    Value::Array(ways)
}

fn who_may(row: &Row) -> Value {
    json!({
        "member_roles": row.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "site_key_scope": row.scope.map(|scope| scope.as_str()),
        "partner_keys": row.partner,
    })
}
