//! Instructions of the hot pure functions, counted by valgrind: unlike times they are the same on a busy machine.
//!
//! `cargo bench --bench instructions`, about half a minute; names after `--` choose among the functions. The counts compare one
//! build with another and are not times.
//!
//! `cargo bench --profile dev --bench instructions -- --check` holds the counts of a development build, which CI has anyway, against
//! `benches/instructions/counts.txt` and fails when one has grown; `-- --write` writes that file anew, for a change that is worth what
//! it costs. Valgrind shows no SHA extensions to a program: hashing is counted as the portable
//! code does it, which is several times what most processors run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark"
)]

mod cases;
mod counts;

use std::process::{Command, Stdio};

use clap::Parser as _;
use counts::Counts;

/// How often a function is called under measurement: hash tables and allocations differ a little from call to call.
const CALLS: u64 = 100;
/// The case that does nothing. What it costs is the harness's own and is taken off the others.
const NOTHING: &str = "nothing";

/// Counting instructions of the hot pure functions with valgrind.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Count those only whose names contain one of these words.
    names: Vec<String>,
    /// Hold the counts against the file of counts, and fail when one has grown.
    #[arg(long, conflicts_with_all = ["names", "write"])]
    check: bool,
    /// Write the file of counts.
    #[arg(long, conflicts_with = "names")]
    write: bool,
    /// Run one function under measurement: what valgrind is given.
    #[arg(long, hide = true)]
    measured: Option<String>,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let cases = cases::all();
    if let Some(name) = arguments.measured {
        let (_, work) = cases.iter().find(|(known, _)| *known == name).expect("a known function");
        // What is made at the first use and then kept is not what a request costs.
        work();
        collected_by_callgrind(work.as_ref());
        return;
    }
    let Ok(version) = Command::new("valgrind").arg("--version").stderr(Stdio::null()).output() else {
        println!("valgrind is not on PATH: no instructions are counted.");
        // Who asked for a check was not given one.
        std::process::exit(i32::from(arguments.check || arguments.write));
    };
    println!("{}, instructions per call, mean of {CALLS}", String::from_utf8_lossy(&version.stdout).trim());
    let overhead = count(NOTHING);
    let chosen = |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|word| name.contains(word.as_str()));
    let mut counted = Counts::default();
    for (name, _) in cases.iter().filter(|(name, _)| *name != NOTHING && chosen(name)) {
        let count = count(name).saturating_sub(overhead) / CALLS;
        println!("{name:44} {count:>10}");
        counted.insert(name, count);
    }
    if arguments.write {
        counted.write();
    }
    if arguments.check {
        check(&counted);
    }
}

/// Fails when a function costs more than is written down, after it has seen that such a one is told.
fn check(counted: &Counts) {
    let allowed = Counts::read();
    let control = allowed.with_one_more_costly();
    assert!(
        !allowed.broken_by(&control).is_empty(),
        "a function that costs half as much again is not told: the check sees nothing"
    );
    let broken = allowed.broken_by(counted);
    for told in &broken {
        println!("{told}");
    }
    println!("{} functions held against {}: {} have grown; control: told", counted.len(), counts::FILE, broken.len());
    std::process::exit(i32::from(!broken.is_empty()));
}

/// The one function that valgrind collects in, by its name.
#[inline(never)]
fn collected_by_callgrind(work: &dyn Fn()) {
    for _ in 0..CALLS {
        work();
    }
}

/// Instructions of all calls of a function together.
fn count(name: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*collected_by_callgrind*"])
        .args(["--callgrind-out-file=/dev/null", "--"])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["--measured", name])
        .env("LC_ALL", "C")
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    let collected = collected.unwrap_or_else(|| panic!("valgrind says no count: {said}"));
    assert!(collected >= CALLS, "nothing was collected: has the binary been stripped of its symbols?");
    collected
}
