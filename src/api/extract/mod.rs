//! What a request brings, parsed once at the edge: body, query, path ids, headers.

mod body;
mod headers;
mod params;
mod path;
mod query;

pub(crate) use body::contract;
pub use body::{Body, Contract, NoBody};
pub(in crate::api) use body::{checked, record_refusal, refusal_code, registered, typed};
pub use headers::{IdempotencyKey, IfMatch, OptionalIdempotencyKey};
pub use params::{IdempotencyKeyHeader, IfMatchHeader, OptionalIdempotencyKeyHeader, present};
pub use path::{PathId, PathIdAndWord, PathIds};
pub use query::Query;
