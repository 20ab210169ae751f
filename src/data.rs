//! What is kept: every query, and the tenant scope that each of them asks for. Why it is a crate: `rules.rs`.

#[macro_use]
extern crate handoff_rules;

/// The tenant scope. The rest of `auth`, which makes it, belongs to the crate that serves.
pub mod auth {
    pub mod scope;

    pub use scope::SiteScope;
}
pub mod store;

pub use handoff_rules::{domain, privacy};
pub use handoff_tables::schema;
