//! `POST /v1/referrals` by 16 clients at once, beside pgbench and a FastAPI service doing the same work in the same database (P1).
//!
//! `cargo bench --bench create_referral`, about two minutes; `-- --help` lists what can be changed. `-- --profile` says where PostgreSQL's
//! time goes. `-- --statements` prints
//! what PostgreSQL is asked for one referral: what the scripts in `benches/pgbench` are written from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark"
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser as _;
use support::load::{Closed, Counted, Load};
use support::peer::Peer;
use support::pgbench::Pgbench;
use support::place::Place;
use support::round::{Done, Meters, Round};
use support::seed::{self, Site};
use support::server::Server;
use support::table;

/// Sending referrals, beside pgbench doing the same work in the same database.
#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(flatten)]
    common: support::Common,
    /// Print the statements of one referral and stop.
    #[arg(long)]
    statements: bool,
    /// Print what PostgreSQL spends on which statement for each referral, jobs among them, and stop.
    #[arg(long, conflicts_with = "statements")]
    profile: bool,
}

/// What takes turns in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Server,
    /// By one of the scripts in `benches/pgbench`.
    Pgbench(&'static str),
    FastApi,
}

impl Subject {
    const ALL: [Self; 4] =
        [Self::Server, Self::Pgbench("create_referral.sql"), Self::Pgbench("create_referral_one.sql"), Self::FastApi];

    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Pgbench("create_referral.sql") => "pgbench, by statement",
            Self::Pgbench(_) => "pgbench, one statement",
            Self::FastApi => "FastAPI + SQLAlchemy",
        }
    }
}

/// Whether anything is left to the server's jobs.
const LEFT: &str = "
SELECT (SELECT count(*) FROM (SELECT FROM journal_queue LIMIT 1) AS queued)
     + (SELECT count(*) FROM (SELECT FROM match_results WHERE matched_at IS NULL LIMIT 1) AS waiting)
     + (SELECT count(*) FROM (SELECT FROM alerts WHERE taken_up_at IS NULL LIMIT 1) AS untold)
     + (SELECT count(*) FROM (SELECT FROM alert_deliveries WHERE status = 'pending' LIMIT 1) AS pending) || '' AS text";

/// Everything that a round needs.
struct Bench {
    common: support::Common,
    place: Place,
    server: Server,
    site: Site,
    pgbench: Option<Pgbench>,
    fastapi: Option<Peer>,
    /// What the scripts start from.
    variables: Vec<(&'static str, String)>,
    /// How many requests were written: no two have the same key, reference or contact details.
    written: AtomicU64,
    /// How many rows there have to be in the end.
    kept: AtomicU64,
}

fn main() {
    let arguments = Arguments::parse();
    let place = if arguments.profile { Place::start_counting_statements() } else { Place::start() };
    let server = Server::start(&place);
    let site = seed::site(&place, &server, 1);
    let is_round = !(arguments.statements || arguments.profile);
    let (pgbench, fastapi) = if is_round { (Pgbench::find(&place), Peer::fastapi(&place)) } else { (None, None) };
    let variables = vec![
        ("key_hash", key_hash(&site.partner_key)),
        ("site_id", place.text("SELECT site_id::text AS text FROM sites")),
        ("partner_id", place.text("SELECT id::text AS text FROM partners")),
    ];
    let (written, kept) = (AtomicU64::new(0), AtomicU64::new(0));
    let bench = Bench { common: arguments.common, place, server, site, pgbench, fastapi, variables, written, kept };
    if arguments.statements {
        bench.print_statements();
        return;
    }
    if arguments.profile {
        bench.print_profile();
        return;
    }
    if bench.pgbench.is_none() {
        println!("pgbench is neither beside the server's binaries nor on PATH: the ratios to it are not measured.");
    }
    let common = &bench.common;
    println!("{} clients, {} rounds of {} s each, after one to warm up", common.clients, common.rounds, common.seconds);
    let subjects = bench.subjects();
    for subject in &subjects {
        bench.measure(*subject, common.seconds.min(2));
    }
    let mut rounds: Vec<(Subject, Vec<Round>)> = subjects.iter().map(|subject| (*subject, Vec::new())).collect();
    for round in 0..common.rounds {
        bench.place.settle_statistics();
        // Each in its turn goes first: tables grow, and what is written later is written out later.
        for turn in 0..subjects.len() {
            let (subject, measured) = &mut rounds[(round + turn) % subjects.len()];
            measured.push(bench.measure(*subject, common.seconds));
        }
    }
    bench.report(&rounds);
}

impl Bench {
    /// Those that there are here.
    fn subjects(&self) -> Vec<Subject> {
        let is_here = |subject: &Subject| match subject {
            Subject::Server => true,
            Subject::Pgbench(_) => self.pgbench.is_some(),
            Subject::FastApi => self.fastapi.is_some(),
        };
        Subject::ALL.into_iter().filter(is_here).collect()
    }

