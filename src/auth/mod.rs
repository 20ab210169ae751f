//! Who is calling, and what they may do.
//!
//! Credentials become an [`Actor`] and a [`SiteScope`] here and nowhere else; handlers state in their signature which
//! permission they need ([`Caller`]). Rules about data (own referrals, test referrals) live in `store` and `ops`.

mod actor;
pub mod api_key;
mod authenticate;
mod caller;
mod key_uses;
mod known_keys;
pub mod permission;
pub mod provider;
pub mod token;

pub use actor::{Actor, PartnerActor, SiteClient, StaffActor};
pub use authenticate::authenticate;
pub use caller::{Caller, Identified};
pub use key_uses::KeyUses;
pub use known_keys::KnownKeys;
// Beside `store`, which asks for it: src/data.rs.
pub use handoff_data::auth::scope::{SiteScope, operator_scope};
