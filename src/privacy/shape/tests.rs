//! The allowlist on a body like the product's own, and the schemas it must refuse.

mod bodies;
mod schemas;
