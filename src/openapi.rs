//! The document: what is common to all operations, and the stable writer.
//!
//! Operations and schemas come from the code (`routes::describe`). One pass over the JSON adds what the generator cannot
//! say: `schemas` completes the component schemas, `operations` adds what follows from access, parameters and body
//! (security, problem answers, headers), `links` leads from a resource to the operations on it, `webhooks` says what the server sends
//! by itself, `components` holds what they share.

#![allow(
    clippy::indexing_slicing,
    reason = "JSON by member name: reading an absent member gives null; what is written to, the generator has made, and the server makes the document before it serves"
)]

mod components;
mod links;
mod operations;
mod schemas;
mod webhooks;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_actix_web::AppExt as _;

use crate::api::current_language::LanguageMoment;
use crate::api::events::FeedStart;
use crate::api::reports::drawing::PictureOf;
use crate::api::reports::{LateLogged, tables};
use crate::domain::text::ColumnNames;
use crate::error::Problem;
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Handoff",
        version = "1.0.0",
        description = "Referrals for clinical-trial research sites: approved language, tested routes, minimum-necessary fields, an owner for every next action, and never a medical narrative where it does not belong.\n\nEvery refusal and failure is `application/problem+json` (RFC 9457) with a stable `code`; the codes of each status stand at its response. Times are RFC 3339 in UTC. Lists are keyset pages: send `next_cursor` back as `cursor`. A retry with the same `Idempotency-Key` is not a duplicate. Resources carry an `ETag`; changes need it in `If-Match`.\n\nEvery answer carries `X-Request-Id` (yours, when you send one of 1 to 64 of `A-Z a-z 0-9 . _ -`), `X-Content-Type-Options: nosniff` and, but for public documents, `Cache-Control: no-store`. `HEAD` answers what `GET` answers, without the body.\n\nText is one line of visible characters in Unicode normalisation form C: control, invisible, direction and private-use characters are refused. Whole numbers are written without decimal point and exponent; years are 1900 to 9999. Of the faults of a body the first hundred are told. `x-who-may` names who may call an operation: member roles, the scope of a site key, partner keys.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Handoff"),
    ),
    servers((
        url = "/",
        description = "The server that gave this document, whichever it is: production, staging or local.",
    )),
    tags(
        (name = "referrals", description = "One person's operational record, without the person."),
        (name = "queue", description = "Whose turn it is: next actions by when they are due, and how many there are."),
        (name = "reports", description = "Which source works, what moves, what blocks, what is next, and whether the workflow improves."),
        (name = "imports", description = "Files of referrals that the site brings in, and what became of each row."),
        (name = "intake", description = "People who arrive at the site by themselves, and whom that is credited to."),
        (name = "withdrawals", description = "People who do not want to be contacted."),
        (name = "duplicates", description = "Possible same-person pairs, and what somebody of the site decides about them."),
        (name = "routes", description = "Handoff routes: partner × study, with owner and backup owner."),
        (name = "language", description = "What may be said about a study, and what a draft says instead."),
        (name = "feedback", description = "What went wrong with what was sent, in counts."),
        (name = "approved-processes", description = "Recorded exceptions: which coded fields may be sent beyond the minimum, and until when."),
        (name = "studies", description = "What people are referred to."),
        (name = "partners", description = "The organisations that refer."),
        (name = "api-keys", description = "Keys of partners and of the site's systems: shown once, rotated with an overlap, revoked at once."),
        (name = "members", description = "The people of the site: what they may do, who leads, who has left."),
        (name = "alerts", description = "What members are told, over which channel, and whether it arrived."),
        (name = "site", description = "The tenant and its settings."),
        (name = "events", description = "What happens at the site, in one stable order."),
        (name = "webhooks", description = "Where events are posted to the site's systems, and what became of each."),
        (name = "audit", description = "Who did what, when, and why: append-only and chained."),
        (name = "system", description = "Health, for load balancers."),
    ),
    components(schemas(Problem, ColumnNames, FeedStart, LanguageMoment, LateLogged, PictureOf)),
)]
struct Document;

/// The whole document as stable, indented JSON text.
///
/// # Errors
/// When the generated document cannot be written, which a test would have found.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, generated) =
        actix_web::App::new().into_utoipa_app().openapi(Document::openapi()).configure(routes::describe).split_for_parts();
    let mut document = serde_json::to_value(generated)?;
    document["openapi"] = json!("3.1.0");
    document["servers"][0]["x-internal"] = json!(false);
    components::add(&mut document);
    for (id, operation) in operations_mut(&mut document) {
        if let Some((_, access)) = routes::operations().into_iter().find(|(name, _)| *name == id) {
            operations::complete(operation, access);
        }
    }
    for (id, header) in tables() {
        if let Some((_, operation)) = operations_mut(&mut document).into_iter().find(|(name, _)| name == id) {
            operations::show_columns(operation, &header);
        }
    }
    links::add(&mut document);
    webhooks::add(&mut document);
    schemas::complete(&mut document);
    components::drop_unused_responses(&mut document);
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

/// Every operation that has query parameters, as path and method in capitals: what the envelope refuses a query by.
#[must_use]
pub fn operations_with_query(document: &Value) -> Vec<(String, String)> {
    operations_that(document, |operation| {
        operation["parameters"].as_array().is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == "query"))
    })
}

/// Every operation that answers a text form or a picture too, as path, method in capitals and the kind of it: what the envelope takes an `Accept`
/// header by.
#[must_use]
pub fn operations_with_text(document: &Value) -> Vec<(String, String, String)> {
    let of = |kind: &str, found: Vec<(String, String)>| -> Vec<(String, String, String)> {
        found.into_iter().map(|(path, method)| (path, method, kind.to_owned())).collect()
    };
    let csv = operations_that(document, |operation| operation["responses"]["200"]["content"].get("text/csv").is_some());
    let plain = operations_that(document, |operation| operation["responses"]["200"]["content"].get("text/plain").is_some());
    let drawn = operations_that(document, |operation| operation["responses"]["200"]["content"].get("image/svg+xml").is_some());
    of("text/csv", csv).into_iter().chain(of("text/plain", plain)).chain(of("image/svg+xml", drawn)).collect()
}

fn operations_that(document: &Value, holds: fn(&Value) -> bool) -> Vec<(String, String)> {
    let Some(paths) = document["paths"].as_object() else { return Vec::new() };
    paths
        .iter()
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation)))
        .filter(|(_, _, operation)| holds(operation))
        .map(|(path, method, _)| (path.clone(), method.to_uppercase()))
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