    fn measure(&self, subject: Subject, seconds: u64) -> Round {
        let server = match subject {
            Subject::Server => Some(self.server.pid()),
            Subject::FastApi => self.fastapi.as_ref().map(Peer::pid),
            Subject::Pgbench(_) => None,
        };
        let round = Meters { server, postmaster: self.place.postmaster() }.measure(|| {
            let done = match (subject, &self.pgbench) {
                (Subject::Pgbench(script), Some(pgbench)) => {
                    pgbench.run(&self.place, &script_path(script), self.common.clients, seconds, &self.variables)
                }
                _ => self.send(subject, Duration::from_secs(seconds)),
            };
            self.kept.fetch_add(done.latencies.count() as u64, Ordering::Relaxed);
            done
        });
        self.settle();
        round
    }

    /// Waits until the server's jobs have placed, matched and told what the turn left them, so that no turn pays for another's.
    fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.place.text(LEFT) != "0" {
            assert!(Instant::now() < deadline, "the jobs do not catch up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn send(&self, subject: Subject, duration: Duration) -> Done {
        let peer = self.fastapi.as_ref().filter(|_| subject == Subject::FastApi);
        let address = peer.map_or(self.server.address, |peer| peer.address);
        let load = Load { address, clients: self.common.clients, expected: 201 };
        let outcome = load.run(&Closed::lasting(duration), &|request| self.write(request));
        let per_second = outcome.latencies.count() as f64 / outcome.elapsed.as_secs_f64();
        Done { per_second, latencies: outcome.latencies }
    }

    /// A referral that no other is like.
    fn write(&self, request: &mut Vec<u8>) {
        seed::write_referral(request, &self.site.partner_key, self.written.fetch_add(1, Ordering::Relaxed));
    }

    fn report(&self, rounds: &[(Subject, Vec<Round>)]) {
        let rows: Vec<(&str, &[Round])> = rounds.iter().map(|(subject, rounds)| (subject.name(), rounds.as_slice())).collect();
        table::print(&rows);
        let Some(((_, server), yardsticks)) = rounds.split_first() else { return };
        for (subject, yardstick) in yardsticks {
            let pairs = server.iter().zip(yardstick);
            let ratios: Vec<f64> = pairs.map(|(server, yardstick)| server.per_second / yardstick.per_second).collect();
            table::print_ratio(&format!("server / {}", subject.name()), &ratios);
        }
        let kept = self.place.text("SELECT count(*)::text AS text FROM referrals WHERE NOT is_test");
        let acknowledged = self.kept.load(Ordering::Relaxed).to_string();
        assert_eq!(kept, acknowledged, "as many referrals are kept as were acknowledged");
        println!("{acknowledged} acknowledged, {kept} kept");
    }

    /// Sends for one round and prints the dearest statements of it.
    fn print_profile(&self) {
        self.measure(Subject::Server, 2);
        self.place.settle_statistics();
        self.place.forget_statements();
        let before = self.kept.load(Ordering::Relaxed);
        self.measure(Subject::Server, self.common.seconds);
        let kept = self.kept.load(Ordering::Relaxed) - before;
        println!("    calls  plan µs   exec µs  for each referral; a trigger's statements count in their statement's time too");
        println!("{}", self.place.dearest_statements(kept));
    }

    /// Sends two referrals on each connection of the pool and prints what the last of them had PostgreSQL do: by then every
    /// statement that the server prepares is prepared.
    fn print_statements(&self) {
        let role = handoff::db::APP_ROLE;
        self.place.execute(&format!("ALTER ROLE {role} SET log_statement = 'all'"));
        self.place.execute(&format!("ALTER ROLE {role} SET log_parameter_max_length = -1"));
        let server = Server::start(&self.place);
        let load = Load { address: server.address, clients: 1, expected: 201 };
        load.run(&Counted::new(20), &|request| self.write(request));
        let before = self.place.server_log().len();
        load.run(&Counted::new(1), &|request| self.write(request));
        print!("{}", &self.place.server_log()[before..]);
    }
}

/// The hash under which a key is kept, as PostgreSQL writes bytes.
fn key_hash(key: &str) -> String {
    let key = handoff::auth::api_key::parse(key).expect("a key");
    key.hash.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pgbench").join(name)
}
