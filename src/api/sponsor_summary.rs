//! What sponsors are told of a study: source quality, movement, blockers and next actions, in bands, by closed period.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::csv;
use super::extract::{Query, contract};
use super::feedback::{band, shared, shown, shown_after};
use super::read::context;
use super::reply::content_tag;
use super::reports::drawing::{self, PictureOf};
use super::reports::{Table, refuse_test_key};
use crate::auth::permission::{Permission, ReadSponsorSummary};
use crate::auth::{Actor, Caller, StaffActor};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::reports::Figure;
use crate::domain::text::{CalendarDate, Code, TimeZoneName};
use crate::domain::vocabulary::{Blocker, NextAction, Role};
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::ops::release_reports::{BLOCKER, NEXT_ACTION, REFUSED};
use crate::privacy::suppression::{Band, Shown};
use crate::state::AppState;
use crate::store;
use crate::store::reports::{self, Audience, ReleaseRow};

/// Which study to read about.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetSponsorSummaryReport {
    /// Code of the study; a viewer reads those that it is assigned to.
    #[param(example = "heart-2026")]
    pub study: Code,
    /// What a picture shows, with `Accept: image/svg+xml`; source quality if absent.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "movement")]
    pub picture: Option<PictureOf>,
}
contract!(GetSponsorSummaryReport);

/// What came from one source in a period. Each figure is a band.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SharedSource {
    /// Code of the partner.
    pub partner: Code,
    /// Referrals that were recorded.
    pub volume: Band,
    /// Of these, those that did not come complete.
    pub incomplete: Band,
    /// Of these, those for another study.
    pub wrong_study: Band,
    /// Of these, those whose person was reached.
    pub connected: Band,
    /// Of these, those handed to the study team.
    pub handed_off: Band,
    /// Bodies that were refused because a name or a value in them looked personal or medical.
    pub refused_for_sensitive_content: Band,
}

/// What moved in a period, over all sources. Each figure is a band.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SharedMovement {
    /// Of the referrals recorded in the period, those whose handoff was completed.
    pub completed: Band,
    /// Handoffs that fell through in the period, of whatever age.
    pub fell_through: Band,
    /// Referrals that were opened again in the period, of whatever age.
    pub reopened: Band,
}

/// One closed period of a study. It never changes: what is opened again or recorded later counts in the period that is open then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SponsorPeriod {
    /// The first day, on the site's calendar. A period is one calendar month, or as many as it takes to hold enough referrals.
    #[schema(value_type = CalendarDate)]
    pub from: NaiveDate,
    /// The last day, included: the last one of a month.
    #[schema(value_type = CalendarDate)]
    pub until: NaiveDate,
    /// When the period was closed: figures are of this moment.
    pub released_at: DateTime<Utc>,
    /// Source by source, by code; there is no total, since one would narrow its parts.
    #[schema(max_items = 10_000)]
    pub sources: Vec<SharedSource>,
    /// What moved.
    pub movement: SharedMovement,
    /// What the open referrals of the study waited for most often when the period was closed, of whatever age; `null` where no one thing was
    /// above the first band.
    pub leading_blocker: Option<Blocker>,
    /// What was next for them most often then; `null` where no one action was above the first band.
    pub leading_next_action: Option<NextAction>,
}

