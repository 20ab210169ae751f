//! A provider's key server: real HTTP on port 0, which a test can rotate, break, slow down and blow up. It counts its hits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};

use super::keys::Key;

/// What it does when asked.
#[derive(Clone)]
pub enum Behaviour {
    Answer(String),
    Status(u16),
    /// 302 to this address.
    Redirect(String),
    /// Takes this long, then answers.
    Slow(Duration, String),
    /// 10 MB in chunks, of unstated length.
    Endless,
    /// 10 MB of stated length.
    Large,
    /// Closes the connection in the middle of the body.
    Torn,
}

#[derive(Default)]
struct Shared {
    behaviour: Mutex<Option<Behaviour>>,
    hits: AtomicUsize,
    sent: Arc<AtomicUsize>,
}

pub struct KeyServer {
    pub address: SocketAddr,
    shared: Data<Shared>,
    handle: actix_web::dev::ServerHandle,
}

/// The key set of these keys.
pub fn key_set(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<Value>>()}).to_string()
}

impl KeyServer {
    pub fn start(keys: &[&Key]) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), Behaviour::Answer(key_set(keys)))
    }

    /// On this address: a server that comes back.
    pub fn start_on(address: SocketAddr, behaviour: Behaviour) -> Self {
        let shared = Data::new(Shared { behaviour: Mutex::new(Some(behaviour)), ..Shared::default() });
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
        format!("http://{}/keys", self.address)
    }

    pub fn now(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = Some(behaviour);
    }

    /// From now on these keys.
    pub fn rotate(&self, keys: &[&Key]) {
        self.now(Behaviour::Answer(key_set(keys)));
    }

    /// How often it was asked.
    pub fn hits(&self) -> usize {
        self.shared.hits.load(Ordering::SeqCst)
    }

    /// How many bytes of an endless answer were taken from it.
    pub fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Stops listening: connections are refused.
    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

const CHUNK: usize = 64 * 1024;
const TEN_MB: usize = 10 * 1024 * 1024;

/// Ten megabytes of a key set that goes on and on.
struct Flood {
    left: usize,
    sent: Arc<AtomicUsize>,
    stated: bool,
    torn: bool,
}

impl MessageBody for Flood {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        if self.stated { BodySize::Sized(TEN_MB as u64) } else { BodySize::Stream }
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.left == 0 || (self.torn && self.left < TEN_MB) {
            return Poll::Ready(None);
        }
        let first = self.left == TEN_MB;
        self.left = self.left.saturating_sub(CHUNK);
        self.sent.fetch_add(CHUNK, Ordering::SeqCst);
        let mut chunk = vec![b' '; CHUNK];
        if first {
            chunk[..9].copy_from_slice(b"{\"keys\":[");
        }
        Poll::Ready(Some(Ok(chunk.into())))
    }
}

async fn answer(shared: Data<Shared>) -> HttpResponse {
    shared.hits.fetch_add(1, Ordering::SeqCst);
    let behaviour = shared.behaviour.lock().unwrap().clone();
    let flood = |stated, torn| HttpResponse::Ok().body(Flood { left: TEN_MB, sent: shared.sent.clone(), stated, torn });
    let json = |text: String| HttpResponse::Ok().content_type("application/json").body(text);
    match behaviour.unwrap() {
        Behaviour::Answer(text) => json(text),
        Behaviour::Status(status) => HttpResponse::build(status.try_into().unwrap()).body("{\"keys\":[]}"),
        Behaviour::Redirect(to) => HttpResponse::Found().insert_header(("location", to)).finish(),
        Behaviour::Slow(wait, text) => {
            actix_web::rt::time::sleep(wait).await;
            json(text)
        }
        Behaviour::Endless => flood(false, false),
        Behaviour::Large => flood(true, false),
        Behaviour::Torn => flood(true, true),
    }
}
