//! The document: what is common to all operations, and the stable writer.
//!
//! Operations and schemas come from the code (`routes::configure`). One pass over the JSON adds what every operation
//! shares: security from the permission table, problem answers, headers.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_actix_web::AppExt as _;

use crate::error::{ErrorCode, Problem};
use crate::routes::{self, Access};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Handoff",
        version = "1.0.0",
        description = "Referrals for clinical-trial research sites: approved language, tested routes, minimum-necessary fields, an owner for every next action, and never a medical narrative where it does not belong.\n\nEvery refusal and failure is `application/problem+json` (RFC 9457) with a stable `code`; the codes of each status stand at its response. Times are RFC 3339 in UTC. Lists are keyset pages: send `next_cursor` back as `cursor`. A retry with the same `Idempotency-Key` is not a duplicate. Resources carry an `ETag`; changes need it in `If-Match`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Handoff", url = "https://handoff.example/"),
    ),
    servers((url = "/", description = "This server.")),
    tags(
        (name = "referrals", description = "One person's operational record, without the person."),
        (name = "routes", description = "Handoff routes: partner × study, with owner and backup owner."),
        (name = "studies", description = "What people are referred to."),
        (name = "partners", description = "The organisations that refer."),
        (name = "site", description = "The tenant and its settings."),
        (name = "system", description = "Health, for load balancers."),
    ),
    components(schemas(Problem)),
)]
struct Document;

/// The whole document as stable, indented JSON text.
///
/// # Errors
/// When the generated document cannot be written, which a test would have found.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, generated) =
        actix_web::App::new().into_utoipa_app().openapi(Document::openapi()).configure(routes::configure).split_for_parts();
    let mut document = serde_json::to_value(generated)?;
    document["openapi"] = json!("3.1.0");
    add_components(&mut document);
    for (id, operation) in operations_mut(&mut document) {
        if let Some((_, access)) = routes::operations().into_iter().find(|(name, _)| *name == id) {
            complete(operation, access);
        }
    }
    bound_strings(&mut document);
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

/// Every path of the document with its methods in capitals: what the fallback answers 405 from.
#[must_use]
pub fn methods_by_path(document: &Value) -> Vec<(String, Vec<String>)> {
    let Some(paths) = document["paths"].as_object() else { return Vec::new() };
    paths
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().map(|item| item.keys().map(|method| method.to_uppercase()).collect());
            (path.clone(), methods.unwrap_or_default())
        })
        .collect()
}

fn operations_mut(document: &mut Value) -> Vec<(String, &mut Map<String, Value>)> {
    let Some(paths) = document["paths"].as_object_mut() else { return Vec::new() };
    paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
        .filter_map(Value::as_object_mut)
        .map(|operation| (operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned(), operation))
        .collect()
}

fn add_components(document: &mut Value) {
    let mut responses = Map::new();
    let statuses: std::collections::BTreeSet<u16> = ErrorCode::ALL.iter().map(|code| code.status()).collect();
    for status in statuses {
        let codes: Vec<String> = ErrorCode::ALL
            .iter()
            .filter(|code| code.status() == status)
            .map(|code| format!("`{}`: {}", code.as_str(), code.guidance()))
            .collect();
        let mut response = problem_response(&codes.join("\n\n"));
        if matches!(status, 409 | 503) {
            response["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}});
        }
        responses.insert(format!("Problem{status}"), response);
    }
    document["components"]["responses"] = Value::Object(responses);
    document["components"]["headers"] = json!({
        "ETag": {"description": "Tag of the version in the body, for `If-Match`.", "schema": {"type": "string", "maxLength": 64}},
        "Location": {"description": "Where the created resource is.", "schema": {"type": "string", "maxLength": 200}},
        "RetryAfter": {"description": "Seconds to wait before the same request is sent again.", "schema": {"type": "integer", "minimum": 1, "maximum": 3600}},
        "IdempotencyReplayed": {"description": "`true` when this is the answer that the first request with the key got.", "schema": {"type": "string", "enum": ["true"]}},
        "RequestId": {"description": "Id of the request, yours (`X-Request-Id`) or a fresh one; it finds the request in the log.", "schema": {"type": "string", "maxLength": 64}},
        "Link": {"description": "`rel=\"next\"`: the address of the next page, when there is one.", "schema": {"type": "string", "maxLength": 1000}},
    });
    document["components"]["securitySchemes"] = json!({
        "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "hk_live_… or hk_test_…",
            "description": "An API key of a partner or of a system of the site. Test keys act on test referrals only."},
        "staff_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A token of a member of the site. The role comes from the site's own records, not from the token."},
    });
}

fn problem_response(description: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
    })
}

/// Adds to one operation what follows from its access, its parameters and its body.
fn complete(operation: &mut Map<String, Value>, access: Access) {
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
        statuses.extend([401, 403, 406, 503]);
        if operation.get("parameters").is_some() || has_body {
            statuses.push(400);
        }
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
        statuses.extend([409, 422]);
    }
    if has_body {
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
            let description = response["description"].as_str().unwrap_or_default().to_owned();
            *response = problem_response(&description);
        }
    }
}

fn success_headers(status: &str, response: &Value, keyed: bool, is_list: bool) -> Value {
    let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/RequestId"}});
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
    if is_list {
        headers["Link"] = json!({"$ref": "#/components/headers/Link"});
    } else if !schema.ends_with("/Health") {
        headers["ETag"] = json!({"$ref": "#/components/headers/ETag"});
    }
    if status == "201" {
        headers["Location"] = json!({"$ref": "#/components/headers/Location"});
    }
    if keyed {
        headers["Idempotency-Replayed"] = json!({"$ref": "#/components/headers/IdempotencyReplayed"});
    }
    headers
}

fn security(row: &crate::auth::permission::Row) -> Value {
    let mut ways = Vec::new();
    if !row.roles.is_empty() {
        ways.push(json!({"staff_token": row.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>()}));
    }
    if let Some(scope) = row.scope {
        ways.push(json!({"api_key": [scope.as_str()]}));
    }
    if row.partner {
        ways.push(json!({"api_key": ["partner"]}));
    }
    Value::Array(ways)
}

/// Times and ids have a known length; the generator does not write it.
fn bound_strings(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let format = members.get("format").and_then(Value::as_str);
            let limit = match format {
                Some("date-time") => Some(40),
                Some("uuid") => Some(36),
                _ => None,
            };
            if let (Some(limit), true) = (limit, members.contains_key("type")) {
                members.entry("maxLength").or_insert(json!(limit));
            }
            members.values_mut().for_each(bound_strings);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_strings),
        _ => {}
    }
}
