//! The real server on port 0, with a database of its own and a clock that the test moves.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use handoff::api::idempotency::InFlight;
use handoff::api::referrals::Arrivals;
use handoff::auth::provider::{Issuer, Providers};
use handoff::auth::{KeyUses, KnownKeys, token};
use handoff::clock::Clock;
use handoff::db::{Db, Limits};
use handoff::domain::ids::MemberId;
use handoff::domain::origins::Origins;
use handoff::domain::proxies::Proxies;
use handoff::domain::webhooks::Schedule;
use handoff::jobs::sequencer;
use handoff::outbound::{Allow, Http, Outbound};
use handoff::privacy::keys::MasterKey;
use handoff::state::{Anchors, AppState, Deliveries, Drain, Erasures, JobBoard, Journal, PerMinute, RateLimits, Requests};

use super::callers::Person;
use super::db::Database;
use super::make::{self, Site};

/// How a test's server differs from the usual.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub connections: u32,
    pub waiting: usize,
    pub deadline: Duration,
    pub per_minute: PerMinute,
    pub import_bytes: u64,
    pub origins: Option<&'static str>,
    pub anchors: Option<&'static str>,
    pub erasures: Option<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            connections: 4,
            waiting: 100,
            deadline: Duration::from_secs(10),
            per_minute: PerMinute::NONE,
            import_bytes: 64 << 20,
            origins: None,
            anchors: None,
            erasures: None,
        }
    }
}

/// A running server with two sites: `site`, where tests are at home, and `other_site`, which they must never see.
pub struct App {
    pub address: SocketAddr,
    pub db: Database,
    pub clock: Clock,
    pub master: MasterKey,
    pub site: Site,
    pub other_site: Site,
    pub state: Data<AppState>,
    server: actix_web::dev::ServerHandle,
}

/// The time at which every test begins.
pub fn beginning() -> DateTime<Utc> {
    "2026-06-01T09:00:00Z".parse().unwrap()
}

impl App {
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub async fn start_with(setup: Setup) -> Self {
        Self::start_trusting(setup, |_, _| Vec::new()).await
    }

    /// A server that believes these issuers, of `site` and `other_site`.
    pub async fn start_trusting(setup: Setup, issuers: impl FnOnce(&Site, &Site) -> Vec<Issuer>) -> Self {
        Self::start_whole(setup, issuers, reaching_nobody())
    }

    /// A server with these ways out.
    pub async fn start_sending(outbound: Outbound) -> Self {
        Self::start_whole(Setup::default(), |_, _| Vec::new(), outbound)
    }

    fn start_whole(setup: Setup, issuers: impl FnOnce(&Site, &Site) -> Vec<Issuer>, outbound: Outbound) -> Self {
        let db = Database::new();
        let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
        let site = make::db_site(&db, "riverside");
        let other_site = make::db_site(&db, "elsewhere");
        let clock = Clock::fixed(beginning());
        let issuers = issuers(&site, &other_site);
        let (address, state, server) = run_server(&db, &clock, &master, setup, issuers, outbound);
        Self { address, db, clock, master, site, other_site, state, server }
    }

    /// A second server on the same database, with the same keys and clock: what a second process would be.
    pub fn another_server(&self) -> Neighbour {
        self.server_with_key(&self.master)
    }

    /// A second server on the same database and clock, with another master key.
    pub fn server_with_key(&self, master: &MasterKey) -> Neighbour {
        let (address, state, server) = run_server(&self.db, &self.clock, master, Setup::default(), Vec::new(), reaching_nobody());
        Neighbour { address, state, server }
    }

    /// The state of a server beside this one that serves nobody: what its jobs would work with.
    pub fn state_beside(&self) -> Data<AppState> {
        let setup = Setup { connections: 2, waiting: 10, deadline: Duration::from_secs(5), ..Setup::default() };
        state(&self.db, &self.clock, &self.master, setup, Vec::new(), reaching_nobody())
    }

    /// The same that differs from the usual in this.
    pub fn state_with(&self, setup: Setup) -> Data<AppState> {
        state(&self.db, &self.clock, &self.master, setup, Vec::new(), reaching_nobody())
    }

