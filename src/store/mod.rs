//! Queries and writes, one file per table group: `fn(conn, scope, …)`. No rule lives here: what a store function is
//! asked to write has been decided.
//!
//! `scope` is the proof of a tenant; every query also filters by its site, so that a missing policy and a missing filter
//! would both have to happen before a row is seen by the wrong caller.

pub mod acknowledgements;
pub mod alert_webhooks;
pub mod alerts;
pub mod api_keys;
pub mod approved_processes;
pub mod at_once;
pub mod away_windows;
pub mod contact_digests;
pub mod duplicates;
pub mod erasures;
pub mod idempotency;
pub mod invariants;
pub mod job_leases;
pub mod journal;
pub mod language_versions;
pub mod locks;
pub mod members;
pub mod partner_reviews;
pub mod partners;
pub mod prepared;
pub mod queue;
pub mod referral_imports;
pub mod referrals;
pub mod refusals;
pub mod registered_names;
pub mod reports;
pub mod route_configurations;
pub mod route_counts;
pub mod routes;
pub mod sealed_details;
pub mod sites;
pub mod studies;
pub mod test_runs;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
