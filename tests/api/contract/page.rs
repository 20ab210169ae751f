//! The page at `/docs/` works without a network: it loads what this server embeds, and nothing else.

use std::fs;
use std::path::Path;

use regex::Regex;
use reqwest::Method;
use sha2::{Digest as _, Sha256};

use crate::support::App;
use crate::support::callers::send;

/// What the browser is told to hold the page to. Each word was needed by the page or forbids something.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a page or its configuration would load from elsewhere; words in comments are not loaded.
fn elsewhere(text: &str) -> Vec<String> {
    let address = Regex::new(r#"(?i)(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^"'\s>)]*"#).unwrap();
    let comment = Regex::new(r"(?m)^\s*//.*$|<!--(?s:.*?)-->").unwrap();
    address.find_iter(&comment.replace_all(text, "")).map(|found| found.as_str().to_owned()).collect()
}

/// The files that a page names, as paths below `/docs/`.
fn named(page: &str) -> Vec<String> {
    let loaded = Regex::new(r#"(?:src|href)="([^"]+)""#).unwrap();
    let names = loaded.captures_iter(page).map(|found| found[1].trim_start_matches("./").to_owned());
    names.filter(|name| !name.starts_with('/')).collect()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => panic!("a media type for {name}?"),
    }
}

/// A file of Swagger UI as it is committed.
fn committed(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/swagger-ui").join(name)).unwrap()
}

fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[actix_web::test]
async fn the_documentation_page_loads_what_this_server_embeds_and_nothing_else() {
    let app = App::start().await;
    let reader = app.stranger();
    let answer = reader.get("/docs/").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text;
    assert_eq!(elsewhere(&page), Vec::<String>::new());
    assert!(page.contains("<title>Handoff API</title>"));
    let inline = Regex::new(r"(?i)<style|<script>|\sstyle=|\son[a-z]+=").unwrap();
    assert!(!inline.is_match(&page), "the policy would stop what stands in the page itself");
    let assets = named(&page);
    assert_eq!(assets.len(), 6, "{assets:?}");
    let imported = Regex::new(r"@import|url\(\s*['\x22]?(?:https?:)?//").unwrap();
    for asset in &assets {
        let answer = reader.get(&format!("/docs/{asset}")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(kind(asset)), "{asset}");
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{asset}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{asset}");
        assert!(!asset.ends_with(".css") || !imported.is_match(&answer.text), "{asset} loads something else");
    }
    let start = reader.get("/docs/start.js").await.expect(200).text;
    assert_eq!(elsewhere(&start), Vec::<String>::new());
    for setting in [r#"url: "/openapi.json""#, "validatorUrl: null", "persistAuthorization: false", "queryConfigEnabled: false"] {
        assert!(start.contains(setting), "{setting} is missing in {start}");
    }
    let served = reader.get("/openapi.json").await.expect(200);
    assert_eq!(served.text, handoff::openapi::document().unwrap());

    // The control: the page and the configuration as they come from their makers.
    assert_eq!(elsewhere(r#"url: "https://petstore.swagger.io/v2/swagger.json","#).len(), 1);
    assert_eq!(elsewhere(r#"<script src="//cdn.example.com/x.js">"#).len(), 1);
    assert_eq!(named(r#"<script src="./a.js"></script><a href="/openapi.json">"#), ["a.js"]);
    assert!(inline.is_match("<script>go()</script>") && inline.is_match(r#"<p onclick="go()">"#));
}

#[actix_web::test]
async fn the_page_may_run_own_scripts_only_and_may_not_be_framed() {
    let app = App::start().await;
    let reader = app.stranger();
    for path in ["/docs/", "/docs/index.html"] {
        let answer = reader.get(path).await.expect(200);
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
    // The control: what is no page has no policy, so the header is read from the answer at hand.
    assert_eq!(reader.get("/openapi.json").await.expect(200).header("content-security-policy"), None);
    for path in ["/docs/start", "/docs/../Cargo.toml", "/docs/%2e%2e/Cargo.toml", "/docs/swagger-ui-bundle.js.map", "/docs/x/"] {
        reader.get(path).await.expect_problem(404, "not_found");
    }
    let refused = send(reader.request(Method::POST, "/docs/start.js")).await.expect_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    // The script is large: over a network it is sent compressed.
    let packed = send(reader.request(Method::GET, "/docs/swagger-ui-bundle.js").header("Accept-Encoding", "gzip")).await;
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
}

#[actix_web::test]
async fn swagger_ui_is_served_in_the_version_and_with_the_bytes_that_are_noted() {
    let version = String::from_utf8(committed("VERSION")).unwrap();
    let app = App::start().await;
    let script = app.stranger().get("/docs/swagger-ui-bundle.js").await.expect(200).text;
    assert!(script.contains(&format!("PACKAGE_VERSION:\"{}\"", version.trim())), "not Swagger UI {version}");
    let license = Regex::new(r"see (\S+\.LICENSE\.txt)").unwrap().captures(&script).unwrap()[1].to_owned();
    let answer = app.stranger().get(&format!("/docs/{license}")).await.expect(200);
    assert_eq!((answer.header("content-type"), answer.text.as_bytes()), (Some(kind(&license)), &*committed(&license)));
    let sums = String::from_utf8(committed("SHA256SUMS")).unwrap();
    let noted: Vec<(&str, &str)> = sums.lines().map(|line| line.split_once("  ").unwrap()).collect();
    assert_eq!(noted.len(), 7, "{sums}");
    for (sum, name) in &noted {
        assert_eq!(checksum(&committed(name)), *sum, "{name} is not what its makers gave out: assets/swagger-ui/refresh");
    }
    let of_the_script = noted.iter().find(|(_, name)| *name == "swagger-ui-bundle.js").unwrap().0;
    assert_eq!(checksum(script.as_bytes()), of_the_script);
    // The control: one byte more is seen.
    assert_ne!(checksum(format!("{script} ").as_bytes()), of_the_script);
}
