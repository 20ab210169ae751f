//! What keeps people out of the system's memory: the body allowlist, the classifiers of names and of values, keyed digests,
//! server keys, sealing, the audit chain, the gate that counts pass on their way out.
//!
//! Pure: no request and no connection. Nothing here logs, and no error of this module carries what it refused.

pub mod anchors;
pub mod chain;
pub mod codes;
pub mod digests;
pub mod guard;
pub mod hex;
pub mod json;
pub mod keys;
pub mod names;
pub mod sealing;
pub mod shape;
pub mod suppression;
