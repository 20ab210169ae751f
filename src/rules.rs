//! What is decided without a database and without a request: vocabularies and decisions (`domain`), and what guards privacy.
//!
//! The sources of the product stand in one tree and are four crates: `rules` and `tables` are compiled side by side, `data` on top of them while
//! dependencies that it has no use for still are, and `lib.rs` last. A first build takes a twelfth less time so, and whoever changes a handler waits
//! for handlers alone. Each names the modules of those below again, so that everybody says `crate::domain`; the dependency rule stands in
//! `lib.rs`.

#[macro_use]
pub mod domain;
pub mod privacy;
