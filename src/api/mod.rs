//! Thin handlers, one file per resource: request and response structs, and one operation each.
//!
//! A handler extracts, calls one operation inside one transaction and shapes the answer. Response structs are
//! allowlists: rows are never serialised.

pub mod cursor;
pub mod extract;
pub mod idempotency;
pub mod partners;
pub mod read;
pub mod referrals;
pub mod reply;
pub mod routes;
pub mod sites;
pub mod studies;
pub mod system;
pub mod views;