/// What sponsors are told of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "study": "heart-2026", "time_zone": "America/New_York",
    "periods": [{
        "from": "2026-06-01", "until": "2026-06-30", "released_at": "2026-07-31T04:00:20Z",
        "sources": [{
            "partner": "lakeside-cardiology", "volume": {"at_least": 31, "at_most": 40}, "incomplete": {"at_least": 0, "at_most": 10},
            "wrong_study": {"at_least": 0, "at_most": 10}, "connected": {"at_least": 21, "at_most": 30},
            "handed_off": {"at_least": 11, "at_most": 20}, "refused_for_sensitive_content": {"at_least": 0, "at_most": 10}
        }],
        "movement": {"completed": {"at_least": 11, "at_most": 20}, "fell_through": {"at_least": 0, "at_most": 10}, "reopened": {"at_least": 0, "at_most": 10}},
        "leading_blocker": "awaiting_records", "leading_next_action": "attempt_contact"
    }]
}))]
pub struct SponsorSummaryReport {
    /// Code of the study.
    pub study: Code,
    /// The time zone of the days.
    pub time_zone: TimeZoneName,
    /// Closed periods, the newest first, over two years. A month is closed 30 days after its end, and together with the months after it
    /// when it holds too few referrals.
    #[schema(max_items = 30)]
    pub periods: Vec<SponsorPeriod>,
}

fn source(shown: &Shown, partner: Code) -> Result<SharedSource, AppError> {
    let of = |figure: Figure| band(shown, figure.as_str());
    Ok(SharedSource {
        partner,
        volume: of(Figure::Volume)?,
        incomplete: of(Figure::Incomplete)?,
        wrong_study: of(Figure::WrongStudy)?,
        connected: of(Figure::Connected)?,
        handed_off: of(Figure::HandedOff)?,
        refused_for_sensitive_content: band(shown, REFUSED)?,
    })
}

fn period(row: &ReleaseRow) -> Result<SponsorPeriod, AppError> {
    let shown = shown(row)?;
    let of = |figure: Figure| band(&shown, figure.as_str());
    Ok(SponsorPeriod {
        from: row.starts_on,
        until: row.ends_on,
        released_at: row.released_at,
        sources: Vec::new(),
        movement: SharedMovement {
            completed: of(Figure::Completed)?,
            fell_through: of(Figure::FellThrough)?,
            reopened: of(Figure::Reopened)?,
        },
        leading_blocker: shown.leading(BLOCKER).and_then(|code| code.parse().ok()),
        leading_next_action: shown.leading(NEXT_ACTION).and_then(|code| code.parse().ok()),
    })
}

fn report(conn: &mut Conn, context: &Context, study: &Code) -> Result<SponsorSummaryReport, AppError> {
    let scope = &context.scope;
    // A study that a viewer is not assigned to answers like one that there is not.
    let study = store::studies::find_by_code(conn, scope, study)?.ok_or_else(AppError::not_found)?;
    if let Actor::Staff(StaffActor { member: viewer, role: Role::Viewer }) = context.actor
        && !store::members::is_assigned(conn, scope, viewer, study.id)?
    {
        return Err(AppError::not_found());
    }
    let site = store::sites::current(conn, scope)?;
    let names = reports::names(conn, scope)?;
    let after = shown_after(site.day_of(context.now));
    let rows = reports::shown(conn, scope, Audience::Sponsor, Some(study.id), None, after)?;
    let mut periods: Vec<SponsorPeriod> = Vec::new();
    // The study as a whole comes before its sources: the nil id sorts first.
    for row in rows {
        if row.partner_id.0.is_nil() {
            periods.push(period(&row)?);
        } else if let (Some(period), Some(code)) = (periods.last_mut(), names.partners.get(&row.partner_id)) {
            period.sources.push(source(&shown(&row)?, code.clone())?);
        }
    }
    for period in &mut periods {
        period.sources.sort_by(|one, other| one.partner.cmp(&other.partner));
    }
    Ok(SponsorSummaryReport { study: study.code, time_zone: site.time_zone, periods })
}

async fn read<P: Permission>(app: &AppState, caller: &Caller<P>, study: &Code) -> Result<SponsorSummaryReport, AppError> {
    let (context, study) = (context(app, caller), study.clone());
    refuse_test_key(&context)?;
    app.db.snapshot(context.scope, caller.deadline, move |conn| report(conn, &context, &study)).await
}