    /// The same with these ways out, and perhaps another master key.
    pub fn state_sending(&self, master: &MasterKey, outbound: Outbound) -> Data<AppState> {
        state(&self.db, &self.clock, master, Setup::default(), Vec::new(), outbound)
    }

    /// Lets the sequencer place everything that waits, of both sites; says how much that was.
    pub async fn sequence(&self) -> usize {
        let mut placed = 0;
        for site in [&self.site, &self.other_site] {
            placed += sequencer::catch_up(&self.state, site.id).await.unwrap();
        }
        placed
    }

    /// A caller with these credentials.
    pub fn person(&self, credentials: &str) -> Person {
        Person::new(self.address, Some(credentials))
    }

    /// A caller without credentials.
    pub fn stranger(&self) -> Person {
        Person::new(self.address, None)
    }

    /// A member of a site, with a fresh token.
    pub fn member(&self, site: &Site, member: MemberId) -> Person {
        self.person(&token::create(&self.master, site.id, member, chrono::Duration::hours(12), self.clock.now()).unwrap())
    }

    pub fn admin(&self) -> Person {
        self.member(&self.site, self.site.admin)
    }

    pub fn coordinator(&self) -> Person {
        self.member(&self.site, self.site.coordinator)
    }

    pub fn viewer(&self) -> Person {
        self.member(&self.site, self.site.viewer)
    }

    /// The partner whose portal most tests are: a specialty clinic, code `lakeside`.
    pub fn partner(&self) -> Person {
        self.person(&self.site.partner.key)
    }

    /// Another partner of the same site: an advocacy group, code `voices`.
    pub fn sibling_partner(&self) -> Person {
        self.person(&self.site.sibling.key)
    }

    /// The site's own system, with the scopes of a CRM.
    pub fn site_key(&self) -> Person {
        self.person(&self.site.key)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Not awaited: the database is dropped with force, and the next test has its own server.
        drop(self.server.stop(false));
    }
}

/// A server beside the one of an [`App`].
pub struct Neighbour {
    pub address: SocketAddr,
    pub state: Data<AppState>,
    server: actix_web::dev::ServerHandle,
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

fn run_server(
    db: &Database,
    clock: &Clock,
    master: &MasterKey,
    setup: Setup,
    issuers: Vec<Issuer>,
    outbound: Outbound,
) -> (SocketAddr, Data<AppState>, actix_web::dev::ServerHandle) {
    super::log::capture();
    handoff::cli::install_crypto();
    let state = state(db, clock, master, setup, issuers, outbound);
    let listener = handoff::server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = handoff::server::serve(listener, state.clone(), 1).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, state, handle)
}

/// What most tests have: nothing is sent anywhere.
fn reaching_nobody() -> Outbound {
    Outbound { http: Http::new(Allow::default()), mailer: None, public_url: None, schedule: Schedule::default() }
}

fn state(
    db: &Database,
    clock: &Clock,
    master: &MasterKey,
    setup: Setup,
    issuers: Vec<Issuer>,
    outbound: Outbound,
) -> Data<AppState> {
    Data::new(AppState {
        db: Db::new(
            &db.url(handoff::db::APP_ROLE),
            Limits { connections: setup.connections, waiting: setup.waiting, deadline: setup.deadline, cache_statements: true },
        ),
        standby: None,
        clock: clock.clone(),
        master: master.clone(),
        providers: Providers::new(issuers).unwrap(),
        deadline: setup.deadline,
        arriving: Arrivals::beside(setup.connections as usize, setup.waiting),
        in_flight: InFlight::default(),
        journal: Journal::default(),
        key_uses: KeyUses::default(),
        known_keys: KnownKeys::default(),
        jobs: JobBoard::new(clock.now()),
        outbound,
        deliveries: Deliveries::default(),
        posts: Deliveries::default(),
        rate_limits: RateLimits::new(setup.per_minute),
        import_bytes: setup.import_bytes,
        proxies: Proxies::parse("127.0.0.0/8").unwrap(),
        origins: setup.origins.map(|list| Origins::parse(list).unwrap()).unwrap_or_default(),
        requests: Requests::default(),
        drain: Drain::default(),
        anchors: setup.anchors.map(|path| Anchors::new(path.into())),
        erasures: setup.erasures.map(|path| Erasures::new(path.into())),
    })
}
