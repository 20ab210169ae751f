//! Identity providers outside: whose tokens are believed, by which keys, for which site.
//!
//! `settings` says which issuers there are, `fetch` gets a provider's key set over HTTP, `keys` takes from it what may verify,
//! `cache` decides when to fetch and what to use meanwhile, `verify` reads a token. What comes out is a subject of one issuer, and
//! so of one site; who that is there, and in which role, only the database knows.

mod cache;
mod fetch;
mod keys;
mod settings;
mod verify;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use cache::{COOL_DOWN, KEPT_FOR, REFRESH_AFTER, RETRY_AFTER, STALE_AFTER};
pub use fetch::FetchError;
pub use settings::{Issuer, SignatureAlgorithm, parse};
pub use verify::MAX_LIFE;

use self::cache::{Cache, Found};
use self::fetch::{Clients, Fetcher};
use crate::clock::Clock;
use crate::domain::ids::SiteId;
use crate::domain::text::{IssuerUrl, Subject};

/// Why a token of an identity provider is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not a token of this provider, or not one for this use.
    Invalid,
    /// Its time is over.
    Expired,
    /// Its key is not known, and the provider cannot be asked now.
    Unavailable,
}

/// One identity provider: what the settings say of it, and its keys.
#[derive(Debug)]
pub struct Provider {
    issuer: Issuer,
    cache: Arc<Cache>,
}

impl Provider {
    /// The `iss` of its tokens.
    #[must_use]
    pub const fn issuer(&self) -> &IssuerUrl {
        &self.issuer.issuer
    }

    /// The one site whose members it knows.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.issuer.site
    }

    /// Verifies a token and says whose it is; waits for the provider no longer than `patience`.
    ///
    /// # Errors
    /// [`Refused`]; nothing about the token's content.
    pub async fn verify(&self, token: &str, clock: &Clock, patience: Duration) -> Result<Subject, Refused> {
        let note = |reason: verify::Reason| {
            // For whoever connects a provider. A reason is a word of ours, never one of the token's.
            log::debug!("a token of an identity provider was refused: {}", reason.as_str());
            if reason == verify::Reason::Expired { Refused::Expired } else { Refused::Invalid }
        };
        let candidate = verify::read(token, &self.issuer, clock.now()).map_err(note)?;
        let key = match self.cache.find(candidate.kid(), clock, patience).await {
            Found::Key(key) => key,
            Found::Unknown => return Err(note(verify::Reason::UnknownKey)),
            Found::Unavailable => return Err(Refused::Unavailable),
        };
        candidate.check(&key, &self.issuer, clock.now()).map_err(note)
    }

    /// Fetches the keys now, beside the cache, and says how many may verify tokens: for `handoff check`.
    ///
    /// # Errors
    /// Why they could not be fetched.
    pub async fn probe(&self) -> Result<usize, FetchError> {
        Ok(self.cache.fetcher().fetch().await?.len())
    }
}

/// Every identity provider of the settings, by its issuer.
#[derive(Debug, Default)]
pub struct Providers(HashMap<String, Provider>);

impl Providers {
    /// Makes the providers of the settings; nothing is fetched yet.
    ///
    /// # Errors
    /// When the system has no certificates to check a provider's with.
    pub fn new(issuers: Vec<Issuer>) -> Result<Self, FetchError> {
        let mut clients = Clients::default();
        let mut providers = HashMap::new();
        for (index, issuer) in issuers.into_iter().enumerate() {
            let fetcher = Fetcher::new(&mut clients, issuer.jwks_url.clone(), issuer.algorithms.clone())?;
            let cache = Arc::new(Cache::new(index + 1, fetcher));
            providers.insert(issuer.issuer.as_str().to_owned(), Provider { issuer, cache });
        }
        Ok(Self(providers))
    }

    /// The provider with exactly this issuer.
    #[must_use]
    pub fn find(&self, issuer: &str) -> Option<&Provider> {
        self.0.get(issuer)
    }
}
