//! Handoff: a headless JSON REST API for clinical-trial research sites that receive referrals from partners.
//!
//! # Where things live
//! A request's natural way: `routes` → `auth` (who calls) and `api::extract` (is the body inside the contract) → a thin
//! handler in `api` → one operation in `ops`, inside one transaction: load, let `domain` decide, let `store` write.
//!
//! Dependency rule: `api → ops → store → schema`; `jobs → ops → store`. `domain` is used by all and uses none; `error` and
//! `clock` are leaves. `outbound` alone opens connections to places that somebody configured; `jobs` sends by it, `api` asks it whether
//! an address may be configured. Only `server` and `routes` know every handler. `tests/api/architecture.rs` checks it. What stands below
//! `db` is crates of its own, from the same sources: `rules.rs`.

// The example of an answer that holds a whole referral is one long macro.
#![recursion_limit = "256"]

#[macro_use]
extern crate handoff_rules;

pub mod api;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod jobs;
pub mod openapi;
pub mod ops;
pub mod outbound;
pub mod routes;
pub mod server;
pub mod state;

pub use handoff_data::{domain, privacy, schema, store};
