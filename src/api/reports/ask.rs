//! What reports are asked by.

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::auth::SiteScope;
use crate::db::Conn;
use crate::domain::calendar;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::reports::Period;
use crate::domain::text::{CalendarDate, Code};
use crate::domain::vocabulary::Channel;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::reports::{Filter, Names};

text_enum! {
    /// Whether referrals that were recorded after the fact (with a `late_reason`) count: with the others, not at all, or alone.
    pub enum LateLogged { Include = "include", Exclude = "exclude", Only = "only" }
}

/// The longest period of a report: two years with a leap day.
const LONGEST: i64 = 731;
/// Whole months before the present one in a period that is not named.
const MONTHS_BEFORE: u32 = 2;

/// Which period and which referrals to report on.
#[derive(Debug, Default, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetReport {
    /// The first day, on the site's calendar; if absent the first of the month two months before that of `until`.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-04-01")]
    pub from: Option<CalendarDate>,
    /// The last day, included; today if absent. A period has at most 731 days.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-06-30")]
    pub until: Option<CalendarDate>,
    /// Only this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only this channel.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub channel: Option<Channel>,
    /// Only what this member is responsible for.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub owner: Option<MemberId>,
    /// Whether what was recorded after the fact counts; it does if absent.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "exclude")]
    pub late_logged: Option<LateLogged>,
}
contract!(GetReport);

/// What the report on source quality is asked by.
pub type GetSourceQualityReport = GetReport;
/// What the report on movement is asked by.
pub type GetMovementReport = GetReport;

/// Which open referrals to report on.
#[derive(Debug, Default, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetOpenWorkReport {
    /// Only this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only this channel.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub channel: Option<Channel>,
    /// Only what this member is responsible for.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub owner: Option<MemberId>,
    /// Whether what was recorded after the fact counts; it does if absent.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "exclude")]
    pub late_logged: Option<LateLogged>,
}
contract!(GetOpenWorkReport);

/// What the report on blockers is asked by.
pub type GetBlockersReport = GetOpenWorkReport;
/// What the report on next actions is asked by.
pub type GetNextActionsReport = GetOpenWorkReport;

/// The days that a report is about, on the site's calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"from": "2026-04-01", "until": "2026-06-30"}))]
pub struct ReportPeriod {
    /// The first day.
    #[schema(value_type = CalendarDate)]
    pub from: NaiveDate,
    /// The last day, included.
    #[schema(value_type = CalendarDate)]
    pub until: NaiveDate,
}

impl From<Period> for ReportPeriod {
    fn from(period: Period) -> Self {
        Self { from: period.from, until: period.until }
    }
}

impl LateLogged {
    /// The filter's word for it.
    pub(super) const fn is_late(asked: Option<Self>) -> Option<bool> {
        match asked {
            None | Some(Self::Include) => None,
            Some(Self::Exclude) => Some(false),
            Some(Self::Only) => Some(true),
        }
    }
}

fn refused(field: &str, code: FaultCode, message: &'static str) -> AppError {
    AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new(format!("/{field}"), code, message)])
}

/// A date of the contract's form as a day of the calendar; it has been checked.
pub(super) fn day(date: &CalendarDate) -> Option<NaiveDate> {
    date.as_str().parse().ok()
}

/// The period from one day to another.
///
/// # Errors
/// 400 when it ends before it begins, is longer than two years, or begins after today.
pub(super) fn period(from: (&str, NaiveDate), until: (&str, NaiveDate), today: NaiveDate) -> Result<Period, AppError> {
    let period = Period { from: from.1, until: until.1 };
    if period.from > today {
        return Err(refused(from.0, FaultCode::OutOfRange, "The period begins after today, on the site's calendar."));
    }
    if period.until < period.from {
        return Err(refused(until.0, FaultCode::Inconsistent, "The period ends before it begins."));
    }
    if period.days() > LONGEST {
        return Err(refused(from.0, FaultCode::OutOfRange, "A period has at most 731 days. Ask for a shorter one."));
    }
    Ok(period)
}

