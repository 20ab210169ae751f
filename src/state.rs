//! What every worker shares.

use std::time::Duration;

use crate::api::idempotency::InFlight;
use crate::auth::provider::Providers;
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
    /// The identity providers that staff sign in at.
    pub providers: Providers,
    /// How long a request may take.
    pub deadline: Duration,
    /// Idempotency keys being worked on in this process.
    pub in_flight: InFlight,
}

impl AppState {
    /// The deadline of a request that arrives now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.deadline)
    }
}
