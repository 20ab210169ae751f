//! Scripts of other origins: those that are listed get through and may read what the contract tells in headers, nobody else's do.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, send};
use crate::support::make;

const OWN: &str = "https://front.site.example";
const OTHER: &str = "https://elsewhere.example";

async fn app() -> App {
    App::start_with(Setup { origins: Some("https://front.site.example,http://localhost:5173"), ..Setup::default() }).await
}

/// What a browser asks before a script's request.
async fn preflight(person: &Person, origin: &str, method: &str, headers: &str) -> Answer {
    let ask = person.request(Method::OPTIONS, "/v1/referrals").header("origin", origin);
    send(ask.header("access-control-request-method", method).header("access-control-request-headers", headers)).await
}

fn listed(answer: &Answer, header: &str) -> BTreeSet<String> {
    answer.header(header).unwrap_or_default().split(',').map(|one| one.trim().to_ascii_lowercase()).collect()
}

/// The names of every header parameter, or of every header of an answer, that the document has.
fn documented(pointer: fn(&Value) -> Vec<String>) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&handoff::openapi::document().unwrap()).unwrap();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    operations.flat_map(pointer).map(|name| name.to_ascii_lowercase()).collect()
}

fn sent(operation: &Value) -> Vec<String> {
    let headers = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "header");
    headers.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

fn read(operation: &Value) -> Vec<String> {
    let answers = operation["responses"].as_object().into_iter().flat_map(|answers| answers.values());
    answers.flat_map(|answer| answer["headers"].as_object().into_iter().flat_map(|headers| headers.keys().cloned())).collect()
}

#[actix_web::test]
async fn a_listed_origin_sends_and_reads_whatever_the_contract_has() {
    let app = app().await;
    let headers = documented(sent);
    assert!(headers.contains("idempotency-key") && headers.contains("if-match"), "{headers:?}");
    let asked = format!("authorization,content-type,{}", headers.iter().cloned().collect::<Vec<_>>().join(","));
    for origin in [OWN, "http://localhost:5173"] {
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
            let told = preflight(&app.stranger(), origin, method, &asked).await.expect(200);
            assert_eq!(told.header("access-control-allow-origin"), Some(origin));
            assert!(listed(&told, "access-control-allow-headers").is_superset(&headers));
            assert_eq!(told.header("access-control-allow-credentials"), None, "no cookie is ever read");
        }
    }
    let request =
        app.partner().request(Method::POST, "/v1/referrals").header("idempotency-key", "cors-0001").header("origin", OWN);
    let made = send(request.json(&make::referral())).await.expect(201);
    assert_eq!(made.header("access-control-allow-origin"), Some(OWN));
    assert!(listed(&made, "vary").contains("origin"), "a cache keeps the answers of two origins apart");
    let told = listed(&made, "access-control-expose-headers");
    assert!(told.is_superset(&documented(read)), "{told:?}");
    // A failure is read like anything else: without these headers a script learns nothing of it.
    let request = app.stranger().request(Method::GET, "/v1/referrals").header("origin", OWN);
    let refused = send(request).await.expect_problem(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), Some(OWN));
}

#[actix_web::test]
async fn nobody_elses_script_is_let_in_and_without_a_list_none_is() {
    let app = app().await;
    for origin in [OTHER, "null", "https://front.site.example.elsewhere.example", "http://front.site.example"] {
        let refused = preflight(&app.stranger(), origin, "POST", "authorization").await.expect_problem(403, "forbidden");
        assert_eq!(refused.header("access-control-allow-origin"), None, "{origin}");
    }
    for (method, headers) in [("TRACE", "authorization"), ("POST", "x-strange")] {
        preflight(&app.stranger(), OWN, method, headers).await.expect_problem(403, "forbidden");
    }
    // Who is no browser may say any origin: it is answered, and a browser would show the answer to nobody.
    let request = app.coordinator().request(Method::GET, "/v1/referrals").header("origin", OTHER);
    let answer = send(request).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);

    let closed = App::start().await;
    let asked = preflight(&closed.stranger(), OWN, "POST", "authorization").await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (401, None));
    let request = closed.coordinator().request(Method::GET, "/v1/referrals").header("origin", OWN);
    let answer = send(request).await.expect(200);
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, None));
}
