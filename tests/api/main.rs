//! The whole system over HTTP: a real server on port 0, a real PostgreSQL, a database of its own per test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking, print their figures and read the environment that they are run in"
)]

mod access_matrix;
mod alerts;
mod api_keys;
mod architecture;
mod away_windows;
mod bad_input;
mod bulk_actions;
mod configuration;
mod contact_withdrawals;
mod contract;
mod cors;
mod crash;
mod deploy;
mod due_times;
mod duplicates;
mod embedded;
mod erasures;
mod escalation;
mod guard;
mod idempotency;
mod identity_provider;
mod imports;
mod intake;
mod invariants;
mod jobs;
mod journal;
mod language;
mod language_check;
mod launch;
mod listing;
mod members;
mod migrations;
mod outbound;
mod overload;
mod preflight;
mod privacy;
mod process;
mod queue;
mod races;
mod rate_limits;
mod referrals;
mod reports;
mod retention;
mod rotation;
mod route_setup;
mod sealed_details;
mod stalled;
mod standstills;
mod support;
mod tenancy;
mod tls;
mod webhooks;
