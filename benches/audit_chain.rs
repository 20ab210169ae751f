//! What the audit chain costs: placing what was committed with its audit entries, which are sealed into the chain, and without them.
//!
//! `cargo bench --bench audit_chain`, about a minute; `-- --help` lists what can be changed.
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

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::Parser as _;
use handoff::db::{self, APP_ROLE, Conn, connect};
use handoff::domain::ids::SiteId;
use handoff::ops::{Context, sequence};
use handoff::privacy::chain;
use support::load::{Counted, Load};
use support::place::Place;
use support::server::Server;
use support::{seed, table};

/// What the audit chain costs.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Referrals that are sent before; each leaves an event and an audit entry.
    #[arg(long, default_value_t = 5_000)]
    referrals: u64,
    /// Rounds that are measured, with the chain and without by turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// As if nothing had its place yet: events wait in the order of their writing, and so do entries where they are to be sealed.
const AGAIN: &str = "
    TRUNCATE audit_seals, event_positions, journal_queue;
    UPDATE journal_heads SET live_position = 0, test_position = 0, audit_position = 0, audit_hash = decode(repeat('00', 32), 'hex');
    INSERT INTO journal_queue (site_id, id, stream) SELECT site_id, id, 'event' FROM events ORDER BY number";
const AND_ENTRIES: &str = "
    ; INSERT INTO journal_queue (site_id, id, stream) SELECT site_id, id, 'audit' FROM audit_entries ORDER BY recorded_at, id";

fn main() {
    let arguments = Arguments::parse();
    let place = Place::start();
    let server = Server::start(&place);
    let site = seed::site(&place, &server, 1);
    let load = Load { address: server.address, clients: 8, expected: 201 };
    let number = std::sync::atomic::AtomicU64::new(0);
    let outcome = load.run(&Counted::new(arguments.referrals), &|request| {
        seed::write_referral(request, &site.partner_key, number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    });
    let of_request = outcome.elapsed.as_secs_f64() * 1e6 / arguments.referrals as f64;
    drop(server);
    let site: SiteId = place.text("SELECT site_id::text AS text FROM sites").parse().unwrap();
    let count = |of: &str| place.text(&format!("SELECT count(*)::text AS text FROM {of}")).parse::<f64>().unwrap();
    let (entries, events) = (count("audit_entries"), count("events"));
    let mut conn = connect(&place.url(APP_ROLE)).unwrap();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..=arguments.rounds {
        for chained in [round % 2 == 0, round % 2 != 0] {
            place.execute(&format!("{AGAIN}{}", if chained { AND_ENTRIES } else { "" }));
            place.execute("VACUUM ANALYZE");
            let took = placed(&mut conn, site).as_secs_f64() * 1e6;
            // The first round warms up.
            if round > 0 {
                if chained { with.push(took) } else { without.push(took) }
            }
        }
    }
    place.execute(&format!("{AGAIN}{AND_ENTRIES}"));
    placed(&mut conn, site);
    assert_eq!(count("audit_seals"), entries, "every entry is sealed");
    let (with, without) = (table::median(with), table::median(without));
    println!("{entries} audit entries, {events} events; medians of {} rounds", arguments.rounds);
    println!("placing events alone: {:.1} µs each", without / events);
    println!("sealing entries beside it: {:.1} µs each, behind the answers", (with - without) / entries);
    println!("salt and digest of one entry, within its request: {:.2} µs", digest_micros());
    println!("one referral with everything, by 8 clients: {of_request:.0} µs");
}

/// How long it takes to place everything that waits.
fn placed(conn: &mut Conn, site: SiteId) -> Duration {
    let begun = Instant::now();
    while db::in_site(conn, site, |conn, scope| sequence::run(conn, &Context::of_operator(*scope, Utc::now()))).unwrap().more {}
    begun.elapsed()
}

fn digest_micros() -> f64 {
    const TIMES: u32 = 20_000;
    let after = r#"{"status":"received","partner":"0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48","study":"0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49","channel":"secure_form"}"#;
    let begun = Instant::now();
    for _ in 0..TIMES {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).unwrap();
        black_box(chain::values_digest(&salt, None, Some(black_box(after))));
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}
