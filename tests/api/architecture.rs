//! The house rules of ARCHITECTURE.md §1, read from the sources. A finding names file, line and rule.
//!
//! A crude reader on purpose: it knows lines, comments and test modules, and no Rust. What it cannot see, clippy.toml and the
//! compiler see.

use std::path::Path;

/// Who may mention a thing: everybody else may not.
struct Mention {
    needles: &'static [&'static str],
    /// Files, or directories with a slash at the end, below `src/`.
    allowed: &'static [&'static str],
    /// Whether test modules inside the sources are bound too.
    in_tests: bool,
}

const MENTIONS: &[Mention] = &[
    Mention {
        needles: &["diesel::", "diesel_migrations"],
        allowed: &[
            "store/",
            "db/",
            "error/",
            "schema.rs",
            "together.rs",
            "wide_table.rs",
            "domain/ids.rs",
            "domain/text_enum.rs",
            "domain/bounded.rs",
        ],
        in_tests: true,
    },
    Mention {
        // The word alone is a log target too (cli/logging.rs).
        needles: &["actix_web::", "use actix_web"],
        allowed: &[
            "api/",
            "auth/authenticate.rs",
            "auth/caller.rs",
            "server.rs",
            "server/",
            "routes.rs",
            "openapi.rs",
            "error/",
            "cli/serve.rs",
            "state.rs",
            "jobs/",
        ],
        in_tests: true,
    },
    Mention { needles: &["allow(unsafe_code", "unsafe {", "unsafe fn"], allowed: &["db/embedded/process.rs"], in_tests: true },
    Mention { needles: &["env::var"], allowed: &["config.rs"], in_tests: false },
    Mention { needles: &["Utc::now", "SystemTime::now"], allowed: &["clock.rs"], in_tests: false },
    // The id of a request finds its line in the log, which the machine's clock stamps. No kept id takes that clock.
    Mention { needles: &["now_v7"], allowed: &["server/envelope.rs"], in_tests: false },
    // A scope that no caller proved: for jobs and the operator, never for a request.
    Mention {
        needles: &["operator_scope"],
        allowed: &["auth/mod.rs", "auth/scope.rs", "db/tenancy.rs", "jobs/", "cli/"],
        in_tests: false,
    },
    // A scope is made where somebody was recognised. Its crate is another than that of `auth`, so that the compiler cannot see to it.
    Mention { needles: &["SiteScope::of_"], allowed: &["auth/"], in_tests: true },
    // Connections to places that somebody configured: all through one door. `handoff import` is a caller, of a server that its user names.
    Mention { needles: &["reqwest::"], allowed: &["outbound/", "auth/provider/fetch.rs", "cli/import.rs"], in_tests: false },
    Mention { needles: &["lettre::"], allowed: &["outbound/mail.rs"], in_tests: false },
    // Lifts a partner's limit: for the look-up of contact details, and of who is away and who leads the site when a referral gets
    // its owner. No partner sees the result of either.
    Mention {
        needles: &["beyond_partner"],
        allowed: &[
            "db/mod.rs",
            "db/tenancy.rs",
            "ops/contact_details.rs",
            "ops/create_referrals.rs",
            "ops/heir.rs",
            "ops/new_referral.rs",
            "ops/suspend_partners.rs",
        ],
        in_tests: true,
    },
];

/// Which modules a module must not name: `api → ops → store → schema`, `jobs → ops → store`, leaves at the bottom.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "api", "auth", "cli", "clock", "config", "db", "error", "jobs", "openapi", "ops", "outbound", "privacy", "routes",
            "schema", "server", "state", "store",
        ],
    ),
    (
        "clock",
        &[
            "api", "auth", "cli", "config", "db", "error", "jobs", "ops", "outbound", "privacy", "routes", "server", "state",
            "store",
        ],
    ),
    (
        "error",
        &[
            "api", "auth", "cli", "config", "db", "jobs", "ops", "outbound", "privacy", "routes", "schema", "server", "state",
            "store",
        ],
    ),
    (
        "privacy",
        &["api", "auth", "cli", "config", "db", "jobs", "ops", "outbound", "routes", "schema", "server", "state", "store"],
    ),
    (
        "outbound",
        &[
            "api", "auth", "cli", "config", "db", "error", "jobs", "ops", "privacy", "routes", "schema", "server", "state",
            "store",
        ],
    ),
    ("schema", &["api", "auth", "cli", "db", "jobs", "ops", "server", "state", "store"]),
    ("db", &["api", "cli", "config", "jobs", "ops", "outbound", "routes", "schema", "server", "state", "store"]),
    ("store", &["api", "cli", "config", "jobs", "ops", "outbound", "routes", "server", "state"]),
    ("ops", &["api", "cli", "config", "jobs", "outbound", "routes", "schema", "server", "state"]),
    ("auth", &["api", "cli", "config", "jobs", "ops", "outbound", "routes", "schema", "server"]),
    ("jobs", &["api", "cli", "config", "routes", "schema", "server"]),
    ("api", &["cli", "config", "jobs", "routes", "schema", "server"]),
];

