//! The document: it is current, it keeps its rules, and the running server keeps the document.

mod answers;
mod controls;
mod lint;
mod names;
mod page;
mod routed;
mod schema;
mod sweep;
pub mod walk;
pub mod witness;

use std::collections::BTreeSet;

use serde_json::Value;

/// The document as the code makes it.
pub fn document() -> Value {
    serde_json::from_str(&handoff::openapi::document().unwrap()).unwrap()
}

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let generated = handoff::openapi::document().unwrap();
    assert!(committed == generated, "openapi/openapi.json is not what the code makes now. Write it again: cargo run -- openapi");
}

#[test]
fn the_document_breaks_none_of_its_rules() {
    let found = lint::lint(&document());
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    println!("document lint: {} rules, 0 findings", lint::RULES.len());
}

#[test]
fn the_document_and_the_route_table_hold_the_same_operations() {
    let document = document();
    let documented: BTreeSet<&str> = walk::operations(&document).iter().map(|operation| operation.id).collect();
    let table: BTreeSet<&str> = handoff::routes::operations().into_iter().map(|(id, _)| id).collect();
    assert_eq!(documented, table);
    assert_eq!(handoff::routes::operations().len(), table.len(), "an operation stands twice in the route table");
}

#[test]
fn every_request_body_and_query_of_the_document_is_a_compiled_contract_and_none_is_open() {
    let document = document();
    // Of a file each row is a body of its own.
    let mut documented = BTreeSet::from(["ImportReferral".to_owned()]);
    for operation in walk::operations(&document) {
        if let Some(target) = operation.value["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
            documented.insert(target.trim_start_matches("#/components/schemas/").to_owned());
        }
        if operation.parameters("query").next().is_some() {
            documented.insert(pascal(operation.id));
        }
    }
    let contracts = handoff::api::contracts();
    let compiled: BTreeSet<String> =
        contracts.iter().map(|(name, _)| name.rsplit("::").next().unwrap().trim().to_owned()).collect();
    assert_eq!(documented, compiled);
    let open: Vec<_> = contracts.iter().filter_map(|(name, error)| error.map(|error| format!("{name}: {error:?}"))).collect();
    assert!(open.is_empty(), "{open:?}");
}

/// A query struct is named after its operation: `list_referrals` takes `ListReferrals`.
fn pascal(id: &str) -> String {
    id.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
