//! Queries and writes, one file per table group: `fn(conn, scope, …)`. No rule lives here: what a store function is
//! asked to write has been decided. The one exception are the two set-based writes of a study's pause in `referrals`, which
//! repeat `domain::next_action` for many rows at once; a test over HTTP ties the two together.
//!
//! `scope` is the proof of a tenant; every query also filters by its site, so that a missing policy and a missing filter
//! would both have to happen before a row is seen by the wrong caller.

pub mod api_keys;
pub mod contact_digests;
pub mod idempotency;
pub mod journal;
pub mod locks;
pub mod members;
pub mod partners;
pub mod referrals;
pub mod refusals;
pub mod routes;
pub mod sites;
pub mod studies;
