//! What a partner gets back: how its handoffs went, in bands, by closed period; operational, and never about a person.

use std::collections::BTreeMap;

use actix_web::http::header::{ACCEPT, ETAG, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::csv;
use super::extract::{Query, contract};
use super::read::context;
use super::reply::{Reply, content_tag};
use super::reports::{Table, refuse_test_key, table};
use crate::auth::permission::ReadFeedback;
use crate::auth::{Actor, Caller};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::PartnerId;
use crate::domain::language::LanguagePart;
use crate::domain::reports::{Figure, calendar, shared};
use crate::domain::text::{CalendarDate, Code, TimeZoneName};
use crate::domain::vocabulary::HandoffIssue;
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::ops::release_reports::REFUSED;
use crate::privacy::suppression::{Band, Shown};
use crate::state::AppState;
use crate::store;
use crate::store::reports::{self, Audience, ReleaseRow};

/// How far back closed periods are shown: two years.
pub(super) const SHOWN_DAYS: u64 = 731;

/// Whose feedback to read, and for which study.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetFeedback {
    /// Only this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// For staff, who read what this partner reads: its code. A partner key may leave it out.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
}
contract!(GetFeedback);

/// One kind of thing that went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "issue": "expectation_payment", "referrals": {"at_least": 11, "at_most": 20}, "language_part": "what_not_to_promise",
    "what_to_do": "Say what not to promise about payment in the approved words, and nothing beyond them."
}))]
pub struct FeedbackIssue {
    /// What went wrong, or what people expected wrongly.
    pub issue: HandoffIssue,
    /// Referrals on which the site marked it, in a band.
    pub referrals: Band,
    /// The part of the approved language that meets it; `null`: no words would have.
    pub language_part: Option<LanguagePart>,
    /// What to do about it, for a person.
    #[schema(max_length = 300)]
    pub what_to_do: &'static str,
}

/// How the handoffs of one study went in one closed period. It never changes: what is learnt later counts in the period that is open then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedbackPeriod {
    /// Code of the study.
    pub study: Code,
    /// The first day, on the site's calendar. A period is one calendar month, or as many as it takes to hold enough referrals.
    #[schema(value_type = CalendarDate)]
    pub from: NaiveDate,
    /// The last day, included: the last one of a month.
    #[schema(value_type = CalendarDate)]
    pub until: NaiveDate,
    /// When the period was closed: figures are of this moment.
    pub released_at: DateTime<Utc>,
    /// Referrals that were recorded in the period, in a band.
    pub volume: Band,
    /// Of these, those that did not come complete, in a band.
    pub incomplete: Band,
    /// Of these, those for another study, in a band.
    pub wrong_study: Band,
    /// Bodies that were refused in the period because a name or a value in them looked personal or medical, in a band.
    pub refused_for_sensitive_content: Band,
    /// What went wrong, by issue: every issue that partners hear of, in the order of the vocabulary.
    #[schema(max_items = 11)]
    pub issues: Vec<FeedbackIssue>,
    /// Parts of the approved language to read again: those that meet an issue above the first band.
    #[schema(max_items = 7)]
    pub clarify: Vec<LanguagePart>,
}

/// A study of whose referrals the next period is being collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"study": "heart-2026", "since": "2026-05-01"}))]
pub struct Collecting {
    /// Code of the study.
    pub study: Code,
    /// The first day that no released period holds.
    #[schema(value_type = CalendarDate)]
    pub since: NaiveDate,
}

/// What a partner gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedbackReport {
    /// The time zone of the days.
    pub time_zone: TimeZoneName,
    /// Closed periods, the newest first, over two years.
    #[schema(max_items = 10_000)]
    pub periods: Vec<FeedbackPeriod>,
    /// Where the next period stands, for every study that the partner has a route for. A month is closed 30 days after its end, and
    /// together with the months after it when it holds too few referrals.
    #[schema(max_items = 1_000)]
    pub collecting: Vec<Collecting>,
}

/// A figure of a released period; one that was kept without it shows as the first band of no threshold below 11.
pub(super) fn band(shown: &Shown, figure: &str) -> Result<Band, AppError> {
    shown.band(figure).ok_or_else(|| AppError::internal(format!("a released period lacks {figure}")))
}

pub(super) fn shown(row: &ReleaseRow) -> Result<Shown, AppError> {
    serde_json::from_str(&row.shown).map_err(|_| AppError::internal("a released period cannot be read"))
}

/// The day before which periods are not shown any more.
pub(super) fn shown_after(today: NaiveDate) -> NaiveDate {
    today.checked_sub_days(Days::new(SHOWN_DAYS)).unwrap_or(NaiveDate::MIN)
}

