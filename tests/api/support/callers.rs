//! Callers as people: who they are is in their credentials, what they say is plain HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

static NEXT_KEY: AtomicU32 = AtomicU32::new(0);

/// A fresh idempotency key.
pub fn fresh_key() -> String {
    format!("test-key-{:06}", NEXT_KEY.fetch_add(1, Ordering::SeqCst))
}

/// Somebody who calls.
#[derive(Clone)]
pub struct Person {
    client: Client,
    address: SocketAddr,
    credentials: Option<String>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// `Null` when the body is not JSON.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn etag(&self) -> String {
        self.header("etag").expect("an ETag").to_owned()
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.text)).to_owned()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The answer, when its status is this; a readable failure otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A problem of this status and code, in its form.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["type"], format!("urn:handoff:problem:{code}"));
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        self
    }

    /// The faults as `pointer code` (or `parameter code`), with `#index` where there is one.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.body["errors"].as_array().cloned().unwrap_or_default();
        faults
            .iter()
            .map(|fault| {
                let place = fault["pointer"].as_str().or(fault["parameter"].as_str()).unwrap_or("?");
                let index = fault["index"].as_u64().map(|index| format!("#{index}")).unwrap_or_default();
                format!("{place}{index} {}", fault["code"].as_str().unwrap_or_default())
            })
            .collect()
    }
}

impl Person {
    pub fn new(address: SocketAddr, credentials: Option<&str>) -> Self {
        // No certificates: tests speak plain HTTP to this machine, and reading the system's takes longer than a request.
        // And a connection that was idle is not used any more when the server, five seconds after its last answer, may be closing it.
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only([])
            .pool_idle_timeout(Duration::from_secs(3))
            .build()
            .unwrap();
        Self { client, address, credentials: credentials.map(str::to_owned) }
    }

    /// The same caller at another server.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// A request to be completed and sent with [`send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        match &self.credentials {
            Some(credentials) => request.bearer_auth(credentials),
            None => request,
        }
    }

    /// Asks until the answer is that the credentials are not valid: less than five seconds after they were taken back.
    pub async fn until_refused(&self, path: &str, taken_back: std::time::Instant) {
        while self.get(path).await.status != 401 {
            assert!(
                taken_back.elapsed() < Duration::from_secs(5),
                "five seconds after they were taken back credentials are good"
            );
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        self.get(path).await.expect_problem(401, "invalid_credentials");
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// A POST with a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with_key(path, &fresh_key(), body).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    /// A POST on a version that was read.
    pub async fn post_on(&self, path: &str, etag: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).header("If-Match", etag).json(body)).await
    }

    pub async fn patch(&self, path: &str, etag: &str, body: &Value) -> Answer {
        send(self.request(Method::PATCH, path).header("If-Match", etag).json(body)).await
    }

    /// A PUT on a version that was read.
    pub async fn put(&self, path: &str, etag: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).header("If-Match", etag).json(body)).await
    }

    pub async fn delete(&self, path: &str, etag: &str) -> Answer {
        send(self.request(Method::DELETE, path).header("If-Match", etag)).await
    }

    /// A POST that says everything in its path, with a fresh idempotency key.
    pub async fn post_without_body(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path).header("Idempotency-Key", fresh_key())).await
    }

    /// A POST of exactly these bytes as JSON, with a fresh idempotency key.
    pub async fn post_bytes(&self, path: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(Method::POST, path).header("Idempotency-Key", fresh_key());
        send(request.header("Content-Type", "application/json").body(bytes.into())).await
    }
}

/// Sends a request and reads its whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

/// Runs these at the same time; their results in order.
pub async fn together<T: 'static>(futures: impl IntoIterator<Item = impl Future<Output = T> + 'static>) -> Vec<T> {
    let running: Vec<_> = futures.into_iter().map(actix_web::rt::spawn).collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        results.push(task.await.expect("a task that does not panic"));
    }
    results
}
