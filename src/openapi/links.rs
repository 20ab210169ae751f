//! Where to go on from an answer that shows one resource: to the operations on it, with its id and its tag.

use serde_json::{Map, Value, json};

/// Adds the links of every operation that creates or reads one resource.
pub(super) fn add(document: &mut Value) {
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let Some(changed) = document["paths"].as_object_mut() else { return };
    for (path, item) in changed {
        let collection = path.strip_suffix("/{id}").unwrap_or(path).to_owned();
        let shown = if *path == collection { ("post", "201") } else { ("get", "200") };
        let links = links(&paths, &collection, item[shown.0]["operationId"].as_str().unwrap_or_default());
        if let Some(response) = item.get_mut(shown.0).and_then(|operation| operation["responses"].get_mut(shown.1))
            && !links.is_empty()
        {
            response["links"] = Value::Object(links);
        }
    }
}

/// The links to the operations on `/collection/{id}`, but for the one that the answer comes from.
fn links(paths: &Map<String, Value>, collection: &str, from: &str) -> Map<String, Value> {
    let one = format!("{collection}/{{id}}");
    // What lies below by an id of its own is not reached by this answer.
    let is_on_it = |rest: &str| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('{');
    let on_it = paths.iter().filter(|(path, _)| path.strip_prefix(&one).is_some_and(is_on_it));
    let mut links = Map::new();
    for operation in on_it.flat_map(|(_, item)| item.as_object().into_iter().flat_map(Map::values)) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        if id == from {
            continue;
        }
        let mut parameters = json!({"id": "$response.body#/id"});
        if operation["parameters"].as_array().is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "If-Match")) {
            parameters["If-Match"] = json!("$response.header.ETag");
        }
        links.insert(id.to_owned(), json!({"operationId": id, "description": operation["summary"], "parameters": parameters}));
    }
    links
}
