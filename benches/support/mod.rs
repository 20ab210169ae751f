//! What the benchmarks stand on: a durable PostgreSQL of their own, the real server as a process of its own, callers that
//! cost little, and meters.
//!
//! Everything is on loopback or a Unix socket, in a temporary directory that goes away at the end. Figures are printed and
//! never judged here: a benchmark does not fail for being slow, only for a wrong answer.
#![allow(dead_code, reason = "each benchmark uses its part of it")]

pub mod cpu;
pub mod http;
pub mod latency;
pub mod load;
pub mod machine;
pub mod onboarding;
pub mod peer;
pub mod pgbench;
pub mod place;
pub mod round;
pub mod seed;
pub mod server;
pub mod table;

/// The arguments that every load benchmark takes after `--`.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Rounds that are measured; what is compared takes turns within each.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds that each measurement of a round takes.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Clients, each of which sends its next request when it has the answer to the last.
    #[arg(long, default_value_t = 16)]
    pub clients: usize,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    pub bench: bool,
}
