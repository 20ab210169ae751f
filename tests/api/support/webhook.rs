//! A receiver of webhooks: real HTTP on port 0, which a test can make fail, hang, redirect or want nothing any more. It verifies
//! every message with an HMAC of its own.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What it does when something comes.
#[derive(Clone)]
pub enum Behaviour {
    Status(u16),
    /// 302 to this address.
    Redirect(String),
    /// Takes it, and answers after this long.
    Slow(Duration),
    /// Of a hundred it fails at so many, in one way or another, by what comes and how often that came.
    Flaky(usize),
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub timestamp: i64,
    pub signatures: Vec<String>,
    pub text: String,
    pub body: Value,
    /// By this machine's clock.
    pub arrived: chrono::DateTime<chrono::Utc>,
}

impl Message {
    /// Whether one of its signatures is of this secret, as the receiver's own code would find out.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).unwrap();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
        let content = format!("{}.{}.{}", self.id, self.timestamp, self.text);
        self.signatures
            .iter()
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .any(|signature| aws_lc_rs::hmac::verify(&key, content.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok())
    }
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    messages: Mutex<Vec<Message>>,
}

pub struct Receiver {
    pub address: SocketAddr,
    shared: Data<Shared>,
    handle: actix_web::dev::ServerHandle,
}

impl Receiver {
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap())
    }

    pub fn start_on(address: SocketAddr) -> Self {
        let shared = Data::new(Shared { behaviour: Mutex::new(Behaviour::Status(204)), messages: Mutex::default() });
        let data = shared.clone();
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .bind(address)
            .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, shared, handle }
    }

    pub fn url(&self) -> String {
        format!("http://{}/handoff", self.address)
    }

    pub fn now(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    pub fn count(&self) -> usize {
        self.shared.messages.lock().unwrap().len()
    }

    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap_or_default();
    let message = Message {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap_or_default(),
        signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
        arrived: chrono::Utc::now(),
    };
    let place = {
        let mut messages = shared.messages.lock().unwrap();
        messages.push(message);
        messages.len()
    };
    let behaviour = shared.behaviour.lock().unwrap().clone();
    match behaviour {
        Behaviour::Status(status) => HttpResponse::build(status.try_into().unwrap()).finish(),
        Behaviour::Redirect(to) => HttpResponse::Found().insert_header(("location", to)).finish(),
        // Spread over the order of arrival, so that nothing fails for ever.
        Behaviour::Flaky(share) if place * 37 % 100 < share => {
            let status = [500, 503, 302, 404][place % 4];
            HttpResponse::build(status.try_into().unwrap()).finish()
        }
        Behaviour::Flaky(_) => HttpResponse::NoContent().finish(),
        Behaviour::Slow(wait) => {
            actix_web::rt::time::sleep(wait).await;
            HttpResponse::NoContent().finish()
        }
    }
}