/// What a report is narrowed by, in whichever question it stands.
pub(super) struct Narrowed<'a> {
    pub(super) study: Option<&'a Code>,
    pub(super) partner: Option<&'a Code>,
    pub(super) channel: Option<Channel>,
    pub(super) owner: Option<MemberId>,
    pub(super) late_logged: Option<LateLogged>,
}

impl Narrowed<'_> {
    /// The filter that is meant.
    ///
    /// # Errors
    /// 400 for a study, partner or owner that the site does not have.
    pub(super) fn filter(&self, conn: &mut Conn, scope: &SiteScope, names: &Names) -> Result<Filter, AppError> {
        let unknown = |field, message| refused(field, FaultCode::UnknownReference, message);
        let study = self
            .study
            .map(|code| names.study(code).ok_or_else(|| unknown("study", "The site has no study with this code.")))
            .transpose()?;
        let partner = self
            .partner
            .map(|code| names.partner(code).ok_or_else(|| unknown("partner", "The site has no partner with this code.")))
            .transpose()?;
        if let Some(owner) = self.owner
            && store::members::find(conn, scope, owner)?.is_none()
        {
            return Err(unknown("owner", "The site has no member with this id."));
        }
        let is_late = LateLogged::is_late(self.late_logged);
        Ok(Filter { study, partner, channel: self.channel, owner: self.owner, is_late })
    }
}

impl GetReport {
    /// The period that is meant.
    ///
    /// # Errors
    /// 400 for one that is none.
    pub(super) fn period(&self, zone: chrono_tz::Tz, now: DateTime<Utc>) -> Result<Period, AppError> {
        let today = calendar::day_of(now, zone);
        let until = self.until.as_ref().and_then(day).unwrap_or(today);
        let usual = calendar::first_of_month(until).checked_sub_months(Months::new(MONTHS_BEFORE)).unwrap_or(until);
        period(("from", self.from.as_ref().and_then(day).unwrap_or(usual)), ("until", until), today)
    }

    /// A picture shows the newest closed period of a study; nothing else can be asked of it.
    ///
    /// # Errors
    /// 400 for whatever else is named.
    pub(super) fn check_is_of_study_alone(&self) -> Result<(), AppError> {
        let named = [
            ("from", self.from.is_some()),
            ("until", self.until.is_some()),
            ("partner", self.partner.is_some()),
            ("channel", self.channel.is_some()),
            ("owner", self.owner.is_some()),
            ("late_logged", self.late_logged.is_some()),
        ];
        let message =
            "A picture shows the newest closed period of a study as sponsors are told of it. Leave this out, or ask for JSON.";
        named.iter().find(|(_, named)| *named).map_or(Ok(()), |(field, _)| Err(refused(field, FaultCode::Inconsistent, message)))
    }

    /// The filter that is meant.
    ///
    /// # Errors
    /// 400 for a study, partner or owner that the site does not have.
    pub(super) fn filter(&self, conn: &mut Conn, scope: &SiteScope, names: &Names) -> Result<Filter, AppError> {
        let Self { study, partner, channel, owner, late_logged, .. } = self;
        let narrowed = Narrowed {
            study: study.as_ref(),
            partner: partner.as_ref(),
            channel: *channel,
            owner: *owner,
            late_logged: *late_logged,
        };
        narrowed.filter(conn, scope, names)
    }
}

impl GetOpenWorkReport {
    /// The filter that is meant.
    ///
    /// # Errors
    /// 400 for a study, partner or owner that the site does not have.
    pub(super) fn filter(&self, conn: &mut Conn, scope: &SiteScope, names: &Names) -> Result<Filter, AppError> {
        let Self { study, partner, channel, owner, late_logged, .. } = self;
        let narrowed = Narrowed {
            study: study.as_ref(),
            partner: partner.as_ref(),
            channel: *channel,
            owner: *owner,
            late_logged: *late_logged,
        };
        narrowed.filter(conn, scope, names)
    }
}
