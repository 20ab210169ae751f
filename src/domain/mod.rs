//! The pure heart: words, bounded values, state machines and decisions.
//!
//! Nothing here knows a connection or a request. `diesel` and `utoipa` appear for type mapping only (`ids`,
//! `text_enum`, `bounded`); a rule that needs a query belongs to `ops`, a rule that needs a header to `api`.

#[macro_use]
mod text_enum;
#[macro_use]
mod bounded;

pub mod address;
pub mod admission;
pub mod aging;
pub mod alerting;
pub mod approved_process;
pub mod boundaries;
pub mod calendar;
pub mod contact_basis;
pub mod coverage;
pub mod escalation;
pub mod fault;
pub mod first_action;
pub mod handoff_code;
pub mod ids;
pub mod imports;
pub mod intake;
pub mod intake_link;
pub mod journal;
pub mod language;
pub mod language_check;
pub mod language_standing;
pub mod launch;
pub mod lifecycle;
pub mod locale;
pub mod merge;
pub mod next_action;
pub mod origins;
pub mod partner_review;
pub mod proxies;
pub mod public_url;
pub mod referral_state;
pub mod reports;
pub mod route_config;
pub mod sealed_details;
pub mod standstill;
pub mod test_run;
pub mod text;
pub mod vocabulary;
pub mod webhooks;
pub mod working_time;

pub use bounded::OutOfBounds;
pub use text_enum::{CodeList, UnknownWord};
