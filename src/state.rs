//! What every worker shares.

use std::time::Duration;

use crate::api::idempotency::InFlight;
use crate::auth::KeyUses;
use crate::clock::Clock;
use crate::db::{Db, Deadline};
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
    /// How long a request may take.
    pub deadline: Duration,
    /// Idempotency keys being worked on in this process.
    pub in_flight: InFlight,
    /// Uses of keys that are not written down yet.
    pub key_uses: KeyUses,
}

impl AppState {
    /// The deadline of a request that arrives now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.deadline)
    }
}
