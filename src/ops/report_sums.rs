//! Sums for a report at one moment: what the rollup has, and the events that it has not counted yet. So a report is never behind.
//!
//! To be asked in one snapshot: what is rolled up between two statements would be missed, or counted twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::report_counts::{self, Changes};
use super::{Context, roll_reports};
use crate::db::Conn;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::reports::standing::Traits;
use crate::domain::reports::{Basis, Period, Sums};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::reports::{self, Filter};
use crate::store::sites::SiteRow;

/// Events that a report counts by itself at the most. More wait for the rollup only after a large import or a change of the time zone.
pub const TAIL: i64 = 10_000;

/// What sums are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Of {
    /// The day, week or month that a sum is of.
    pub starts_on: NaiveDate,
    /// For which study.
    pub study: StudyId,
    /// From which partner; `None`: from nobody that is known.
    pub partner: Option<PartnerId>,
}

/// The counts of a site at one moment.
#[derive(Debug)]
pub struct ReportSums {
    /// The site.
    pub site: SiteRow,
    /// Whether the sums that are kept count; otherwise all is counted from the log.
    rolled: bool,
    tail: Changes,
}

impl ReportSums {
    /// Opens the counts of the context's site at this snapshot.
    ///
    /// # Errors
    /// 503 while more events wait than a report counts by itself.
    pub fn open(conn: &mut Conn, context: &Context) -> Result<Self, AppError> {
        let scope = &context.scope;
        let site = store::sites::current(conn, scope)?;
        let head = reports::head(conn, scope)?.filter(|head| roll_reports::is_current(head, &site));
        let rolled = head.is_some();
        // First what waits for a position: outside a snapshot it may get one before the next statement, and is found again then.
        let mut told = reports::waiting(conn, scope, TAIL)?.ok_or_else(|| AppError::new(ErrorCode::ReportNotReady))?;
        let counted = head.map_or(0, |head| head.position);
        told.extend(reports::between(conn, scope, (counted, counted + TAIL + 1))?);
        let mut seen = BTreeSet::new();
        told.retain(|event| seen.insert(event.id));
        if i64::try_from(told.len()).unwrap_or(i64::MAX) > TAIL {
            return Err(AppError::new(ErrorCode::ReportNotReady));
        }
        let tail = if rolled {
            report_counts::of(conn, scope, &told, site.zone())?
        } else {
            report_counts::from_nothing(conn, scope, &told, site.zone())?
        };
        Ok(Self { site, rolled, tail })
    }

    /// The zone of its days.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.site.zone()
    }

    /// Adds up the sums of a basis that begin from the first to the last of these days, by what `key` makes of each.
    ///
    /// # Errors
    /// A database failure, or a sum that cannot be read.
    pub fn add<K: Ord>(
        &self,
        conn: &mut Conn,
        context: &Context,
        (basis, days): (Basis, (NaiveDate, NaiveDate)),
        filter: &Filter,
        into: &mut BTreeMap<K, Sums>,
        key: impl Fn(Of) -> K,
    ) -> Result<(), AppError> {
        if self.rolled {
            for cell in reports::sums(conn, &context.scope, basis, days, filter)? {
                let of = Of { starts_on: cell.starts_on, study: cell.study_id, partner: cell.partner() };
                into.entry(key(of)).or_default().absorb(&cell.figures).map_err(AppError::internal)?;
            }
        }
        for ((of_basis, starts_on, traits), tally) in &self.tail.cells {
            if *of_basis == basis && days.0 <= *starts_on && *starts_on <= days.1 && filter.takes(traits) {
                let Traits { study, partner, .. } = *traits;
                into.entry(key(Of { starts_on: *starts_on, study, partner })).or_default().merge(tally, 1);
            }
        }
        Ok(())
    }

    /// Adds up what was recorded in a period, or what happened in it.
    ///
    /// # Errors
    /// As [`ReportSums::add`].
    pub fn over<K: Ord>(
        &self,
        conn: &mut Conn,
        context: &Context,
        (by_day, by_month): (Basis, Basis),
        period: Period,
        filter: &Filter,
        key: impl Fn(Of) -> K,
    ) -> Result<BTreeMap<K, Sums>, AppError> {
        let mut found = BTreeMap::new();
        for stretch in period.stretches() {
            let basis = if stretch.by_month { by_month } else { by_day };
            self.add(conn, context, (basis, (stretch.from, stretch.until)), filter, &mut found, &key)?;
        }
        Ok(found)
    }
}

/// Referrals by when they were recorded.
pub const RECORDED: (Basis, Basis) = (Basis::RecordedDay, Basis::RecordedMonth);
/// What happened by when it did.
pub const HAPPENED: (Basis, Basis) = (Basis::HappenedDay, Basis::HappenedMonth);
