//! A site as an operator and an admin set one up: by the command line and over HTTP, so that nothing here knows how it is kept.

use serde_json::{Value, json};

use super::http::{Connection, write_request};
use super::onboarding::{self, Begun, People};
use super::place::Place;
use super::server::Server;

/// The study of every route.
pub const STUDY: &str = "heart-2026";

const INSTRUCTION: &str = "Give the person the code and the intake address. The study team answers all questions.";

/// The keys that the load uses.
pub struct Site {
    /// The first partner's.
    pub partner_key: String,
    /// A system's of the site, for reading.
    pub site_key: String,
    /// The coordinator's member id.
    pub coordinator: String,
}

/// A site with an admin, a coordinator, one study and so many active partners with launched routes; keys of the first partner
/// and of the site.
pub fn site(place: &Place, server: &Server, partners: usize) -> Site {
    let created = place.run(&[
        "site",
        "create",
        "--name=Riverside",
        "--time-zone=America/New_York",
        "--phone-region=US",
        "--intake-url=https://intake.riverside.example/start",
        "--admin-name=Robin Admin",
        "--admin-email=robin@riverside.example",
    ]);
    let admin = word_after(&created, "admin");
    let added = place.run(&["member", "create", "--name=Dana", "--email=dana@riverside.example", "--role=coordinator"]);
    let coordinator = word_after(&added, "member");
    let caller = |credentials: String| Caller { connection: Connection::open(server.address).unwrap(), credentials };
    let signed_in = |member: &str| caller(place.run(&["token", "create", "--member", member, "--ttl=1h"]).trim().to_owned());
    let (mut http, mut coordinating) = (signed_in(&admin), signed_in(&coordinator));
    http.post(
        "/v1/studies",
        &json!({
            "code": STUDY, "public_name": "Heart Rhythm Study", "protocol_code": "HRT-2026-01",
            "short_description": "A study of two approaches to heart rhythm care.",
        }),
    );
    let mut begun = Vec::with_capacity(partners);
    for number in 1..=partners {
        let code = partner_code(number);
        let partner = http.post(
            "/v1/partners",
            &json!({
                "code": code, "name": code, "partner_type": "specialty_clinic", "jurisdiction": "US-NY",
                "remuneration_basis": "none",
            }),
        );
        http.post(&format!("/v1/partners/{}/transitions", id(&partner)), &json!({"to": "language_pending"}));
        let route = http.post(
            "/v1/routes",
            &json!({
                "partner": code, "study": STUDY, "source_tag": format!("{code}.heart"), "channels": [
                    {"channel": "secure_form", "instruction": INSTRUCTION}, {"channel": "self_referral", "instruction": INSTRUCTION},
                ],
                "owner_id": coordinator, "backup_owner_id": admin, "duplicate_policy": "review_all",
            }),
        );
        begun.push(Begun { code, partner: id(&partner).to_owned(), route: id(&route).to_owned() });
    }
    let mut people = People { admin: &mut http, coordinator: &mut coordinating, members: [admin, coordinator.clone()] };
    let version = onboarding::prepare(&mut people, onboarding::receive_alerts());
    onboarding::finish(place, &mut people, &version, &begun, caller);
    let partner_key = place.run(&["key", "create", "--name=portal", "--partner", &partner_code(1)]);
    let site_key = place.run(&["key", "create", "--name=crm", "--scope=referrals:read", "--scope=events:read"]);
    Site { partner_key: partner_key.trim().to_owned(), site_key: site_key.trim().to_owned(), coordinator }
}

/// Writes the request for a referral that no other number gives: key, reference and contact details are its own.
pub fn write_referral(request: &mut Vec<u8>, key: &str, number: u64) {
    // An exchange begins with 2 to 9; after eight million, telephone numbers come again, as they do in life.
    let (exchange, line) = (200 + number / 10_000 % 800, number % 10_000);
    let body = format!(
        r#"{{"study": "{STUDY}", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake", "partner_reference": "LC-{number:016}", "match": {{"email": "person-{number}@mail.example", "phone": "+1 415 {exchange:03} {line:04}"}}}}"#
    );
    let idempotency_key = format!("bench-{number:016}");
    write_request(request, "POST", "/v1/referrals", key, &[("Idempotency-Key", &idempotency_key)], &body);
}

fn partner_code(number: usize) -> String {
    format!("partner-{number:02}")
}

pub fn id(answer: &Value) -> &str {
    answer["id"].as_str().expect("what was made has an id")
}

fn word_after(text: &str, label: &str) -> String {
    let mut words = text.split_whitespace().skip_while(|word| *word != label);
    words.nth(1).unwrap_or_else(|| panic!("no {label} in: {text}")).to_owned()
}

/// Somebody who calls, over a connection of its own.
pub struct Caller {
    connection: Connection,
    credentials: String,
}

impl Caller {
    /// A request on whatever version there is; `Null`: without a body.
    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (mut request, text) = (Vec::new(), if body.is_null() { String::new() } else { body.to_string() });
        let key = format!("seed-{}", uuid::Uuid::now_v7());
        let headers = [("If-Match", "*"), ("Idempotency-Key", key.as_str())];
        let headers = if method == "GET" { &[][..] } else { &headers[..] };
        write_request(&mut request, method, path, &self.credentials, headers, &text);
        let answer = self.connection.ask(&request).expect("an answer");
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", String::from_utf8_lossy(answer.body));
        answer.json()
    }

    /// A POST.
    pub fn post(&mut self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    /// A GET.
    pub fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, &Value::Null)
    }
}
