//! The rules that the document keeps. Each returns the places that break it.

mod operations;
mod schemas;

use serde_json::Value;

use operations::{
    bodies_have_examples, codes, components_used, described, due, links, operation_ids, operations_complete, paths_kebab,
    problems, references_resolve, version,
};
use schemas::{answers_whole, bounded, examples_valid, names_snake, requests_closed, unions_tagged};

pub type Rule = (&'static str, fn(&Value) -> Vec<String>);

pub const RULES: &[Rule] = &[
    ("the version is 3.1.0", version),
    ("operation ids are unique and begin with a verb", operation_ids),
    ("operations have tag, summary, description and security", operations_complete),
    ("descriptions stand at parameters, bodies and responses", described),
    ("failures are problems with an example for each code", problems),
    ("bodies have examples", bodies_have_examples),
    ("examples are valid", examples_valid),
    ("paths are kebab-case", paths_kebab),
    ("fields and parameters are snake_case", names_snake),
    ("references lead somewhere", references_resolve),
    ("components are used", components_used),
    ("texts, numbers and lists are bounded", bounded),
    ("request objects are closed", requests_closed),
    ("answers hold all their fields", answers_whole),
    ("unions are told apart by a tag", unions_tagged),
    ("statuses and headers are documented where they are due", due),
    ("every code is documented", codes),
    ("links lead to operations and name their parameters", links),
];

/// Every finding of every rule.
pub fn lint(document: &Value) -> Vec<String> {
    RULES.iter().flat_map(|(name, rule)| rule(document).into_iter().map(move |place| format!("{name}: {place}"))).collect()
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
