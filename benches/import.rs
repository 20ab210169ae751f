//! A file of referrals, with all checks on, beside `COPY` of the same rows into the same indexed tables (P4).
//!
//! `cargo bench --bench import`, a quarter of an hour for a million rows; `-- --rows 60000` for one minute. The import goes through
//! `handoff import`, so that what is measured is what a site waits for: reading, checking and staging the file, then every row's decision,
//! audit entry and event. `COPY` gets what came of it, table by table, and decides nothing.
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

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser as _;
use support::place::Place;
use support::seed;
use support::server::Server;

/// Importing referrals.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Rows of the file.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Partners that they come from.
    #[arg(long, default_value_t = 4)]
    partners: u64,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What an import leaves, in an order that foreign keys allow.
const TABLES: [&str; 7] = [
    "referrals",
    "referral_digests",
    "match_results",
    "audit_entries",
    "events",
    "referral_import_results",
    "referral_import_keys",
];

fn main() {
    let arguments = Arguments::parse();
    let place = Place::start();
    let server = Server::start(&place);
    seed::site(&place, &server, usize::try_from(arguments.partners).unwrap());
    let key = place.run(&["key", "create", "--name=loader", "--scope=import:write"]);
    let file = place.directory().join("referrals.csv");
    let size = write_file(&file, &arguments);
    println!("{} rows, {:.1} MiB", arguments.rows, size as f64 / 1024.0 / 1024.0);

    let idle = resident(server.pid());
    let memory = Watch::start(server.pid());
    let begun = Instant::now();
    let mut import = place.command(&["import", file.to_str().unwrap(), "--server", &format!("http://{}", server.address)]);
    let output = import.env("HANDOFF_API_KEY", key.trim()).output().expect("the binary runs");
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("completed: {} created, 0 imported before, 0 refused", arguments.rows)), "{said}");
    let peak = memory.stop();
    drop(server);
    println!(
        "import: {:.1} s, {:.0} rows/s; server {idle} MiB resident when idle, {} MiB more at the most",
        took.as_secs_f64(),
        arguments.rows as f64 / took.as_secs_f64(),
        peak.saturating_sub(idle)
    );
    copy(&place, took, arguments.rows);
}

/// A file whose rows are all different, with an address and a telephone number in each.
fn write_file(path: &Path, arguments: &Arguments) -> u64 {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    let header = "row_key,partner,study,channel,contact_basis,contact_path,partner_reference,received_at,match.email,match.phone";
    writeln!(file, "{header}").unwrap();
    let day = chrono::Utc::now().date_naive() - chrono::Duration::days(30);
    for number in 0..arguments.rows {
        let (partner, exchange, line) = (number % arguments.partners + 1, 200 + number / 10_000 % 800, number % 10_000);
        writeln!(
            file,
            "row-{number:08},partner-{partner:02},{},secure_form,permission_to_contact,person_uses_intake,LC-{number:08},{day}T12:{:02}:{:02}Z,person-{number}@mail.example,+1 415 {exchange:03} {line:04}",
            seed::STUDY,
            number / 60 % 60,
            number % 60
        )
        .unwrap();
    }
    file.flush().unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// Copies out what the import left, empties the tables, and takes the time of copying it in again.
fn copy(place: &Place, import: Duration, rows: u64) {
    let directory = place.text("SELECT current_setting('data_directory') AS text");
    for table in TABLES {
        place.execute(&format!("COPY (TABLE {table}) TO '{directory}/bench-{table}.copy'"));
    }
    place.execute(&format!("TRUNCATE {} CASCADE", TABLES.join(", ")));
    place.execute("CHECKPOINT");
    let mut took = Vec::new();
    for table in TABLES {
        let begun = Instant::now();
        place.execute(&format!("COPY {table} FROM '{directory}/bench-{table}.copy'"));
        took.push((table, begun.elapsed().as_secs_f64()));
    }
    let all: f64 = took.iter().map(|(_, seconds)| seconds).sum();
    let each: Vec<String> = took.iter().map(|(table, seconds)| format!("{table} {seconds:.1}")).collect();
    println!("COPY of the same rows: {all:.1} s, {:.0} rows/s ({})", rows as f64 / all, each.join(", "));
    let referrals = took[0].1;
    println!(
        "import / COPY: {:.2} of all its tables, {:.2} of referrals alone",
        all / import.as_secs_f64(),
        referrals / import.as_secs_f64()
    );
}

/// What a process has resident, in MiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

/// Watches how much a process has resident.
struct Watch {
    over: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, seen) = (Arc::clone(&over), Arc::clone(&most));
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { over, most, thread }
    }

    fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.most.load(Ordering::Relaxed)
    }
}
