//! The sums that reports are counted from, and what they are made from. `domain::reports` says what is counted.

mod cells;
mod heads;
mod log;
mod names;
mod open_work;
mod refused;
mod releases;
mod standings;

pub use cells::{Cell, CellKey, Filter, change, clear as clear_cells, sums};
pub use heads::{HeadRow, find as head, insert as insert_head, lock as lock_head, write as write_head};
pub use log::{HappeningRow, between, count_after, waiting};
pub use names::{Names, names};
pub use open_work::{BlockedTally, DueTally, blocked, blockers, due, next_actions};
pub use refused::{Refused, refused};
pub use releases::{Audience, ReleaseRow, first_month, insert as insert_releases, last as last_releases, shown, sources};
pub use standings::{FactRow, clear as clear_facts, each_standing_of, facts, keep, standings};

use crate::domain::ids::PartnerId;

/// The id that stands for a partner where nobody that is known referred: a column of a key is never NULL.
#[must_use]
pub const fn nobody() -> PartnerId {
    PartnerId(uuid::Uuid::nil())
}

/// The partner of a column where the nil id stands for nobody.
#[must_use]
pub fn somebody(partner: PartnerId) -> Option<PartnerId> {
    (!partner.0.is_nil()).then_some(partner)
}
