//! `handoff serve`: from nothing to ready.

use actix_web::web::Data;

use super::backend::Backend;
use super::{Failure, demo};
use crate::api::{self, idempotency::InFlight};
use crate::auth::KeyUses;
use crate::auth::provider::Providers;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, Limits};
use crate::jobs::{housekeeping, key_uses, sequencer};
use crate::server;
use crate::state::{AppState, Journal};

pub(super) fn run(config: &Config, no_demo: bool) -> Result<(), Failure> {
    if let Some((_, Some(error))) = api::contracts().into_iter().find(|(_, error)| error.is_some()) {
        return Err(error.to_string().into());
    }
    let providers = providers(config)?;
    // Before the database, because it is the cheapest thing that can be wrong.
    let listener = server::bind(config.listen)?;
    let address = listener.local_addr()?;
    let backend = Backend::open_to_serve(config)?;
    backend.connect()?;
    match &backend.data_dir {
        Some(data_dir) => demo::first_start(&backend, data_dir, address, no_demo)?,
        None => println!("Handoff serves on http://{address} — documentation at http://{address}/docs/"),
    }
    let state = Data::new(AppState {
        db: Db::new(
            backend.app_url(),
            Limits {
                connections: config.pool_size,
                waiting: config.max_waiting,
                deadline: config.deadline,
                cache_statements: config.statement_cache,
            },
        ),
        clock: Clock::System,
        master: backend.master.clone(),
        providers,
        deadline: config.deadline,
        in_flight: InFlight::default(),
        journal: Journal::default(),
        key_uses: KeyUses::default(),
    });
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    actix_web::rt::System::new().block_on(async move {
        let server = server::serve(listener, state.clone(), workers)?;
        actix_web::rt::spawn(sequencer::run(state.clone()));
        actix_web::rt::spawn(housekeeping::run(state.clone()));
        actix_web::rt::spawn(key_uses::run(state.clone()));
        log::info!("serving on {address}");
        let served = server.await;
        key_uses::pass_or_warn(&state).await;
        served
    })?;
    log::info!("stopped");
    // The embedded server stops as `backend` goes, after the last answer.
    drop(backend);
    Ok(())
}

/// The identity providers of the settings.
pub(super) fn providers(config: &Config) -> Result<Providers, Failure> {
    Providers::new(config.jwt_issuers.clone()).map_err(|error| format!("HANDOFF_JWT_ISSUERS: {error}").into())
}