const LONGEST_FILE: usize = 400;

/// What is wrong with one file; `path` is below `src/`.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let generated = path == "schema.rs";
    if !generated && !text.starts_with("//! ") {
        findings.push(format!("src/{path}:1: no module doc (`//!`) at the top"));
    }
    let lines = text.lines().count();
    if !generated && lines > LONGEST_FILE {
        findings.push(format!("src/{path}:{lines}: longer than {LONGEST_FILE} lines; split it along its subject"));
    }
    let module = path.split(['/', '.']).next().unwrap_or_default();
    let forbidden = FORBIDDEN.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, forbidden)| forbidden);
    let mut in_tests = path.ends_with("tests.rs") || path.contains("/tests/");
    let mut after_cfg_test = false;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        in_tests |= after_cfg_test && line.starts_with("mod ") && line.contains('{');
        after_cfg_test = line == "#[cfg(test)]";
        let code = code_of(line);
        for mention in MENTIONS.iter().filter(|mention| mention.in_tests || !in_tests) {
            let allowed = mention.allowed.iter().any(|place| match place.strip_suffix('/') {
                Some(directory) => path.starts_with(place) || path == format!("{directory}.rs"),
                None => path == *place,
            });
            if let Some(needle) = mention.needles.iter().find(|needle| !allowed && has_word(code, needle)) {
                findings.push(format!("src/{path}:{number}: mentions `{needle}`; only {} may", mention.allowed.join(", ")));
            }
        }
        if let Some(named) = forbidden.iter().find(|named| !in_tests && has_word(code, &format!("crate::{named}"))) {
            findings.push(format!("src/{path}:{number}: `{module}` uses `{named}`; the dependency rule forbids it"));
        }
        if let Some(row) = struct_name(code).filter(|name| name.ends_with("Row"))
            && attributes_above(text, number).contains("Serialize")
        {
            findings.push(format!("src/{path}:{number}: `{row}` can be serialised; rows never are"));
        }
        if code.contains("Serialize for ") && code.trim_end_matches([' ', '{']).ends_with("Row") {
            findings.push(format!("src/{path}:{number}: a row can be serialised; rows never are"));
        }
    }
    findings
}

