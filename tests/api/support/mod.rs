//! What tests stand on: a server, databases, callers as people, and things to make.
//!
//! Helpers speak HTTP; those that reach into the database start with `db_`.

pub mod app;
pub mod callers;
pub mod db;
pub mod log;
pub mod make;
pub mod onboard;
pub mod smtp;
pub mod things;
pub mod traces;
pub mod webhook;

pub use app::App;
