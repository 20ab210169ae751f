//! Bad input gets a clear error and changes nothing (QUALITY.md S3).

mod bodies;
mod callers;
mod hazards;
mod requests;
mod transport;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::SimpleConnection as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, fresh_key, send};
use crate::support::things::Things;
use crate::support::{App, make};

/// Part of every hostile text, so that an echo of it is found.
const MARK: &str = "zqx7";
/// Part of every hostile number.
const NUMBER_MARK: &str = "42424242";

/// An operation with a body, and a body that passes the contract and then changes nothing: it collides, is stale or names a
/// channel that the route does not list, or a study that the site does not have.
#[derive(Clone)]
pub struct BodyRoute {
    pub name: String,
    pub method: Method,
    pub path: String,
    pub caller: Person,
    pub harmless: Value,
    /// Field pointer → schema, nullable or not.
    pub fields: BTreeMap<String, Value>,
}

impl BodyRoute {
    pub fn request(&self) -> RequestBuilder {
        let request = self.caller.request(self.method.clone(), &self.path).header("Idempotency-Key", fresh_key());
        request.header("If-Match", "\"999999\"").header("Content-Type", "application/json")
    }

    pub async fn send(&self, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request().body(body)).await
    }
}

/// Every operation of the document that takes a body.
pub async fn body_routes(app: &App) -> Vec<BodyRoute> {
    let document = app.stranger().get("/openapi.json").await.expect(200).body;
    let things = Things::make(app).await;
    // As many endpoints as there may be: another one is refused, whatever its body says.
    app.db
        .superuser()
        .batch_execute(
            "INSERT INTO webhook_endpoints SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
               FROM webhook_endpoints e, generate_series(1, 19)",
        )
        .unwrap();
    let (revoked, ended) = (revoked_key(app).await, ended_partner(app).await);
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(reference) = content["$ref"].as_str() else {
                assert!(content.is_null(), "{method} {path}: a body is a named schema");
                continue;
            };
            let schema = document.pointer(&reference[1..]).unwrap();
            let caller = match path.as_str() {
                "/v1/referrals" | "/v1/referrals/{id}/complete" | "/v1/language/acknowledgements" => app.partner(),
                path if path.starts_with("/v1/referrals/") => app.coordinator(),
                _ => app.admin(),
            };
            let path = match path.as_str() {
                path if path.starts_with("/v1/api-keys/") => path.replace("{id}", &revoked),
                // What stands against nothing is sent to nobody.
                "/v1/partners/{id}/reviews" | "/v1/routes/{id}/test-referrals" => Things::unknown(path),
                path => things.fill(path),
            };
            let mut harmless = schema["examples"][0].clone();
            let collision = match operation["operationId"].as_str().unwrap() {
                // Twice in the way, so that a test may replace either.
                "create_member" => json!({"email": "robin@riverside.example", "studies": ["nothing-here"]}),
                "create_study" => json!({"code": make::STUDY}),
                "create_partner" => json!({"code": "lakeside"}),
                // No key is issued to a partner that has ended, whatever else the body says.
                "create_api_key" => json!({"partner": ended, "scopes": null}),
                "create_route" => make::route(&app.site, "lakeside"),
                "update_route" => json!({"owner_id": null, "backup_owner_id": null}),
                "check_language" => json!({"study": "nowhere-study"}),
                // It changes nothing and takes every text, so that its form alone can be refused.
                "check_guard" => continue,
                "preflight_route" => json!({"study": "nowhere-study", "partner": "nobody-here"}),
                // Twice, so that it is refused whichever of its fields a test replaces.
                "create_away_window" => json!({"starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}),
                "create_language_version" => json!({"study": "nothing-here", "locale": "xx"}),
                "create_approved_process" => {
                    json!({"study": "nothing-here", "partner": "nobody-here", "valid_until": "2020-01-01"})
                }
                // No hazard is a whole telephone number.
                "create_erasure" => json!({"match": {"phone": "555"}}),
                "create_contact_withdrawal" => {
                    // Twice, so that it is refused whichever of its fields a test replaces.
                    json!({"match": {"phone": "555"}, "received_at": "2099-01-01T00:00:00Z"})
                }
                // Twice, so that it is refused whichever of its fields a test replaces.
                "create_intake" => json!({"study": "nothing-here", "received_at": "2099-01-01T00:00:00Z"}),
                "create_referral" => make::referral_with(json!({"channel": "coordinator_queue"})),
                _ => json!({}),
            };
            for (name, value) in collision.as_object().unwrap() {
                if value.is_null() {
                    drop(harmless.as_object_mut().unwrap().remove(name))
                } else {
                    harmless[name] = value.clone()
                }
            }
            let mut fields = BTreeMap::new();
            collect_fields(&document, schema, "", &mut fields);
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let method = method.to_uppercase().parse().unwrap();
            routes.push(BodyRoute { name, method, path, caller, harmless, fields });
        }
    }
    assert!(routes.len() >= 10, "the document lists the operations");
    routes
}

