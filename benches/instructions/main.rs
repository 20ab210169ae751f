//! Instructions of the hot pure functions, counted by valgrind: unlike times they are the same on a busy machine.
//!
//! `cargo bench --bench instructions`, about half a minute; names after `--` choose among the functions. The counts compare one
//! build with another and are not times. Valgrind shows no SHA extensions to a program: hashing is counted as the portable
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

use std::process::{Command, Stdio};

use clap::Parser as _;

/// How often a function is called under measurement: hash tables and allocations differ a little from call to call.
const CALLS: u64 = 100;
/// The case that does nothing. What it costs is the harness's own and is taken off the others.
const NOTHING: &str = "nothing";

/// Counting instructions of the hot pure functions with valgrind.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Count those only whose names contain one of these words.
    names: Vec<String>,
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
        return;
    };
    println!("{}, instructions per call, mean of {CALLS}", String::from_utf8_lossy(&version.stdout).trim());
    let overhead = count(NOTHING);
    let chosen = |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|word| name.contains(word.as_str()));
    for (name, _) in cases.iter().filter(|(name, _)| *name != NOTHING && chosen(name)) {
        println!("{name:44} {:>10}", count(name).saturating_sub(overhead) / CALLS);
    }
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
