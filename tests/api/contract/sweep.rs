//! Every operation against every status that its document names: the request that earns it, and the answer compared.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::walk::{Operation, operations};
use super::witness::Witness;
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Person, fresh_key};
use crate::support::things::Things;

/// Not earned by a request alone: 405 is no answer of a documented method (see `routed`), 409 depends on the state (see
/// `answers`), 503 on the server's, and 500 is a fault of ours.
const ELSEWHERE: &[&str] = &["405", "409", "429", "500", "503"];

/// Who asks, at which path, with what.
type Earning<'a> = (Person, String, Box<dyn FnOnce(RequestBuilder) -> RequestBuilder + 'a>);

/// Everything one operation is asked with.
struct Asked<'a> {
    operation: &'a Operation<'a>,
    path: String,
    example: Option<&'a Value>,
}

impl Asked<'_> {
    fn new<'a>(document: &'a Value, operation: &'a Operation<'a>, path: String) -> Asked<'a> {
        let schema = super::walk::follow(document, &operation.value["requestBody"]["content"]["application/json"]["schema"]);
        Asked { operation, path, example: schema["examples"].get(0) }
    }

    fn method(&self) -> Method {
        self.operation.method.parse().unwrap()
    }

    /// A request that is right in form: the headers it needs, the documented example as its body.
    fn right(&self, request: RequestBuilder) -> RequestBuilder {
        let request = self.headers(request);
        match (self.example, self.takes_a_file()) {
            (Some(example), _) => request.json(example),
            (None, true) => request.header("Content-Type", "text/csv").body("study,channel\n"),
            (None, false) => request,
        }
    }

    fn takes_a_file(&self) -> bool {
        self.operation.value["requestBody"]["content"]["text/csv"].is_object()
    }

    fn headers(&self, mut request: RequestBuilder) -> RequestBuilder {
        if self.operation.has_header("Idempotency-Key") {
            request = request.header("Idempotency-Key", fresh_key());
        }
        if self.operation.has_header("If-Match") {
            request = request.header("If-Match", "\"9999\"");
        }
        request
    }

    /// Who sends what to earn a status; `None` for one that the sweep does not earn.
    fn earn(&self, status: &str, app: &App) -> Option<Earning<'_>> {
        let path = self.path.clone();
        // An admin may everything of the site; what is left is a partner's.
        let for_partners = self.operation.value["x-who-may"]["member_roles"].as_array().is_some_and(Vec::is_empty);
        let who = if for_partners { app.partner() } else { app.admin() };
        Some(match status {
            "200" if self.operation.method == "GET" => (who, path, Box::new(|request| self.right(request))),
            "400" => (
                who,
                format!("{path}{}colour=x", if path.contains('?') { "&" } else { "?" }),
                Box::new(|request| self.right(request)),
            ),
            "401" => (app.stranger(), path, Box::new(|request| self.right(request))),
            // What viewers may, partners may not.
            "403"
                if self.operation.value["x-who-may"]["member_roles"]
                    .as_array()
                    .is_some_and(|roles| roles.contains(&json!("viewer"))) =>
            {
                (app.partner(), path, Box::new(|request| self.right(request)))
            }
            "403" => (app.viewer(), path, Box::new(|request| self.right(request))),
            "404" if self.operation.path.contains('{') => {
                let unknown = Things::unknown(self.operation.path);
                (who, unknown, Box::new(|request| self.right(request)))
            }
            "406" => (who, path, Box::new(|request| self.right(request).header("Accept", "text/html"))),
            "412" => (who, path, Box::new(|request| self.right(request))),
            "413" if self.takes_a_file() => {
                let send = |request| self.headers(request).header("Content-Type", "text/csv").body("x".repeat(200_000));
                (who, path, Box::new(send))
            }
            "422" if self.takes_a_file() => (who, path, Box::new(|request| self.right(request))),
            "413" => {
                let large = format!("{{\"code\": \"{}\"}}", "x".repeat(40_000));
                let send = |request| self.headers(request).header("Content-Type", "application/json").body(large);
                (who, path, Box::new(send))
            }
            "415" => (who, path, Box::new(|request| self.headers(request).header("Content-Type", "text/plain").body("a: 1"))),
            "422" => (who, path, Box::new(|request| self.headers(request).json(&json!({"colour": "x"})))),
            "428" => {
                let send = |request: RequestBuilder| {
                    let request = request.header("Idempotency-Key", fresh_key());
                    if let Some(example) = self.example { request.json(example) } else { request }
                };
                (who, path, Box::new(send))
            }
            _ => return None,
        })
    }
}

#[actix_web::test]
async fn each_documented_status_is_answered_by_the_request_that_earns_it_and_as_documented() {
    let app = App::start_with(Setup { import_bytes: 100_000, ..Setup::default() }).await;
    let things = Things::make(&app).await;
    let document = super::document();
    let mut witness = Witness::new();
    let (mut earned, mut left) = (0, BTreeSet::new());
    for operation in operations(&document) {
        let asked = Asked::new(&document, &operation, things.fill(operation.path));
        for (status, _) in operation.responses(&document) {
            let Some((who, path, complete)) = asked.earn(status, &app) else {
                // Whether there is the one thing of its kind is a state of the site.
                let one_of_its_kind = status == "404" && !operation.path.contains('{');
                if !status.starts_with('2') && !one_of_its_kind {
                    left.insert(status.to_owned());
                }
                continue;
            };
            let answer = witness.call(&who, asked.method(), &path, complete).await;
            assert_eq!(answer.status.to_string(), status, "{}: {}", operation.id, answer.text);
            earned += 1;
        }
    }
    assert_eq!(left, ELSEWHERE.iter().map(|status| (*status).to_owned()).collect());
    println!("document sweep: {earned} pairs of operation and status earned, 0 differences");
}

#[actix_web::test]
async fn without_its_database_the_server_answers_as_documented() {
    use diesel::connection::SimpleConnection as _;
    let setup = Setup { connections: 1, deadline: std::time::Duration::from_secs(2), ..Setup::default() };
    let app = App::start_with(setup).await;
    let mut witness = Witness::new();
    let mut superuser = app.db.superuser();
    superuser
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC, handoff_app', current_database()); END $$;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    for (who, path) in [(app.stranger(), "/readyz"), (app.partner(), "/v1/referrals"), (app.admin(), "/v1/site")] {
        let answer = witness.call(&who, Method::GET, path, |request| request).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
    }
    witness.call(&app.stranger(), Method::GET, "/healthz", |request| request).await.expect(200);
}