/// A key that was revoked: it is neither rotated nor revoked again.
async fn revoked_key(app: &App) -> String {
    let body = json!({"name": "Revoked", "scopes": ["events:read"]});
    let key = app.admin().post("/v1/api-keys", &body).await.expect(201).id();
    app.admin().post(&format!("/v1/api-keys/{key}/revoke"), &json!({})).await.expect(200);
    key
}

/// The code of a partner that has ended.
async fn ended_partner(app: &App) -> &'static str {
    let code = "ended-partner";
    let body = json!({
        "code": code, "name": "Ended", "partner_type": "registry", "jurisdiction": "US", "remuneration_basis": "none",
    });
    let made = app.admin().post("/v1/partners", &body).await.expect(201);
    app.admin().post_on(&format!("/v1/partners/{}/transitions", made.id()), "*", &json!({"to": "ended"})).await.expect(200);
    code
}

fn collect_fields(document: &Value, schema: &Value, parent: &str, fields: &mut BTreeMap<String, Value>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut resolved = property.clone();
        if let Some(options) = property["oneOf"].as_array() {
            resolved = options.iter().find(|option| option["$ref"].is_string()).unwrap().clone();
            resolved["nullable"] = json!(true);
        }
        if let Some(reference) = resolved["$ref"].as_str() {
            let nullable = resolved["nullable"].clone();
            resolved = document.pointer(&reference[1..]).unwrap().clone();
            resolved["nullable"] = nullable;
        }
        if let Some(types) = resolved["type"].as_array().cloned() {
            resolved["nullable"] = json!(types.contains(&json!("null")));
            resolved["type"] = types.iter().find(|kind| **kind != "null").unwrap().clone();
        }
        let pointer = format!("{parent}/{name}");
        collect_fields(document, &resolved, &pointer, fields);
        fields.insert(pointer, resolved);
    }
}

/// What was asked and what came back, over all tests of one app.
#[derive(Default)]
pub struct Tally {
    requests: AtomicUsize,
    faults: AtomicUsize,
}

impl Tally {
    fn line(&self, what: &str) -> String {
        let (requests, faults) = (self.requests.load(Ordering::SeqCst), self.faults.load(Ordering::SeqCst));
        format!("bad input: {requests} requests ({what}), {faults} 5xx")
    }

    /// Counts the answer and checks what holds for every refusal: its form, its bounds, and that nothing is echoed.
    fn check(&self, what: &str, answer: &Answer) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if answer.status >= 500 {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        assert_eq!(answer.body["request_id"].as_str(), answer.header("x-request-id"), "{what}");
        assert_eq!(answer.body["status"], answer.status, "{what}");
        assert!(!echoes(answer), "{what}: echoed in {}", answer.text);
        for fault in answer.body["errors"].as_array().into_iter().flatten() {
            let within = |field: &str, most: usize| fault[field].as_str().is_none_or(|text| text.chars().count() <= most);
            assert!(within("message", 1000) && within("pointer", 300), "{what}: outside its own schema: {fault}");
        }
    }
}

/// Whether an answer repeats anything of what was sent.
fn echoes(answer: &Answer) -> bool {
    let headers: String =
        answer.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?"))).collect();
    let all = format!("{headers}{}", answer.text);
    all.contains(MARK) || all.contains(NUMBER_MARK)
}

/// Every row of every table but the counter of refusals, which is there to count.
fn db_rows(app: &App) -> Vec<String> {
    app.db.superuser().batch_execute("DELETE FROM refusals").unwrap();
    let mut rows: Vec<String> = app.db.dump().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

#[actix_web::test]
async fn the_checks_see_an_echo_a_change_and_a_body_that_would_pass() {
    let app = App::start().await;
    let before = db_rows(&app);
    let marked = make::referral_with(json!({"partner_reference": format!("REF-{MARK}")}));
    let echoed = app.partner().post("/v1/referrals", &marked).await.expect(201);
    assert!(echoes(&echoed), "the control: an echo is seen");
    assert_ne!(db_rows(&app), before, "the control: a change is seen");
    for route in body_routes(&app).await {
        let answer = route.send(route.harmless.to_string()).await;
        let code = matches!(answer.code(), "already_exists" | "stale_version" | "state_conflict" | "not_found");
        let faults = answer.faults().join(", ");
        let for_itself = [
            "/channel inconsistent",
            "/studies/0 unknown_reference",
            "/study unknown_reference",
            "/reassign/owner_id unknown_reference",
            "/starts_at out_of_range, /ends_at inconsistent",
            "/referral_ids/0 unknown_reference, /referral_ids/1 unknown_reference",
            "/match/phone bad_format, /received_at out_of_range",
            "/match/phone bad_format",
            "/received_at out_of_range, /study unknown_reference",
            "/locale unknown_value, /study unknown_reference",
            "/valid_until inconsistent, /study unknown_reference, /partner unknown_reference",
            "/version_id unknown_reference",
            "/partner unknown_reference",
        ];
        assert!(code || for_itself.contains(&faults.as_str()), "{}: {}", route.name, answer.text);
    }
}