/// A line without its comment. A `//` inside a text (an address) hides the rest of that line, which no rule is about.
fn code_of(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Whether the text has the needle, and not as the end of another word (`utoipa_actix_web`) or the beginning of one.
fn has_word(code: &str, needle: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(needle).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(is_word);
        // `env::var` is meant to find `env::var_os` and `env::vars` too; a module's name ends where its word ends.
        let after = needle.starts_with("crate::") && code[at + needle.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}

fn struct_name(code: &str) -> Option<&str> {
    let (before, after) = code.split_once("struct ")?;
    before.trim().chars().all(|character| character.is_alphanumeric() || "()".contains(character)).then_some(())?;
    after.split(|character: char| !character.is_alphanumeric() && character != '_').next()
}

/// The lines between this declaration and the item before it.
fn attributes_above(text: &str, number: usize) -> String {
    let above: Vec<&str> = text.lines().take(number - 1).collect();
    above.iter().rev().take_while(|line| !line.trim().is_empty() && **line != "}").map(|line| code_of(line)).collect()
}

/// Every source file below `src/`, with its text.
fn sources() -> Vec<(String, String)> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    found
}

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let sources = sources();
    assert!(sources.len() > 100, "the walk found {} files only", sources.len());
    for (module, _) in FORBIDDEN {
        let there = sources.iter().any(|(path, _)| path.split(['/', '.']).next() == Some(module));
        assert!(there, "the dependency rule names `{module}`, which is not there");
    }
    for place in MENTIONS.iter().flat_map(|mention| mention.allowed) {
        assert!(sources.iter().any(|(path, _)| path.starts_with(place)), "the rules allow `{place}`, which is not there");
    }
    let findings: Vec<String> = sources.iter().flat_map(|(path, text)| check(path, text)).collect();
    println!("architecture: {} files, {} findings", sources.len(), findings.len());
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// The negative control: each rule sees its fault, and the innocent neighbour of each fault passes.
#[test]
fn the_checker_finds_each_kind_of_fault_and_names_its_line() {
    let only = |path: &str, line: &str| {
        let mut found = check(path, &format!("//! A doc.\n{line}\n"));
        assert!(found.len() <= 1, "{found:?}");
        found.pop().unwrap_or_default()
    };
    for (path, line, says) in [
        ("ops/a.rs", "use diesel::prelude::*;", "src/ops/a.rs:2: mentions `diesel::`"),
        ("domain/fault.rs", "fn a() { diesel::sql_query(\"\") }", "mentions `diesel::`"),
        ("cli/a.rs", "use diesel_migrations::embed_migrations;", "mentions `diesel_migrations`"),
        ("ops/a.rs", "use actix_web::HttpResponse;", "mentions `actix_web::`"),
        ("auth/token.rs", "use actix_web::HttpRequest;", "mentions `actix_web::`"),
        ("db/pool.rs", "#![allow(unsafe_code)]", "mentions `allow(unsafe_code`"),
        ("db/embedded/run.rs", "let a = unsafe { b() };", "mentions `unsafe {`"),
        ("server.rs", "let home = std::env::var(\"HOME\");", "mentions `env::var`"),
        ("server.rs", "let home = std::env::vars_os();", "mentions `env::var`"),
        ("ops/a.rs", "let now = chrono::Utc::now();", "mentions `Utc::now`"),
        ("jobs/a.rs", "let now = SystemTime::now();", "mentions `SystemTime::now`"),
        ("store/a.rs", "let id = uuid::Uuid::now_v7();", "mentions `now_v7`"),
        ("jobs/a.rs", "let client = reqwest::Client::new();", "mentions `reqwest::`"),
        ("ops/a.rs", "use crate::outbound::Http;", "`ops` uses `outbound`"),
        ("api/a.rs", "let scope = operator_scope(site);", "mentions `operator_scope`"),
        ("ops/a.rs", "db::beyond_partner(conn, scope, |conn| all(conn))", "mentions `beyond_partner`"),
        ("domain/a.rs", "use crate::store::partners;", "`domain` uses `store`"),
        ("domain/a.rs", "fn a(_: crate::error::AppError) {}", "`domain` uses `error`"),
        ("ops/a.rs", "use crate::api::idempotency::KEPT_FOR;", "`ops` uses `api`"),
        ("store/a.rs", "use crate::ops::Context;", "`store` uses `ops`"),
        ("store/a.rs", "use crate::api;", "`store` uses `api`"),
        ("jobs/a.rs", "use crate::api::x;", "`jobs` uses `api`"),
        ("error/a.rs", "use crate::auth::Actor;", "`error` uses `auth`"),
        (
            "store/a.rs",
            "#[derive(Debug, Serialize)]\npub struct PartnerRow {",
            "src/store/a.rs:3: `PartnerRow` can be serialised",
        ),
        (
            "store/a.rs",
            "#[derive(\n    Debug, serde::Serialize,\n)]\n#[diesel(table_name = a)]\npub struct PartnerRow {",
            "`PartnerRow` can be",
        ),
        ("api/a.rs", "impl serde::Serialize for PartnerRow {", "a row can be serialised"),
    ] {
        assert!(only(path, line).contains(says), "{path} {line}: {:?}", only(path, line));
    }
    for (path, line) in [
        ("store/a.rs", "use diesel::prelude::*;"),
        ("ops/a.rs", "// diesel:: stays out of here"),
        ("domain/a.rs", "let x = utoipa_actix_web::x;"),
        ("config.rs", "let home = std::env::var(\"HOME\");"),
        ("server.rs", "let one = std::env::consts::OS;"),
        ("ops/a.rs", "use crate::store::partners;"),
        ("domain/a.rs", "use crate::domain::ids;"),
        ("store/a.rs", "#[derive(Debug, Serialize)]\npub struct A {\n}\n\n#[derive(Debug)]\npub struct PartnerRow {"),
        ("ops/a.rs", "#[cfg(test)]\nmod tests { fn now() { chrono::Utc::now() } }"),
    ] {
        assert_eq!(only(path, line), "", "{path} {line}");
    }
    assert!(only("ops/a.rs", "#[cfg(test)]\nmod tests;\nfn now() { chrono::Utc::now() }").contains("src/ops/a.rs:4"));
    assert!(check("ops/a.rs", "use crate::store;\n")[0].contains("src/ops/a.rs:1: no module doc"));
    let long = format!("//! A doc.\n{}", "\n".repeat(LONGEST_FILE));
    assert!(check("ops/a.rs", &long)[0].contains("src/ops/a.rs:401: longer than 400"));
    assert!(check("schema.rs", &long.replace("//! A doc.", "// @generated")).is_empty());
}