impl FeedbackPeriod {
    fn of(row: &ReleaseRow, study: Code) -> Result<Self, AppError> {
        let shown = shown(row)?;
        let issues = shared::TOLD_ISSUES
            .iter()
            .map(|issue| {
                let referrals = band(&shown, issue.as_str())?;
                let (language_part, what_to_do) = (shared::language_part(*issue), shared::what_to_do(*issue));
                Ok(FeedbackIssue { issue: *issue, referrals, language_part, what_to_do })
            })
            .collect::<Result<Vec<_>, AppError>>()?;
        let read_again =
            |part: &LanguagePart| issues.iter().any(|issue| issue.language_part == Some(*part) && !issue.referrals.is_first());
        let clarify = LanguagePart::ALL.iter().copied().filter(read_again).collect();
        Ok(Self {
            study,
            from: row.starts_on,
            until: row.ends_on,
            released_at: row.released_at,
            volume: band(&shown, Figure::Volume.as_str())?,
            incomplete: band(&shown, Figure::Incomplete.as_str())?,
            wrong_study: band(&shown, Figure::WrongStudy.as_str())?,
            refused_for_sensitive_content: band(&shown, REFUSED)?,
            issues,
            clarify,
        })
    }
}

impl Table for FeedbackReport {
    const NAME: &'static str = "feedback";

    fn lines(&self) -> Vec<Vec<String>> {
        let header = ["study", "from", "until", "figure", "at_least", "at_most"];
        let mut lines = vec![header.map(str::to_owned).into()];
        for period in &self.periods {
            let named = [
                ("volume", period.volume),
                ("incomplete", period.incomplete),
                ("wrong_study", period.wrong_study),
                (REFUSED, period.refused_for_sensitive_content),
            ];
            let issues = period.issues.iter().map(|issue| (issue.issue.as_str(), issue.referrals));
            for (figure, band) in named.into_iter().chain(issues) {
                lines.push(vec![
                    period.study.as_str().to_owned(),
                    period.from.to_string(),
                    period.until.to_string(),
                    figure.to_owned(),
                    band.at_least().to_string(),
                    band.at_most().to_string(),
                ]);
            }
        }
        lines
    }
}

/// The partner whose feedback is meant.
fn partner(conn: &mut Conn, context: &Context, asked: &GetFeedback) -> Result<PartnerId, AppError> {
    let refused =
        |code, message| AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new("/partner", code, message)]);
    match (&context.actor, &asked.partner) {
        (Actor::Partner(partner), None) => Ok(partner.partner),
        (_, None) => Err(refused(FaultCode::MissingField, "Name the partner whose feedback you want to see.")),
        // A partner finds itself and nobody else.
        (_, Some(code)) => {
            let found = store::partners::find_by_code(conn, &context.scope, code)?;
            let own = context.scope.partner();
            found.map(|partner| partner.id).filter(|id| own.is_none_or(|own| own == *id)).ok_or_else(AppError::not_found)
        }
    }
}

fn report(conn: &mut Conn, context: &Context, asked: &GetFeedback) -> Result<FeedbackReport, AppError> {
    let scope = &context.scope;
    let partner = partner(conn, context, asked)?;
    let site = store::sites::current(conn, scope)?;
    let names = reports::names(conn, scope)?;
    let wanted = |code: &Code| asked.study.as_ref().is_none_or(|study| study == code);
    let after = shown_after(site.day_of(context.now));
    let mut next: BTreeMap<_, NaiveDate> = BTreeMap::new();
    let mut periods = Vec::new();
    for row in reports::shown(conn, scope, Audience::Partner, None, Some(partner), after)? {
        let Some(study) = names.studies.get(&row.study_id).filter(|code| wanted(code)) else { continue };
        // The newest period comes first.
        next.entry(row.study_id).or_insert_with(|| row.ends_on.succ_opt().unwrap_or(row.ends_on));
        periods.push(FeedbackPeriod::of(&row, study.clone())?);
    }
    let mut collecting: Vec<Collecting> = reports::sources(conn, scope)?
        .into_iter()
        .filter(|(_, of, _)| *of == partner)
        .filter_map(|(study, _, since)| {
            let since = next.get(&study).copied().unwrap_or_else(|| calendar::month(since));
            let study = names.studies.get(&study).filter(|code| wanted(code))?.clone();
            Some(Collecting { study, since })
        })
        .collect();
    collecting.sort_by(|one, other| one.study.cmp(&other.study));
    Ok(FeedbackReport { time_zone: site.time_zone, periods, collecting })
}

/// Get feedback
///
/// How a partner's handoffs went, by study and closed period: volume, what came incomplete or for another study, what people expected
/// wrongly, and what to do about each. Every count is a band: ten wide, with all below the site's threshold in the first one, 0 included.
/// A period is a calendar month of recording, closed 30 days after its end; with too few referrals the next month is added to it. A
/// released period never changes. With `Accept: text/csv` one line per period and figure.
#[utoipa::path(
    operation_id = "get_feedback", tag = "feedback",
    params(GetFeedback),
    responses((status = 200, description = "What was released so far.",
        content((FeedbackReport = "application/json"), (csv::CsvText = "text/csv")))),
)]
#[get("/v1/feedback")]
pub async fn get_feedback(
    caller: Caller<ReadFeedback>,
    query: Query<GetFeedback>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let context = context(&app, &caller);
    refuse_test_key(&context)?;
    let told = app.db.snapshot(context.scope, caller.deadline, move |conn| report(conn, &context, &query.0)).await?;
    let headers = request.headers();
    if headers.contains_key(ACCEPT) && csv::is_asked_for(headers) {
        return table(&told);
    }
    let tag = content_tag(&told)?;
    let mut response = Reply::plain(&told)?.into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}
