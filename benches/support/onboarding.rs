//! How the bench's partners get live: as every partner does, over HTTP, with a receiver of alerts that stands in for the site's people.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::place::Place;
use super::seed::{Caller, STUDY, id};

/// Takes every message, and says so.
pub fn receive_alerts() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut buffer = [0_u8; 16 * 1024];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

/// The people who take part.
pub struct People<'a> {
    pub admin: &'a mut Caller,
    pub coordinator: &'a mut Caller,
    pub members: [String; 2],
}

/// Alerts reach the site's people, and the study has approved language; its id.
pub fn prepare(people: &mut People<'_>, alerts: SocketAddr) -> String {
    people.admin.send("PUT", "/v1/alert-webhook", &json!({"url": format!("http://{alerts}/alerts")}));
    for member in &people.members {
        people.admin.send("PATCH", &format!("/v1/members/{member}"), &json!({"alert_channels": ["webhook"]}));
    }
    let today = chrono::Utc::now().date_naive();
    let version = people.coordinator.post(
        "/v1/language-versions",
        &json!({
            "study": STUDY, "locale": "en-US", "audience": "general_public", "public_name": "Heart Rhythm Study",
            "short_description": "A study of two approaches to heart rhythm care.",
            "who_may_contact": "Adults who want to know more may contact the site themselves.",
            "what_site_reviews": "The study team talks with each person about whether the study fits.",
            "what_not_to_promise": "Do not promise a place, a treatment, a result or a payment.",
            "where_to_go": "Give the person the code and the intake address.",
            "who_handles_questions": "The study team answers all questions about taking part.",
            "approval_reference": "IRB-1", "effective_on": today - chrono::Days::new(2), "expires_on": today + chrono::Days::new(300),
        }),
    );
    let version = id(&version).to_owned();
    people.coordinator.post(&format!("/v1/language-versions/{version}/submit"), &Value::Null);
    people.admin.post(&format!("/v1/language-versions/{version}/approve"), &Value::Null);
    version
}

/// A partner with its route, on its way.
pub struct Begun {
    pub code: String,
    pub partner: String,
    pub route: String,
}

/// Each partner acknowledges, is tested and launched.
pub fn finish(place: &Place, people: &mut People<'_>, version: &str, begun: &[Begun], caller: impl Fn(String) -> Caller) {
    let mut runs = Vec::new();
    for Begun { code, partner, route } in begun {
        let key = |mode: &[&str]| {
            let name = format!("--name={code} {}", mode.join(""));
            let options = ["key", "create", &name, "--partner", code];
            place.run(&options.iter().chain(mode).copied().collect::<Vec<_>>()).trim().to_owned()
        };
        let (mut live, mut test) = (caller(key(&[])), caller(key(&["--test"])));
        live.post("/v1/language/acknowledgements", &json!({"version_id": version}));
        people.admin.post(&format!("/v1/partners/{partner}/transitions"), &json!({"to": "test_pending"}));
        let run = people.coordinator.post(&format!("/v1/routes/{route}/test-referrals"), &json!({}));
        let run = format!("/v1/test-runs/{}", id(&run));
        people.coordinator.post(&format!("{run}/confirm"), &Value::Null);
        let referral = json!({
            "study": STUDY, "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake",
            "source_tag": format!("{code}.heart"), "match": {"email": format!("try@{code}.example")},
        });
        for _ in 0..2 {
            test.post("/v1/referrals", &referral);
        }
        runs.push(run);
    }
    let begun_at = Instant::now();
    while !runs.iter().all(|run| people.admin.get(run)["status"] == "passed") {
        assert!(begun_at.elapsed() < Duration::from_secs(60), "a test run does not pass: {}", people.admin.get(&runs[0]));
        let mut page = "/v1/alerts?limit=200".to_owned();
        loop {
            let alerts = people.coordinator.get(&page);
            for alert in alerts["data"].as_array().expect("a page").iter().filter(|alert| alert["confirmed_at"].is_null()) {
                people.coordinator.post(&format!("/v1/alerts/{}/confirm", id(alert)), &Value::Null);
            }
            let Some(cursor) = alerts["next_cursor"].as_str() else { break };
            page = format!("/v1/alerts?limit=200&cursor={cursor}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    for Begun { partner, route, .. } in begun {
        people.admin.post(&format!("/v1/routes/{route}/launch"), &Value::Null);
        people.admin.post(&format!("/v1/partners/{partner}/transitions"), &json!({"to": "active"}));
    }
}
