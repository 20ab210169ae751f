//! Two types of one name: the generator lets the last one win, silently.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

/// The names that sources give to component schemas, with how often each is given.
fn schema_names<'a>(sources: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let derived =
        Regex::new(r"derive\([^)]*\bToSchema\b[^)]*\)\]\s*(?:#\[[^\n]*\n\s*|#\[(?s:.*?)\)\)?\]\s*\n)*pub (?:struct|enum) (\w+)")
            .unwrap();
    let declared =
        Regex::new(r"(?:text_enum|bounded_text|transient_text)! \{\s*(?:///[^\n]*\n\s*)+pub (?:struct|enum) (\w+)").unwrap();
    let mut names = BTreeMap::new();
    for source in sources {
        for found in derived.captures_iter(source).chain(declared.captures_iter(source)) {
            *names.entry(found[1].to_owned()).or_insert(0) += 1;
        }
    }
    names
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        // Tests name their types as they please: no document is made of them.
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn no_two_types_give_their_name_to_one_component() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let names = schema_names(all.iter().map(String::as_str));
    let twice: Vec<_> = names.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");

    // The search sees every component but the ids, which one macro declares side by side.
    let document = super::document();
    let missed: Vec<&str> = super::walk::members(&document["components"]["schemas"])
        .map(|(name, _)| name)
        .filter(|name| !names.contains_key(*name) && !name.ends_with("Id"))
        .collect();
    assert!(missed.is_empty(), "not found in the sources: {missed:?}");

    // The control: a second struct of a known name.
    let planted = "#[derive(Debug, ToSchema)]\npub struct Handoff {}\n";
    let names = schema_names(all.iter().map(String::as_str).chain([planted]));
    assert_eq!(names["Handoff"], 2);
}
