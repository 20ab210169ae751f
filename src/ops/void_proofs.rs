//! What an edit of a route's configuration takes away: its proof. Live traffic stops at once, and a test that is under way ends, since
//! it tests what is there no more.

use super::record::Change;
use super::route_configurations::{Changed, keep};
use super::{Context, advance_test_run, facts};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::launch;
use crate::domain::test_run::TestRunStatus;
use crate::error::AppError;
use crate::store;
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;

/// Keeps the configurations that are new and voids what was proven of the ones before; answers what is to be recorded beside the
/// change itself. The caller has locked the routes.
///
/// # Errors
/// A database failure.
pub(super) fn run(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    site: &SiteRow,
    changed: &[Changed<'_>],
) -> Result<Vec<Change>, AppError> {
    let edited = keep(conn, context, operation, site, changed)?;
    let routes: Vec<&RouteRow> = changed.iter().map(|one| one.route).filter(|route| edited.contains(&route.id)).collect();
    for run in store::test_runs::lock_open_of_routes(conn, &context.scope, &edited)? {
        advance_test_run::end(conn, context, operation, &run, TestRunStatus::Cancelled)?;
    }
    let voided: Vec<(&RouteRow, RouteRow)> = routes
        .into_iter()
        .filter_map(|route| Some((route, RouteRow { status: launch::voided(route.status)?, ..route.clone() })))
        .collect();
    let ids: Vec<RouteId> = voided.iter().map(|(route, _)| route.id).collect();
    store::routes::require_retest(conn, &context.scope, &ids)?;
    let change =
        |(before, after): &(&RouteRow, RouteRow)| {
            Change::new(operation, SubjectKind::Route, after.id.0, facts::of_route(before), facts::of_route(after))
                .tell_of_partner(EventType::RouteVoided, after.version, after.partner_id, Some(after.study_id))
        };
    Ok(voided.iter().map(change).collect())
}
