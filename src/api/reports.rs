//! Reports of the site: which source works, what moves, what blocks, what is next, and whether the workflow improves. Exact and live, for
//! staff and the site's systems; what leaves to partners and sponsors is in `feedback` and `sponsor_summary`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::csv;
use super::extract::Query;
use super::feedback::FeedbackReport;
use super::read::context;
use super::reply::Reply;
use super::sponsor_summary::{self, SponsorSummaryReport};
use crate::auth::Caller;
use crate::auth::permission::{Permission, ReadReports};
use crate::db::Conn;
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::state::AppState;

mod ask;
pub mod drawing;
mod figures;
mod movement;
mod open_work;
mod picture;
mod source_quality;
mod workflow_signal;

pub use ask::{
    GetBlockersReport, GetMovementReport, GetNextActionsReport, GetOpenWorkReport, GetReport, GetSourceQualityReport, LateLogged,
    ReportPeriod,
};
pub use figures::{CloseReasonCount, Share, TimeFigures};
pub use movement::{Cohort, Funnel, MovementReport, TransitionCount};
pub use open_work::{Ages, BlockerCount, BlockerOwner, BlockersReport, DueCount, DueOwner, NextActionsReport};
pub use source_quality::{SourceFigures, SourceQuality, SourceQualityReport};
pub use workflow_signal::{Chance, GetWorkflowSignalReport, SignalEscalations, SignalShare, SignalTimes, WorkflowSignalReport};

/// A report as the lines of a table.
pub trait Table {
    /// Its name, for the file.
    const NAME: &'static str;

    /// Its columns. They stand in the document, as the example of the operation's CSV.
    fn header() -> Vec<String>;

    /// Its lines, each with as many cells. They are made one by one, as the reader takes them.
    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_;
}

/// The columns of each table, by operation.
#[must_use]
pub fn tables() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("get_source_quality_report", SourceQualityReport::header()),
        ("get_movement_report", MovementReport::header()),
        ("get_blockers_report", BlockersReport::header()),
        ("get_next_actions_report", NextActionsReport::header()),
        ("get_workflow_signal_report", WorkflowSignalReport::header()),
        ("get_sponsor_summary_report", SponsorSummaryReport::header()),
        ("get_feedback", FeedbackReport::header()),
    ]
}

/// Columns by their names.
fn columns<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

/// A moment as a cell: RFC 3339, to the second.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// By how many seconds what was counted on a standby lies back.
const LAG: HeaderName = HeaderName::from_static("x-data-lag-seconds");

/// Lines of one chunk.
const CHUNK: usize = 500;

/// Counts a report in one snapshot, on the standby if there is one, and answers it as it is asked for: JSON, or CSV as a table.
async fn answer<P, T, F>(app: &AppState, caller: &Caller<P>, headers: &HeaderMap, count: F) -> Result<HttpResponse, AppError>
where
    P: Permission,
    T: Table + Serialize + Send + 'static,
    F: FnOnce(&mut Conn, &Context) -> Result<T, AppError> + Clone + Send + 'static,
{
    let context = context(app, caller);
    refuse_test_key(&context)?;
    let (scope, deadline) = (context.scope, caller.deadline);
    let count = move |conn: &mut Conn| count(conn, &context);
    let (report, lag) = match &app.standby {
        Some(standby) => standby.snapshot_or(&app.db, scope, deadline, count).await?,
        None => (app.db.snapshot(scope, deadline, count).await?, None),
    };
    let mut response = if csv::is_asked_for(headers) { table(report) } else { Reply::plain(&report)?.into_response() };
    if let Some(seconds) = lag {
        response.headers_mut().insert(LAG, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Refuses test keys: test referrals reach no report, and live ones no test key.
///
/// # Errors
/// 403 for a test key.
pub(super) fn refuse_test_key(context: &Context) -> Result<(), AppError> {
    if context.actor.is_test() {
        let detail = "Test referrals reach no report, and a test key sees nothing else. Use a live key.";
        return Err(AppError::new(ErrorCode::Forbidden).with_detail(detail));
    }
    Ok(())
}

/// A report as CSV, a chunk at a time.
pub(super) fn table<T: Table + 'static>(report: T) -> HttpResponse {
    let (response, sender) = csv::streamed(&format!("{}.csv", T::NAME));
    actix_web::rt::spawn(async move {
        let mut lines = std::iter::once(T::header()).chain(report.lines()).peekable();
        while lines.peek().is_some() {
            let chunk = lines.by_ref().take(CHUNK);
            let text: Result<Vec<Vec<u8>>, AppError> = chunk.map(|cells| csv::record(cells.iter().map(String::as_str))).collect();
            if sender.send(text.map(|lines| Bytes::from(lines.concat()))).await.is_err() {
                return;
            }
        }
    });
    response
}

/// Report source quality
///
/// Which source works: for every partner and study how many referrals were recorded in the period, how complete and right they were, how
/// far they came, how fast, and why they ended. A referral counts as what it is now, under the day on which it was recorded. Live and
/// exact; with `Accept: text/csv` one line per source, every share beside its count. With `Accept: image/svg+xml`, and a study, a picture for slides: what sponsors are told
/// of its newest closed period, in bands.
#[utoipa::path(
    operation_id = "get_source_quality_report", tag = "reports",
    params(GetReport),
    responses((status = 200, description = "The report at this moment.",
        content((SourceQualityReport = "application/json"), (csv::CsvText = "text/csv"), (drawing::SvgPicture = "image/svg+xml")))),
)]
#[get("/v1/reports/source-quality")]
pub async fn get_source_quality_report(
    caller: Caller<ReadReports>,
    query: Query<GetReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    if drawing::is_asked_for(request.headers()) {
        query.0.check_is_of_study_alone()?;
        return sponsor_summary::draw(&app, &caller, query.0.study.as_ref(), drawing::PictureOf::SourceQuality).await;
    }
    answer(&app, &caller, request.headers(), move |conn, context| SourceQualityReport::count(conn, context, &query.0)).await
}

