//! The journal: events get dense positions whatever happens to the servers, the feed can be followed, the audit trail tells who
//! did what and cannot be changed unseen.

mod audit;
mod export;
mod feed;
mod months;
pub mod sequencer;
mod tampering;
