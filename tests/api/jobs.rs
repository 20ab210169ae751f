//! The scheduler, the leases that keep several servers apart, and what an operator sees of them.

pub mod admin;
mod leases;
mod scheduler;
