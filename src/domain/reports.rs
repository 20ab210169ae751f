//! What reports count, and how: every definition of a figure is in this module. Pure: `ops` counts with it, `store` keeps the sums.
//!
//! A referral is counted as what it is now (`standing`), by the day on which it was recorded and by the week in which it was received;
//! what happened is counted by the day on which it happened (`happening`). Sums (`tally`) are kept by day, week and month (`period`);
//! times are kept in classes (`times`) from which quantiles are told; `chance` says whether a difference exceeds chance.

pub mod chance;
pub mod figures;
pub mod happening;
pub mod period;
pub mod shared;
pub mod standing;
pub mod tally;
pub mod times;

pub use figures::{Figure, Key};
pub use period::{Basis, Period};
pub use tally::{Sums, Tally};

/// Another number: the sums that are kept are made anew. To be raised with every change of a figure's definition or of its number.
pub const DEFINITIONS: i32 = 2;
