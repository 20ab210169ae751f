//! What the document names is there, what it does not name is not, and every answer carries the headers of every answer.

use std::collections::BTreeMap;

use reqwest::Method;

use super::walk::operations;
use super::witness::common_headers;
use crate::support::App;
use crate::support::callers::send;
use crate::support::things::Things;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
const PUBLIC: &str = "public, max-age=300";

#[actix_web::test]
async fn every_documented_operation_is_routed_and_every_other_method_is_405_with_allow() {
    let app = App::start().await;
    let things = Things::make(&app).await;
    let document = super::document();
    let mut methods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for operation in operations(&document) {
        methods.entry(operation.path).or_default().push(operation.method);
    }
    let (mut routed, mut refused) = (0, 0);
    for (path, documented) in methods {
        let mut allow: Vec<&str> = documented.iter().map(String::as_str).collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        allow.sort_unstable();
        for method in METHODS {
            let answer = send(app.admin().request(method.parse().unwrap(), &things.fill(path))).await;
            assert_eq!(common_headers(&answer, "no-store"), Vec::<String>::new(), "{method} {path}");
            if documented.iter().any(|known| known == method) {
                assert!(!matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.text);
                routed += 1;
            } else {
                let answer = answer.expect_problem(405, "method_not_allowed");
                assert_eq!(answer.header("allow"), Some(allow.join(", ").as_str()), "{method} {path}");
                refused += 1;
            }
        }
    }
    println!("routing: {routed} documented methods answered, {refused} others refused with Allow");
}

#[actix_web::test]
async fn head_answers_what_get_answers_without_the_body() {
    let app = App::start().await;
    for path in [
        "/healthz",
        "/openapi.json",
        "/docs/",
        "/v1/site",
        "/v1/studies",
        "/v1/studies/unknown",
        "/v1/studies?limit=0",
        "/nowhere",
    ] {
        let admin = app.admin();
        let id = |request: reqwest::RequestBuilder| request.header("X-Request-Id", "head-and-get");
        let get = send(id(admin.request(Method::GET, path))).await;
        let head = send(id(admin.request(Method::HEAD, path))).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        for (name, value) in &get.headers {
            if name != "date" {
                assert_eq!(head.headers.get(name), Some(value), "{path}: {name}");
            }
        }
        assert_eq!(head.header("content-length"), Some(get.text.len().to_string().as_str()), "{path}");
    }
    let path = format!("/v1/routes/{}/launch", app.site.partner.route.0);
    let refused = send(app.admin().request(Method::HEAD, &path)).await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
}

#[actix_web::test]
async fn every_answer_carries_a_request_id_and_says_how_long_it_may_be_kept() {
    let app = App::start().await;
    let cases = [
        ("/healthz", 200, "no-store"),
        ("/readyz", 200, "no-store"),
        ("/openapi.json", 200, PUBLIC),
        ("/docs", 308, PUBLIC),
        ("/docs/", 200, PUBLIC),
        ("/docs/swagger-ui.css", 200, PUBLIC),
        ("/docs/nothing", 404, "no-store"),
        ("/nowhere", 404, "no-store"),
        ("/v1", 404, "no-store"),
        ("/v1/nowhere", 401, "no-store"),
        ("/v1/site", 401, "no-store"),
        ("/v1/../v1/site", 401, "no-store"),
        ("/v1/site/", 401, "no-store"),
        ("/v1/referrals/%00", 401, "no-store"),
        ("//", 404, "no-store"),
    ];
    for (path, status, cache) in cases {
        let answer = app.stranger().get(path).await;
        assert_eq!(common_headers(&answer, cache), Vec::<String>::new(), "{path}");
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
            assert_eq!(answer.body["request_id"].as_str(), answer.header("x-request-id"), "{path}");
        }
    }
    for (path, own) in [("/healthz", "mine.1_2-3"), ("/v1/site", "refused-1")] {
        let answer = send(app.stranger().request(Method::GET, path).header("X-Request-Id", own)).await;
        assert_eq!(answer.header("x-request-id"), Some(own));
    }
    for strange in ["a b", "", &"x".repeat(65), "<script>"] {
        let answer = send(app.stranger().request(Method::GET, "/healthz").header("X-Request-Id", strange)).await;
        assert!(answer.header("x-request-id").is_some_and(|id| id != strange && id.len() == 36), "{strange}");
    }
}
