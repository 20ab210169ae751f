//! One pass of the rollup over one site: what the event log tells of next goes into the sums that reports are counted from. The sums say
//! by which definitions and in which time zone they are made; with others they are removed and made anew from the log's beginning.
//!
//! The pass holds the site's head, so that of several servers one adds at a time.

use chrono_tz::Tz;

use super::{Context, report_counts};
use crate::db::Conn;
use crate::domain::reports::DEFINITIONS;
use crate::domain::reports::tally::Broken;
use crate::error::AppError;
use crate::store;
use crate::store::reports::{self, HappeningRow, HeadRow};
use crate::store::sites::SiteRow;

/// Events, or sums to be removed, of one pass. Many at once touch each sum once instead of many times; nobody but the next pass waits for
/// the locks.
pub const BATCH: i64 = 6_000;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolled {
    /// Events counted, or sums removed.
    pub count: usize,
    /// Whether more may wait.
    pub more: bool,
}

/// Whether sums are made by the present definitions, in the site's time zone.
pub(super) fn is_current(head: &HeadRow, site: &SiteRow) -> bool {
    !head.clearing && head.definitions == DEFINITIONS && head.time_zone == site.time_zone.as_str()
}

/// Runs one pass over the context's site.
///
/// # Errors
/// A database failure: the pass is undone as a whole, and the next one does it.
pub fn pass(conn: &mut Conn, context: &Context, batch: i64) -> Result<Rolled, AppError> {
    let scope = &context.scope;
    let site = store::sites::current(conn, scope)?;
    let first = || HeadRow {
        site_id: scope.site(),
        position: 0,
        definitions: DEFINITIONS,
        time_zone: site.time_zone.as_str().to_owned(),
        clearing: false,
        closed_month: None,
    };
    let Some(mut head) = reports::lock_head(conn, scope)? else {
        reports::insert_head(conn, &first())?;
        return Ok(Rolled { count: 0, more: true });
    };
    if !is_current(&head, &site) {
        let removed = reports::clear_cells(conn, scope, batch)? + reports::clear_facts(conn, scope, batch)?;
        let left = removed > 0;
        reports::write_head(conn, scope, &HeadRow { clearing: left, closed_month: head.closed_month, ..first() })?;
        return Ok(Rolled { count: removed.max(1), more: true });
    }
    let end = store::journal::head(conn, scope)?.map_or(0, |head| head.end(false));
    if end <= head.position {
        return Ok(Rolled { count: 0, more: false });
    }
    let before = head.clone();
    head.position = end.min(before.position + batch);
    let told = reports::between(conn, scope, (before.position, head.position))?;
    if let Err(error) = count(conn, context, &told, site.zone()) {
        if !error.cause().is_some_and(|cause| cause.is::<Broken>()) {
            return Err(error);
        }
        log::error!("a sum of the reports is broken: all sums of the site are made anew");
        reports::write_head(conn, scope, &HeadRow { clearing: true, ..before })?;
        return Ok(Rolled { count: 1, more: true });
    }
    reports::write_head(conn, scope, &head)?;
    Ok(Rolled { count: told.len().max(1), more: head.position < end })
}

fn count(conn: &mut Conn, context: &Context, told: &[HappeningRow], zone: Tz) -> Result<(), AppError> {
    let changes = report_counts::of(conn, &context.scope, told, zone)?;
    reports::change(conn, &context.scope, &changes.cells)?;
    Ok(reports::keep(conn, &changes.facts)?)
}
