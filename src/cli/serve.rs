//! `handoff serve`: from nothing to ready.

use actix_web::web::Data;
use secrecy::ExposeSecret as _;

use super::backend::Backend;
use super::{Failure, demo};
use crate::api::{self, idempotency::InFlight, referrals::Arrivals};
use crate::auth::provider::Providers;
use crate::auth::{KeyUses, KnownKeys};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Db, Limits, Standby};
use crate::jobs::scheduler::Scheduler;
use crate::jobs::{JOBS, alert_delivery, key_uses};
use crate::outbound::{Http, Mailer, Outbound};
use crate::server;
use crate::state::{Anchors, AppState, Deliveries, Drain, Erasures, JobBoard, Journal, RateLimits, Requests};

pub(super) fn run(config: &Config, no_demo: bool) -> Result<(), Failure> {
    // Beside what the database has to be asked for; serving waits for it.
    std::thread::spawn(server::prepare);
    if let Some((_, Some(error))) = api::contracts().into_iter().find(|(_, error)| error.is_some()) {
        return Err(error.to_string().into());
    }
    let providers = providers(config)?;
    // Before the database, because it is the cheapest thing that can be wrong.
    let inherited = server::inherited()?;
    let shares_socket = inherited.is_some();
    let listener = inherited.map_or_else(|| server::bind(config.listen), Ok)?;
    let address = listener.local_addr()?;
    let admin = config.admin_listen.map(|address| server::bind_for("HANDOFF_ADMIN_LISTEN", address)).transpose()?;
    let backend = Backend::open_to_serve(config)?;
    let mut conn = backend.connect()?;
    for finding in db::inspect_server_log(&mut conn)?.into_iter().chain(db::inspect_newer(&mut conn)?) {
        log::warn!("{}", finding.sentence);
    }
    drop(conn);
    match &backend.data_dir {
        Some(data_dir) => demo::first_start(&backend, data_dir, address, no_demo)?,
        None => println!("Handoff serves on http://{address} — documentation at http://{address}/docs/"),
    }
    let limits = Limits {
        connections: config.pool_size,
        waiting: config.max_waiting,
        deadline: config.deadline,
        cache_statements: config.statement_cache,
    };
    let standby = config.replica_url.as_ref().map(|url| Db::new(url.expose_secret(), limits));
    let state = Data::new(AppState {
        db: Db::new(backend.app_url(), limits),
        standby: standby.map(|db| Standby::new(db, config.replica_max_lag)),
        clock: Clock::System,
        master: backend.master.clone(),
        providers,
        deadline: config.deadline,
        arriving: Arrivals::beside(limits.connections as usize, limits.waiting),
        in_flight: InFlight::default(),
        journal: Journal::default(),
        key_uses: KeyUses::default(),
        known_keys: KnownKeys::default(),
        jobs: JobBoard::new(Clock::System.now()),
        outbound: Outbound {
            http: Http::new(config.outbound.allow.clone()),
            mailer: config.outbound.smtp.clone().map(Mailer::new),
            public_url: config.outbound.public_url.clone(),
            schedule: config.outbound.schedule.clone(),
        },
        deliveries: Deliveries::default(),
        posts: Deliveries::default(),
        rate_limits: RateLimits::new(config.limits.per_minute),
        import_bytes: config.limits.import_bytes,
        proxies: config.limits.proxies.clone(),
        origins: config.limits.origins.clone(),
        requests: Requests::default(),
        anchors: backend.anchors_path(config).map(Anchors::new),
        erasures: backend.erasures_path(config).map(Erasures::new),
        drain: Drain::default(),
    });
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    actix_web::rt::System::new().block_on(async move {
        let server = server::serve(listener, state.clone(), workers)?;
        let admin = admin.map(|listener| server::admin::serve(listener, state.clone())).transpose()?;
        let admin = admin.map(|server| (server.handle(), actix_web::rt::spawn(server)));
        let scheduler = Scheduler::start(&state, JOBS);
        log::info!("serving on {address}");
        // Until a signal has come and everything under way is answered: whoever waits for an event needs the sequencer until then.
        let (handle, serving) = (server.handle(), actix_web::rt::spawn(server));
        server::rollover::stop_when_told(handle, &state, shares_socket).await?;
        let served = serving.await.map_err(std::io::Error::other)?;
        scheduler.stop().await;
        alert_delivery::settle(&state).await;
        key_uses::pass_or_warn(&state).await;
        if let Some((handle, _)) = admin {
            handle.stop(false).await;
        }
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
