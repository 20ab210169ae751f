//! What every worker shares.

mod anchors;
mod board;
mod deliveries;
mod drain;
mod erasures;
mod gathering;
pub mod rate_limits;
pub mod requests;

pub use anchors::Anchors;
pub use board::{JobBoard, JobRuns};
pub use deliveries::{Deliveries, Receiver};
pub use drain::Drain;
pub use erasures::Erasures;
pub use gathering::{Gatherings, Joined, Lane};
pub use rate_limits::{PerMinute, RateLimits};
pub use requests::Requests;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::api::idempotency::InFlight;
use crate::api::referrals::Arrivals;
use crate::auth::provider::Providers;
use crate::auth::{KeyUses, KnownKeys};
use crate::clock::Clock;
use crate::db::{Db, Deadline, Standby};
use crate::domain::ids::SiteId;
use crate::domain::origins::Origins;
use crate::domain::proxies::Proxies;
use crate::outbound::Outbound;
use crate::privacy::keys::MasterKey;

/// The server's state, one per process.
#[derive(Debug)]
pub struct AppState {
    /// The database behind its permits.
    pub db: Db,
    /// Where reports are counted while it keeps up; `None`: at the primary.
    pub standby: Option<Standby>,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The root of every derived key.
    pub master: MasterKey,
    /// The identity providers that staff sign in at.
    pub providers: Providers,
    /// How long a request may take.
    pub deadline: Duration,
    /// Referrals that come at the same time, to be taken together.
    pub arriving: Arrivals,
    /// Idempotency keys being worked on in this process.
    pub in_flight: InFlight,
    /// Who is waiting for the journal.
    pub journal: Journal,
    /// Uses of keys that are not written down yet.
    pub key_uses: KeyUses,
    /// Which site a key belongs to, for its turn at the database.
    pub known_keys: KnownKeys,
    /// What the jobs of this process did last.
    pub jobs: JobBoard,
    /// The ways out of the process.
    pub outbound: Outbound,
    /// Alerts that are being delivered.
    pub deliveries: Deliveries,
    /// Events that are being posted.
    pub posts: Deliveries,
    /// How many requests callers may send.
    pub rate_limits: RateLimits,
    /// How large a file of referrals may be, in bytes.
    pub import_bytes: u64,
    /// Who may say whom a request comes from.
    pub proxies: Proxies,
    /// Where anchors of the audit chains go; `None`: nowhere.
    pub anchors: Option<Anchors>,
    /// Where erasures are kept outside the database; `None`: nowhere.
    pub erasures: Option<Erasures>,
    /// Whose scripts may call.
    pub origins: Origins,
    /// What was asked and answered.
    pub requests: Requests,
    /// Whether this process is on its way out.
    pub drain: Drain,
}

/// Wakes the sequencer when something was written, and those who wait for events when something was placed. Only a short
/// cut within one process: what another server wrote is found by looking.
#[derive(Debug)]
pub struct Journal {
    written: Mutex<HashSet<SiteId>>,
    wake: Notify,
    placed: broadcast::Sender<SiteId>,
    waiting: Mutex<HashMap<SiteId, usize>>,
}

/// Readers of one site that may wait for events at once: each costs a look at the database per burst of events.
const READERS: usize = 32;

/// A reader's place among those that wait.
#[derive(Debug)]
pub struct Waiting<'a> {
    journal: &'a Journal,
    site: SiteId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.journal.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.site);
            }
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { written: Mutex::default(), wake: Notify::new(), placed: broadcast::Sender::new(256), waiting: Mutex::default() }
    }
}

impl Journal {
    /// Says that a transaction of this site was committed.
    pub fn wrote(&self, site: SiteId) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(site);
        self.wake.notify_one();
    }

    /// Waits until something was written.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Where something was written since this was asked last.
    #[must_use]
    pub fn written(&self) -> Vec<SiteId> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Says that something of this site was placed.
    pub fn place(&self, site: SiteId) {
        // Nobody may be waiting.
        let _ = self.placed.send(site);
    }

    /// A place among those that wait for events of this site; `None` when so many wait already.
    #[must_use]
    pub fn wait(&self, site: SiteId) -> Option<Waiting<'_>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(site).or_default();
        if *count >= READERS {
            return None;
        }
        *count += 1;
        Some(Waiting { journal: self, site })
    }

    /// Waits until something of this site was placed, or `patience` is over.
    pub async fn placed(&self, site: SiteId, patience: Duration) {
        let mut placed = self.placed.subscribe();
        let ours = async {
            // Whoever missed some looks for itself.
            while placed.recv().await.is_ok_and(|other| other != site) {}
        };
        let _ = tokio::time::timeout(patience, ours).await;
    }
}

impl AppState {
    /// The deadline of a request that arrives now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.deadline)
    }
}
