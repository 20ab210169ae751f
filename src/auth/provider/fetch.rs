//! Getting a key set over HTTP, within bounds: of time, of size, of where it comes from.
//!
//! No redirects, because the settings name the place; no proxy from the environment, because `config` alone reads that; no
//! connection kept, because a fetch happens once in minutes and may run on any worker. Failures are kinds and carry no address.

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use super::keys::KeySet;
use super::settings::SignatureAlgorithm;

/// How long connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long everything may take, from the name's resolution to the last byte.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest key set: a hundred large keys with their certificates fit.
const LARGEST: usize = 256 * 1024;

/// Why keys were not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// The system has no certificate authorities to check a provider with.
    NoCertificates,
    /// No connection: the name, the network, or a certificate that is not valid.
    Unreachable,
    /// Connecting took more than two seconds, or everything more than five.
    TimedOut,
    /// An answer other than 200; a redirect is one.
    Status(u16),
    /// More than 256 KiB.
    TooLarge,
    /// Not a JSON key set, or one of more than a hundred keys.
    NotKeys,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificates => f.write_str("the system has no CA certificates to check it with: install them"),
            Self::Unreachable => f.write_str("no connection: check its name, the network and its certificate"),
            Self::TimedOut => f.write_str("no answer within 2 s to connect and 5 s in all"),
            Self::Status(status) => write!(f, "it answered {status} instead of 200; redirects are not followed"),
            Self::TooLarge => f.write_str("its key set is larger than 256 KiB"),
            Self::NotKeys => f.write_str("what it answered is not a JSON key set of at most 100 keys"),
        }
    }
}

impl std::error::Error for FetchError {}

impl From<reqwest::Error> for FetchError {
    /// The kind only: the library's text quotes the address.
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::TimedOut } else { Self::Unreachable }
    }
}

/// Fetches the keys of one provider.
pub(super) struct Fetcher {
    client: Client,
    url: Url,
    accepted: Vec<SignatureAlgorithm>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

/// The clients of all providers: reading the system's certificates takes time and memory, so it happens once, and only when
/// there is an https address.
#[derive(Default)]
pub(super) struct Clients {
    secure: Option<Client>,
    local: Option<Client>,
}

impl Clients {
    fn for_scheme(&mut self, scheme: &str) -> Result<Client, FetchError> {
        let is_secure = scheme == "https";
        let place = if is_secure { &mut self.secure } else { &mut self.local };
        if let Some(client) = place {
            return Ok(client.clone());
        }
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("handoff/", env!("CARGO_PKG_VERSION")));
        // Plain http is this machine only: an image without certificates must not fail for it.
        let builder = if is_secure { builder.https_only(true) } else { builder.tls_certs_only([]) };
        Ok(place.insert(builder.build().map_err(|_| FetchError::NoCertificates)?).clone())
    }
}

impl Fetcher {
    pub(super) fn new(clients: &mut Clients, url: Url, accepted: Vec<SignatureAlgorithm>) -> Result<Self, FetchError> {
        Ok(Self { client: clients.for_scheme(url.scheme())?, url, accepted })
    }

    /// Fetches once; at most [`LARGEST`] bytes are read, however many are sent.
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
        let mut response = self.client.get(self.url.clone()).header(ACCEPT, accept).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        if response.content_length().is_some_and(|length| length > LARGEST as u64) {
            return Err(FetchError::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        KeySet::parse(&body, &self.accepted).ok_or(FetchError::NotKeys)
    }
}
