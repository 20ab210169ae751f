//! `GET /v1/referrals?limit=50` by 16 clients at once, as a partner and as a system of the site, over 100,000 referrals (P2), beside a FastAPI service
//! that answers the partner the same page.
//!
//! `cargo bench --bench list_referrals`, about a minute and a half; `-- --help` lists what can be changed.
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

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser as _;
use support::http::{Connection, write_request};
use support::load::{Closed, Load};
use support::peer::Peer;
use support::place::Place;
use support::round::{Done, Meters, Round};
use support::server::Server;
use support::{seed, table};

/// Reading the first page of referrals, as a partner and as a system of the site.
#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(flatten)]
    common: support::Common,
    /// Referrals in the database, of all partners together.
    #[arg(long, default_value_t = 100_000)]
    referrals: u32,
    /// Partners that they come from.
    #[arg(long, default_value_t = 4)]
    partners: usize,
}

const PATH: &str = "/v1/referrals?limit=50";

/// A year of referrals, from all routes in turn, in the order of their ids (which begin with their time). Six of ten are closed.
const GENERATE: &str = "
INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
    handoff_code, partner_reference, owner_id, status, close_reason, next_action, next_action_due_at, handoff_issues, is_test, version,
    received_at, recorded_at, clock_started_at, acknowledged_at, contacting_at, connected_at, handed_off_at, closed_at, updated_at)
SELECT r.site_id,
       encode(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send((extract(epoch FROM t.at) * 1000)::bigint) FROM 3) FROM 1), 'hex')::uuid,
       r.partner_id, r.study_id, r.id, 'secure_form', r.source_tag, 'verified', 'permission_to_contact', 'person_uses_intake',
       upper(lpad(to_hex(n), 10, '0')), 'GEN-' || n, r.owner_id, w.status,
       CASE w.status WHEN 'closed' THEN 'handoff_complete' END,
       CASE w.status WHEN 'received' THEN 'acknowledge' WHEN 'contacting' THEN 'attempt_contact' END,
       CASE WHEN w.status <> 'closed' THEN t.at + interval '24 hours' END, '{}', false, 1,
       t.at, t.at, t.at,
       CASE WHEN w.status <> 'received' THEN t.at END, CASE WHEN w.status <> 'received' THEN t.at END,
       CASE w.status WHEN 'closed' THEN t.at END, CASE w.status WHEN 'closed' THEN t.at END,
       CASE w.status WHEN 'closed' THEN t.at END, t.at
  FROM generate_series(1, $total) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '365 days' * ($total - n) / $total AS at) AS t
 CROSS JOIN LATERAL (SELECT CASE WHEN n % 10 < 6 THEN 'closed' WHEN n % 10 < 8 THEN 'contacting' ELSE 'received' END AS status) AS w
  JOIN (SELECT h.*, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS places FROM handoff_routes h) AS r
    ON r.place = n % r.places";

fn main() {
    let arguments = Arguments::parse();
    let common = &arguments.common;
    let place = Place::start();
    let server = Server::start(&place);
    let site = seed::site(&place, &server, arguments.partners);
    let start = Instant::now();
    place.execute(&GENERATE.replace("$total", &arguments.referrals.to_string()));
    place.execute("VACUUM ANALYZE");
    let kept = place.text("SELECT count(*)::text AS text FROM referrals");
    println!("{kept} referrals of {} partners, generated in {:.1} s", arguments.partners, start.elapsed().as_secs_f64());

    let fastapi = Peer::fastapi(&place);
    let own = (server.address, server.pid());
    let mut subjects = vec![("partner", &site.partner_key, own), ("system of the site", &site.site_key, own)];
    subjects.extend(fastapi.as_ref().map(|peer| ("partner, FastAPI", &site.partner_key, (peer.address, peer.pid()))));
    let requests: Vec<Vec<u8>> = subjects
        .iter()
        .map(|(name, key, (address, _))| {
            let mut request = Vec::new();
            write_request(&mut request, "GET", PATH, key, &[], "");
            check_page(*address, name, &request);
            request
        })
        .collect();
    println!("{} clients, {} rounds of {} s each, after one to warm up", common.clients, common.rounds, common.seconds);
    let measure = |turn: usize, seconds| {
        let (_, _, (address, pid)) = subjects[turn];
        let load = Load { address, clients: common.clients, expected: 200 };
        Meters { server: Some(pid), postmaster: place.postmaster() }.measure(|| read(load, &requests[turn], seconds))
    };
    for turn in 0..subjects.len() {
        measure(turn, common.seconds.min(2));
    }
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); subjects.len()];
    for round in 0..common.rounds {
        for turn in 0..subjects.len() {
            let subject = (round + turn) % subjects.len();
            rounds[subject].push(measure(subject, common.seconds));
        }
    }
    let rows: Vec<(&str, &[Round])> =
        subjects.iter().zip(&rounds).map(|((name, ..), rounds)| (*name, rounds.as_slice())).collect();
    table::print(&rows);
    if let [partner, _, fastapi] = rounds.as_slice() {
        let ratios: Vec<f64> =
            partner.iter().zip(fastapi).map(|(server, yardstick)| server.per_second / yardstick.per_second).collect();
        table::print_ratio("server / FastAPI + SQLAlchemy, as a partner", &ratios);
    }
}

/// A figure for an empty page would be a good one: the page is looked at before it is measured.
fn check_page(address: SocketAddr, name: &str, request: &[u8]) {
    let mut connection = Connection::open(address).unwrap();
    let answer = connection.ask(request).unwrap();
    let length = answer.body.len();
    let page = answer.json();
    let entries = page["data"].as_array().map_or(0, Vec::len);
    assert!(entries == 50 && page["next_cursor"].is_string(), "a full page with more to come: {page}");
    println!("{name}: a page of {entries} is {:.1} KiB", length as f64 / 1024.0);
}

fn read(load: Load, request: &[u8], seconds: u64) -> Done {
    let outcome = load.run(&Closed::lasting(Duration::from_secs(seconds)), &|into| {
        into.clear();
        into.extend_from_slice(request);
    });
    let per_second = outcome.latencies.count() as f64 / outcome.elapsed.as_secs_f64();
    Done { per_second, latencies: outcome.latencies }
}
