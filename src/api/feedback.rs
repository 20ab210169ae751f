//! What a partner gets back: how its handoffs went, in bands, by closed period; operational, and never about a person.

use std::collections::BTreeMap;

use actix_web::http::header::{ETAG, HeaderMap, HeaderValue};
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
use crate::domain::reports::{Figure, shared};
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

/// How many referrals, or bodies, something went wrong with, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "count": {"at_least": 11, "at_most": 20},
    "what_to_do": "Read who may contact the site for which study, and name the study that the person asked about."
}))]
pub struct FeedbackFigure {
    /// How many, in a band.
    pub count: Band,
    /// What to do about it, for a person.
    #[schema(max_length = 300)]
    pub what_to_do: &'static str,
}

impl FeedbackFigure {
    fn of(shown: &Shown, figure: &str, issue: HandoffIssue) -> Result<Self, AppError> {
        Ok(Self { count: band(shown, figure)?, what_to_do: shared::what_to_do(issue) })
    }
}

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
    /// Of these, those that did not come complete.
    pub incomplete: FeedbackFigure,
    /// Of these, those for another study.
    pub wrong_study: FeedbackFigure,
    /// Bodies that were refused in the period because a name or a value in them looked personal or medical.
    pub refused_for_sensitive_content: FeedbackFigure,
    /// What went wrong, by issue: every issue that partners hear of.
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
    /// The first day that no released period holds; `null`: none was released yet, and the next one begins with the site's first month.
    #[schema(value_type = Option<CalendarDate>)]
    pub since: Option<NaiveDate>,
}

/// What a partner gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "time_zone": "America/New_York", "collecting": [{"study": "heart-2026", "since": "2026-07-01"}],
    "periods": [{
        "study": "heart-2026", "from": "2026-05-01", "until": "2026-06-30", "released_at": "2026-07-31T04:00:20Z",
        "volume": {"at_least": 31, "at_most": 40},
        "incomplete": {"count": {"at_least": 0, "at_most": 10}, "what_to_do": "Send the referral once the person has the handoff code and the intake address."},
        "wrong_study": {"count": {"at_least": 0, "at_most": 10}, "what_to_do": "Read who may contact the site for which study, and name the study that the person asked about."},
        "refused_for_sensitive_content": {"count": {"at_least": 0, "at_most": 10}, "what_to_do": "Send codes alone: what a person tells about their health, they tell at the intake."},
        "issues": [{"issue": "expectation_payment", "referrals": {"at_least": 11, "at_most": 20}, "language_part": "what_not_to_promise",
            "what_to_do": "Say what not to promise about payment in the approved words, and nothing beyond them."}],
        "clarify": ["what_not_to_promise"]
    }]
}))]
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

/// A figure that every released period has.
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
            // A period that was released before an issue was told of says nothing about it.
            .filter_map(|issue| {
                let referrals = shown.band(issue.as_str())?;
                let (language_part, what_to_do) = (shared::language_part(*issue), shared::what_to_do(*issue));
                Some(FeedbackIssue { issue: *issue, referrals, language_part, what_to_do })
            })
            .collect::<Vec<_>>();
        let read_again =
            |part: &LanguagePart| issues.iter().any(|issue| issue.language_part == Some(*part) && !issue.referrals.is_first());
        let clarify = LanguagePart::ALL.iter().copied().filter(read_again).collect();
        Ok(Self {
            study,
            from: row.starts_on,
            until: row.ends_on,
            released_at: row.released_at,
            volume: band(&shown, Figure::Volume.as_str())?,
            incomplete: FeedbackFigure::of(&shown, Figure::Incomplete.as_str(), HandoffIssue::IncompleteHandoff)?,
            wrong_study: FeedbackFigure::of(&shown, Figure::WrongStudy.as_str(), HandoffIssue::WrongStudy)?,
            refused_for_sensitive_content: FeedbackFigure::of(&shown, REFUSED, HandoffIssue::SensitiveContentSent)?,
            issues,
            clarify,
        })
    }
}

impl Table for FeedbackReport {
    const NAME: &'static str = "feedback";

    fn header() -> Vec<String> {
        ["study", "from", "until", "figure", "at_least", "at_most"].map(str::to_owned).into()
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.periods.iter().flat_map(|period| {
            let named = [
                ("volume", period.volume),
                ("incomplete", period.incomplete.count),
                ("wrong_study", period.wrong_study.count),
                (REFUSED, period.refused_for_sensitive_content.count),
            ];
            let issues = period.issues.iter().map(|issue| (issue.issue.as_str(), issue.referrals));
            named.into_iter().chain(issues).map(|(figure, band)| {
                vec![
                    period.study.as_str().to_owned(),
                    period.from.to_string(),
                    period.until.to_string(),
                    figure.to_owned(),
                    band.at_least().to_string(),
                    band.at_most().to_string(),
                ]
            })
        })
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
    let mut periods = Vec::new();
    for row in reports::shown(conn, scope, Audience::Partner, None, Some(partner), after)? {
        let Some(study) = names.studies.get(&row.study_id).filter(|code| wanted(code)) else { continue };
        periods.push(FeedbackPeriod::of(&row, study.clone())?);
    }
    let next: BTreeMap<_, NaiveDate> = reports::last_releases(conn, scope, Some(partner))?
        .into_iter()
        .map(|(_, study, _, day)| (study, day.succ_opt().unwrap_or(day)))
        .collect();
    let mut collecting: Vec<Collecting> = reports::sources(conn, scope)?
        .into_iter()
        .filter(|(_, of)| *of == partner)
        .filter_map(|(study, _)| {
            let since = next.get(&study).copied();
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
/// wrongly, and what to do about each. Every count is a band, ten wide or wider, with all below the site's threshold in the first one, 0 included.
/// A period is a calendar month of recording, closed 30 days after its end; with too few referrals the next month is added to it. A
/// released period never changes. With `Accept: text/csv` one line per period and figure.
#[utoipa::path(
    operation_id = "get_feedback", tag = "feedback",
    params(GetFeedback),
    responses((status = 404, description = "The site has no such partner (`not_found`)."), (status = 200, description = "What was released so far.",
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
    shared(request.headers(), told)
}

/// What leaves to partners and viewers, as it is asked for: JSON or a table, with the same entity tag.
pub(super) fn shared<T: Table + Serialize + 'static>(headers: &HeaderMap, told: T) -> Result<HttpResponse, AppError> {
    let tag = content_tag(&told)?;
    if !csv::is_asked_for(headers) {
        return Ok(Reply::ok(&told, tag)?.into_response());
    }
    let mut response = table(told);
    response.headers_mut().insert(ETAG, HeaderValue::from_str(&tag).map_err(AppError::internal)?);
    Ok(response)
}