/// Report movement
///
/// What moves: how far the people came who were received in each week, every step from one state to another that was made in the period,
/// what fell through and what was opened again. Live and exact; with `Accept: text/csv` one line per figure: the steps of each week's cohort (`cohort_…`), each transition, and what happened in the period. With `Accept: image/svg+xml`, and a
/// study, a picture for slides: what sponsors are told of its newest closed period, in bands.
#[utoipa::path(
    operation_id = "get_movement_report", tag = "reports",
    params(GetReport),
    responses((status = 200, description = "The report at this moment.",
        content((MovementReport = "application/json"), (csv::CsvText = "text/csv"), (drawing::SvgPicture = "image/svg+xml")))),
)]
#[get("/v1/reports/movement")]
pub async fn get_movement_report(
    caller: Caller<ReadReports>,
    query: Query<GetReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    if drawing::is_asked_for(request.headers()) {
        query.0.check_is_of_study_alone()?;
        return sponsor_summary::draw(&app, &caller, query.0.study.as_ref(), drawing::PictureOf::Movement).await;
    }
    answer(&app, &caller, request.headers(), move |conn, context| MovementReport::count(conn, context, &query.0)).await
}

/// Report blockers
///
/// What blocks: open referrals that wait, by what they wait for and by owner, for how long, and since when the one that waits longest
/// does. Live and exact; with `Accept: text/csv` one line per blocker and owner.
#[utoipa::path(
    operation_id = "get_blockers_report", tag = "reports",
    params(GetOpenWorkReport),
    responses((status = 200, description = "The report at this moment.",
        content((BlockersReport = "application/json"), (csv::CsvText = "text/csv")))),
)]
#[get("/v1/reports/blockers")]
pub async fn get_blockers_report(
    caller: Caller<ReadReports>,
    query: Query<GetOpenWorkReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    answer(&app, &caller, request.headers(), move |conn, context| BlockersReport::count(conn, context, &query.0)).await
}

/// Report next actions
///
/// What is next: open referrals by next action and by owner, what is due, what is overdue and for how long, and what needs somebody's
/// eye. Live and exact; with `Accept: text/csv` one line per next action, owner and aging.
#[utoipa::path(
    operation_id = "get_next_actions_report", tag = "reports",
    params(GetOpenWorkReport),
    responses((status = 200, description = "The report at this moment.",
        content((NextActionsReport = "application/json"), (csv::CsvText = "text/csv")))),
)]
#[get("/v1/reports/next-actions")]
pub async fn get_next_actions_report(
    caller: Caller<ReadReports>,
    query: Query<GetOpenWorkReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    answer(&app, &caller, request.headers(), move |conn, context| NextActionsReport::count(conn, context, &query.0)).await
}

/// Report the workflow's signal
///
/// Whether the workflow improves: two periods side by side, or the time since a change beside as much time before it. Time to the first
/// action, what stalled, what came incomplete and how often was escalated, each with the counts behind it and whether the difference
/// exceeds chance, by which test. Send `changed_on` alone (the days from then on beside as many before), or all of `before_from`,
/// `before_until`, `after_from` and `after_until`, the earlier period first and without an overlap, or none: the last 30 days and the 30
/// before. Live and exact; with `Accept: text/csv` one line per signal.
#[utoipa::path(
    operation_id = "get_workflow_signal_report", tag = "reports",
    params(GetWorkflowSignalReport),
    responses((status = 200, description = "The report at this moment.",
        content((WorkflowSignalReport = "application/json"), (csv::CsvText = "text/csv")))),
)]
#[get("/v1/reports/workflow-signal")]
pub async fn get_workflow_signal_report(
    caller: Caller<ReadReports>,
    query: Query<GetWorkflowSignalReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    answer(&app, &caller, request.headers(), move |conn, context| WorkflowSignalReport::count(conn, context, &query.0)).await
}
