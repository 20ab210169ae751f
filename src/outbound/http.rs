//! The one client for addresses that a site configured. It resolves, checks what was resolved, and connects to exactly that: the
//! check sits in the client's resolver, so that no second look-up can give another answer.
//!
//! No redirects, no proxy from the environment, no connection kept, one deadline for everything. Of an answer only the status is
//! taken; its body is never read, however long it is.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};

use super::policy::{Allow, Reach, UrlFault, check_url};
use crate::domain::alerting::DeliveryError;

/// How long a post may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the look-up of the name to the end of the TLS handshake.
    pub connect: Duration,
    /// Everything, up to the status of the answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// What a look-up comes to.
pub type LookedUp = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;
/// How names are looked up: the system's way, or a test's.
pub type LookUp = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;

/// Why something did not arrive, or why it is not known that it did. Carries no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostError {
    /// The URL is none that may be posted to.
    Url(UrlFault),
    /// The name stands for an address that is not public and not allowed. Nothing was sent there.
    AddressRefused,
    /// There is no such name, or nobody who knows it answers.
    NameUnknown,
    /// No connection, or one that broke off.
    ConnectionFailed,
    /// No TLS, or a certificate that is not valid for the name.
    TlsFailed,
    /// It took too long.
    TimedOut,
    /// The system has no certificate authorities to check a receiver with.
    NoCertificates,
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

/// The clients, made at their first use: reading the system's certificates takes time and memory.
#[derive(Default)]
struct Clients {
    secure: Option<Client>,
    plain: Option<Client>,
    named: Option<Client>,
}

/// Posts to configured addresses, and looks whether they answer.
pub struct Http {
    allow: Arc<Allow>,
    look_up: LookUp,
    timeouts: Timeouts,
    clients: Mutex<Clients>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl Http {
    /// A client that reaches the public internet and what is allowed beside.
    #[must_use]
    pub fn new(allow: Allow) -> Self {
        Self::resolving(allow, Timeouts::default(), Arc::new(|name| Box::pin(system_look_up(name))))
    }

    /// A client with timeouts and a way to look up names of its own.
    #[must_use]
    pub fn resolving(allow: Allow, timeouts: Timeouts, look_up: LookUp) -> Self {
        Self { allow: Arc::new(allow), look_up, timeouts, clients: Mutex::default() }
    }

    /// Whether a URL may be configured; what its name stands for is seen when something is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_url(&self, url: &str) -> Result<(), UrlFault> {
        check_url(url, &self.allow).map(drop)
    }

    /// Posts a JSON body once; answers the status, whichever it is.
    ///
    /// # Errors
    /// Why there is no answer. Unless it is `Url`, `AddressRefused` or `NameUnknown`, the receiver may have taken it.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<Status, PostError> {
        let target = check_url(url, &self.allow).map_err(PostError::Url)?;
        let client = self.client(target.reach)?;
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| PostError::ConnectionFailed)?;
            map.insert(HeaderName::from_static(name), value);
        }
        match client.post(target.url).headers(map).body(body).send().await {
            Ok(response) => Ok(Status(response.status().as_u16())),
            Err(error) => Err(kind_of(&error)),
        }
    }

    /// Posts a message once. `Ok`: its receiver has taken it.
    ///
    /// # Errors
    /// What went wrong; unless it is about the address, the receiver may have taken it all the same.
    pub async fn deliver(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<(), DeliveryError> {
        match self.post(url, headers, body).await {
            Ok(Status(200..=299)) => Ok(()),
            Ok(Status(410)) => Err(DeliveryError::WebhookGone),
            Ok(Status(300..=399)) => Err(DeliveryError::WebhookRedirected),
            Ok(Status(_)) => Err(DeliveryError::WebhookRefused),
            Err(PostError::Url(_) | PostError::AddressRefused) => Err(DeliveryError::WebhookAddressRefused),
            Err(PostError::NameUnknown) => Err(DeliveryError::WebhookNameUnknown),
            Err(PostError::ConnectionFailed) => Err(DeliveryError::WebhookConnectionFailed),
            Err(PostError::TlsFailed | PostError::NoCertificates) => Err(DeliveryError::WebhookTlsFailed),
            Err(PostError::TimedOut) => Err(DeliveryError::WebhookTimedOut),
        }
    }

    /// Asks for a page once; answers the status, whichever it is. Nothing of the page is read, and no redirect followed.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look(&self, url: &str) -> Result<Status, PostError> {
        let target = check_url(url, &self.allow).map_err(PostError::Url)?;
        match self.client(target.reach)?.get(target.url).send().await {
            Ok(response) => Ok(Status(response.status().as_u16())),
            Err(error) => Err(kind_of(&error)),
        }
    }

    fn client(&self, reach: Reach) -> Result<Client, PostError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match reach {
            Reach::Secure => &mut clients.secure,
            Reach::Plain => &mut clients.plain,
            Reach::Named => &mut clients.named,
        };
        if let Some(client) = place {
            return Ok(client.clone());
        }
        let resolver = Checked { allow: Arc::clone(&self.allow), look_up: Arc::clone(&self.look_up), reach };
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.timeouts.connect)
            .timeout(self.timeouts.total)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(resolver))
            .user_agent(concat!("handoff/", env!("CARGO_PKG_VERSION")));
        let builder = match reach {
            Reach::Secure => builder.https_only(true),
            Reach::Plain => builder.tls_certs_only([]),
            Reach::Named => builder,
        };
        Ok(place.insert(builder.build().map_err(|_| PostError::NoCertificates)?).clone())
    }
}

async fn system_look_up(name: String) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
}

/// Answers addresses that were all checked, or none.
struct Checked {
    allow: Arc<Allow>,
    look_up: LookUp,
    reach: Reach,
}

/// One of the addresses may not be reached.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name stands for an address that may not be reached")
    }
}

impl std::error::Error for Refused {}

/// There is no address.
#[derive(Debug)]
struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name stands for no address")
    }
}

impl std::error::Error for Unknown {}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (looked_up, allow, reach) = ((self.look_up)(name.as_str().to_owned()), Arc::clone(&self.allow), self.reach);
        Box::pin(async move {
            let addresses = looked_up.await.map_err(|_| Unknown)?;
            if addresses.is_empty() {
                return Err(Unknown.into());
            }
            // All of them: whoever answers a public one beside a private one wants the private one tried.
            if !addresses.iter().all(|address| allow.admits(*address, reach)) {
                return Err(Refused.into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The kind only: the library's text quotes the address.
fn kind_of(error: &reqwest::Error) -> PostError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return PostError::AddressRefused;
        }
        if error.is::<Unknown>() {
            return PostError::NameUnknown;
        }
        cause = error.source();
    }
    match (error.is_timeout(), error.is_connect() && super::is_about_tls(error)) {
        (true, _) => PostError::TimedOut,
        (false, true) => PostError::TlsFailed,
        (false, false) => PostError::ConnectionFailed,
    }
}
