//! The process by itself: from its start to its first 200 of `/readyz` against a migrated database, and its memory (P6).
//!
//! `cargo bench --bench process`, about half a minute; `-- --help` lists what can be changed.
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

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser as _;
use support::load::{Counted, Load};
use support::place::Place;
use support::server::Server;
use support::{cpu, seed, table};

/// How soon the process is ready, and how much memory it holds.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Starts that are measured, after one that reads the binary into memory.
    #[arg(long, default_value_t = 15)]
    starts: usize,
    /// Referrals that are sent before memory is read again.
    #[arg(long, default_value_t = 1000)]
    requests: u64,
    /// Clients that send them.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long a process is left alone before it counts as idle.
const SETTLE: Duration = Duration::from_secs(1);

fn main() {
    let arguments = Arguments::parse();
    let place = Place::start();
    drop(Server::start(&place));
    let ready: Vec<f64> = (0..arguments.starts).map(|_| Server::start(&place).ready_after.as_secs_f64() * 1000.0).collect();
    let (low, high) = table::range(ready.iter().copied());
    println!();
    println!(
        "ready after start       median {:>7.1} ms   lowest {low:.1}, highest {high:.1}, {} starts",
        table::median(ready),
        arguments.starts
    );

    let server = Server::start(&place);
    print_memory("idle after start", server.pid());
    let site = seed::site(&place, &server, 1);
    let sent = AtomicU64::new(0);
    let load = Load { address: server.address, clients: arguments.clients, expected: 201 };
    load.run(&Counted::new(arguments.requests), &|request| {
        seed::write_referral(request, &site.partner_key, sent.fetch_add(1, Ordering::Relaxed));
    });
    print_memory(&format!("after {} requests", arguments.requests), server.pid());
}

fn print_memory(when: &str, pid: u32) {
    std::thread::sleep(SETTLE);
    let mebibytes = |name| cpu::memory(pid, name).map_or_else(|| "–".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0));
    println!(
        "{when:23} VmRSS  {:>7} MiB   of which anonymous {}, peak {}",
        mebibytes("VmRSS"),
        mebibytes("RssAnon"),
        mebibytes("VmHWM")
    );
}
