//! What every worker shares.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::api::idempotency::InFlight;
use crate::auth::KeyUses;
use crate::auth::provider::Providers;
use crate::clock::Clock;
use crate::db::{Db, Deadline};
use crate::domain::ids::SiteId;
use crate::privacy::keys::MasterKey;

/// The server's state, one per process.
#[derive(Debug)]
pub struct AppState {
    /// The database behind its permits.
    pub db: Db,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The root of every derived key.
    pub master: MasterKey,
    /// The identity providers that staff sign in at.
    pub providers: Providers,
    /// How long a request may take.
    pub deadline: Duration,
    /// Idempotency keys being worked on in this process.
    pub in_flight: InFlight,
    /// Who is waiting for the journal.
    pub journal: Journal,
    /// Uses of keys that are not written down yet.
    pub key_uses: KeyUses,
}

/// Wakes the sequencer when something was written, and those who wait for events when something was placed. Only a short
/// cut within one process: what another server wrote is found by looking.
#[derive(Debug, Default)]
pub struct Journal {
    written: Mutex<HashSet<SiteId>>,
    wake: Notify,
    placed: Notify,
}

impl Journal {
    /// Says that a transaction of this site was committed.
    pub fn wrote(&self, site: SiteId) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(site);
        self.wake.notify_one();
    }

    /// Waits until something was written, and says where; nowhere once `patience` is over.
    pub async fn written(&self, patience: Duration) -> Vec<SiteId> {
        let _ = tokio::time::timeout(patience, self.wake.notified()).await;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Says that something was placed.
    pub fn place(&self) {
        self.placed.notify_waiters();
    }

    /// Waits until something was placed, or `patience` is over.
    pub async fn placed(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.placed.notified()).await;
    }
}

impl AppState {
    /// The deadline of a request that arrives now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.deadline)
    }
}