/// A picture of what sponsors are told of a study.
///
/// # Errors
/// 400 without a study, 404 for one that there is not, or that is not the viewer's.
pub(super) async fn draw<P: Permission>(
    app: &AppState,
    caller: &Caller<P>,
    study: Option<&Code>,
    of: PictureOf,
) -> Result<HttpResponse, AppError> {
    let study = study.ok_or_else(|| {
        let message = "A picture is of one study. Name it.";
        AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new("/study", FaultCode::MissingField, message)])
    })?;
    let told = read(app, caller, study).await?;
    drawing::answer(&told, of, &content_tag(&told)?)
}

impl Table for SponsorSummaryReport {
    const NAME: &'static str = "sponsor-summary";

    fn header() -> Vec<String> {
        ["study", "from", "until", "partner", "figure", "at_least", "at_most", "code"].map(str::to_owned).into()
    }

    /// Bands have two ends, what leads has a code.
    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.periods.iter().flat_map(|period| {
            let line = |partner: &str, figure: &str, told: [String; 3]| {
                let (from, until) = (period.from.to_string(), period.until.to_string());
                let named = [self.study.as_str().to_owned(), from, until, partner.to_owned(), figure.to_owned()];
                named.into_iter().chain(told).collect::<Vec<_>>()
            };
            let ends = |band: Band| [band.at_least().to_string(), band.at_most().to_string(), String::new()];
            let mut lines = Vec::new();
            for source in &period.sources {
                let figures = [
                    ("volume", source.volume),
                    ("incomplete", source.incomplete),
                    ("wrong_study", source.wrong_study),
                    ("connected", source.connected),
                    ("handed_off", source.handed_off),
                    (REFUSED, source.refused_for_sensitive_content),
                ];
                lines.extend(figures.map(|(figure, band)| line(source.partner.as_str(), figure, ends(band))));
            }
            let SharedMovement { completed, fell_through, reopened } = period.movement;
            let movement = [("completed", completed), ("fell_through", fell_through), ("reopened", reopened)];
            lines.extend(movement.map(|(figure, band)| line("", figure, ends(band))));
            let blocker = period.leading_blocker.map(|blocker| ("leading_blocker", blocker.as_str()));
            let action = period.leading_next_action.map(|action| ("leading_next_action", action.as_str()));
            let leads = [blocker, action].into_iter().flatten();
            lines.extend(leads.map(|(lead, code)| line("", lead, [String::new(), String::new(), code.to_owned()])));
            lines
        })
    }
}

/// Report a sponsor summary
///
/// What sponsors are told of a study: source quality, movement, and what blocks and is next for most, by closed period. Every count is a
/// band, ten wide or wider, with all below the site's threshold in the first one, 0 included; there are no totals and no shares. A period is a
/// calendar month of recording, closed 30 days after its end; with too few referrals the next month is added to it. A released period
/// never changes. Staff read exactly what a viewer reads. With `Accept: text/csv` one line per period, source and figure; with
/// `Accept: image/svg+xml` a picture of the newest period.
#[utoipa::path(
    operation_id = "get_sponsor_summary_report", tag = "reports",
    params(GetSponsorSummaryReport),
    responses((status = 404, description = "The site has no such study, or it is none of the viewer's (`not_found`)."), (status = 200, description = "What was released so far.",
        content((SponsorSummaryReport = "application/json"), (csv::CsvText = "text/csv"), (drawing::SvgPicture = "image/svg+xml")))),
)]
#[get("/v1/reports/sponsor-summary")]
pub async fn get_sponsor_summary_report(
    caller: Caller<ReadSponsorSummary>,
    query: Query<GetSponsorSummaryReport>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let headers = request.headers();
    if drawing::is_asked_for(headers) {
        return draw(&app, &caller, Some(&query.0.study), query.0.picture.unwrap_or(PictureOf::SourceQuality)).await;
    }
    let told = read(&app, &caller, &query.0.study).await?;
    shared(headers, told)
}
