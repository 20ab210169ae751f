//! Compares answers of the running server with what the document says of them.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::schema::{closed, faults, validator};
use super::walk::{Operation, follow, members, operations};
use crate::support::callers::{Answer, Person, send};

/// Headers with a meaning: an answer has them only where the document says so.
const MEANINGFUL: &[&str] = &[
    "ETag",
    "Location",
    "Link",
    "Allow",
    "WWW-Authenticate",
    "Retry-After",
    "Idempotency-Replayed",
    "RateLimit",
    "RateLimit-Policy",
];

type Spoil = fn(&mut Answer);

/// Remembers what it has seen, so that a test can say what it has not.
pub struct Witness {
    document: Value,
    validators: BTreeMap<(String, String), Validator>,
    /// Operation and status.
    pub seen: BTreeSet<(String, u16)>,
    pub codes: BTreeSet<String>,
    pub answers: usize,
}

impl Witness {
    pub fn new() -> Self {
        let document = closed(&super::document());
        Self { document, validators: BTreeMap::new(), seen: BTreeSet::new(), codes: BTreeSet::new(), answers: 0 }
    }

    /// Sends a request and checks its answer.
    #[track_caller]
    pub fn call(
        &mut self,
        who: &Person,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> impl Future<Output = Answer> {
        let request = complete(who.request(method.clone(), path));
        let caller = std::panic::Location::caller();
        async move {
            let answer = send(request).await;
            let found = self.compare(method.as_str(), path, &answer);
            assert!(found.is_empty(), "{caller}: {method} {path} {}\n{}\n{}", answer.status, answer.text, found.join("\n"));
            answer
        }
    }

    /// Every difference between an answer and its description.
    pub fn compare(&mut self, method: &str, path: &str, answer: &Answer) -> Vec<String> {
        let document = self.document.clone();
        let Some(operation) = operations(&document).into_iter().find(|one| one.method == method && fits(one.path, path)) else {
            return vec!["no such operation".into()];
        };
        let status = answer.status.to_string();
        self.answers += 1;
        self.seen.insert((operation.id.to_owned(), answer.status));
        self.codes.extend(answer.body["code"].as_str().filter(|_| answer.status >= 400).map(str::to_owned));
        let response = follow(&document, &operation.value["responses"][&status]);
        if response.is_null() {
            return vec![format!("status {status} is not documented for {}", operation.id)];
        }
        let mut found = self.compare_body(&operation, &status, response, answer);
        found.extend(compare_headers(&document, response, answer));
        found
    }

    fn compare_body(&mut self, operation: &Operation<'_>, status: &str, response: &Value, answer: &Answer) -> Vec<String> {
        let mut found = Vec::new();
        if response["content"].is_null() && answer.text.is_empty() {
            return found;
        }
        let kind = answer.header("content-type").unwrap_or("none").split(';').next().unwrap_or_default();
        let media = &response["content"][kind];
        if media.is_null() {
            return vec![format!("content type {kind} is not documented")];
        }
        let validator = self
            .validators
            .entry((format!("{} {kind}", operation.id), status.to_owned()))
            .or_insert_with(|| validator(&self.document, &media["schema"]));
        // What is not JSON is one text.
        let body = if kind.ends_with("json") { answer.body.clone() } else { Value::from(answer.text.as_str()) };
        found.extend(validator.iter_errors(&body).map(|error| format!("{error} at `{}`", error.instance_path())));
        if answer.status >= 400 && !members(&media["examples"]).any(|(code, _)| code == answer.code()) {
            found.push(format!("code {} is not documented for this status", answer.code()));
        }
        found
    }
}

fn compare_headers(document: &Value, response: &Value, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    for (name, header) in members(&response["headers"]) {
        let header = follow(document, header);
        match answer.header(name) {
            None if header["required"] == true => found.push(format!("{name} is missing")),
            None => {}
            Some(text) => {
                let number = (header["schema"]["type"] == "integer").then(|| text.parse().ok()).flatten();
                let value = number.map_or_else(|| Value::from(text), |number: i64| Value::from(number));
                found.extend(faults(document, &header["schema"], &value).into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }
    let undocumented = MEANINGFUL.iter().filter(|name| answer.header(name).is_some() && response["headers"][**name].is_null());
    found.extend(undocumented.map(|name| format!("{name} is not documented")));
    found.extend(common_headers(answer, "no-store"));
    found
}

/// What every answer carries.
pub fn common_headers(answer: &Answer, cache: &str) -> Vec<String> {
    let mut found = Vec::new();
    if answer.header("x-request-id").is_none_or(str::is_empty) {
        found.push("no X-Request-Id".to_owned());
    }
    for (name, expected) in [("x-content-type-options", "nosniff"), ("cache-control", cache)] {
        if answer.header(name) != Some(expected) {
            found.push(format!("{name} is {:?}", answer.header(name)));
        }
    }
    found
}

/// Whether a path is one of a template; a query is not part of it.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('?').next().unwrap_or_default().split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(known, part)| known == part || known.starts_with('{'))
}

#[actix_web::test]
async fn the_witness_sees_each_kind_of_difference() {
    let app = crate::support::App::start().await;
    let path = format!("/v1/studies/{}", app.site.study.0);
    let good = app.admin().get(&path).await.expect(200);
    let mut witness = Witness::new();
    assert_eq!(witness.compare("GET", &path, &good), Vec::<String>::new(), "the control");
    let spoil: [(&str, Spoil); 9] = [
        ("another status", |answer| answer.status = 202),
        ("another type", |answer| drop(answer.headers.insert("content-type", "text/html".parse().unwrap()))),
        ("a field too many", |answer| answer.body["sponsor_notes"] = "x".into()),
        ("a field too few", |answer| drop(answer.body.as_object_mut().unwrap().remove("registry_id"))),
        ("an unknown word", |answer| answer.body["status"] = "archived".into()),
        ("no tag", |answer| drop(answer.headers.remove("etag"))),
        ("a tag of another form", |answer| drop(answer.headers.insert("etag", "1".parse().unwrap()))),
        ("a header too many", |answer| drop(answer.headers.insert("location", "/v1/x".parse().unwrap()))),
        ("a cacheable answer", |answer| drop(answer.headers.insert("cache-control", "public".parse().unwrap()))),
    ];
    for (difference, spoil) in spoil {
        let mut spoilt = good.clone();
        spoil(&mut spoilt);
        assert!(!witness.compare("GET", &path, &spoilt).is_empty(), "not seen: {difference}");
    }
    let problem = app.admin().get("/v1/studies/x").await.expect(404);
    let mut spoilt = problem.clone();
    spoilt.body["code"] = "forbidden".into();
    assert!(!witness.compare("GET", "/v1/studies/x", &spoilt).is_empty(), "not seen: the code of another status");
    assert_eq!(witness.compare("DELETE", &path, &good), ["no such operation"]);
}

#[test]
fn an_answer_is_one_view_and_never_both() {
    let document = closed(&super::document());
    for name in ["ReferralBody", "RouteBody", "PartnerBody"] {
        let schema = &document["components"]["schemas"][name];
        let views: Vec<&Value> = schema["examples"].as_array().unwrap().iter().collect();
        assert_eq!(views.len(), 2);
        for view in &views {
            assert_eq!(faults(&document, schema, view), Vec::<String>::new());
            let mut other = (*view).clone();
            other["view"] = if view["view"] == "site" { "partner" } else { "site" }.into();
            assert!(!faults(&document, schema, &other).is_empty(), "{name}: a view under the other's name");
            other.as_object_mut().unwrap().remove("view");
            assert!(!faults(&document, schema, &other).is_empty(), "{name}: a view without its name");
        }
    }
}
