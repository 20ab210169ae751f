//! What moves.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{GetReport, ReportPeriod};
use super::{Table, columns, time};
use crate::db::Conn;
use crate::domain::reports::{Basis, Figure, Key, Sums};
use crate::domain::text::{CalendarDate, TimeZoneName};
use crate::domain::vocabulary::ReferralStatus;
use crate::error::AppError;
use crate::ops::Context;
use crate::ops::report_sums::{HAPPENED, ReportSums};
use crate::store::reports;

/// How far referrals came, in referrals: as they stand now, skipped steps included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "received": 50, "acknowledged": 48, "contacting": 44, "connected": 31, "handed_off": 22, "completed": 17, "open": 20
}))]
pub struct Funnel {
    /// All of them.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub received: i64,
    /// They made a first step forward: acknowledged, or any step after it. What was closed or put on hold at once made none.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub acknowledged: i64,
    /// Somebody tried to reach their person.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub contacting: i64,
    /// Their person was reached.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub connected: i64,
    /// They were handed to the study team; one that fell through is none.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub handed_off: i64,
    /// They were closed as `handoff_complete`.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub completed: i64,
    /// They are not closed.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub open: i64,
}

impl Funnel {
    fn of(sums: &Sums) -> Self {
        Self {
            received: sums.of(Figure::Volume),
            acknowledged: sums.of(Figure::Acknowledged),
            contacting: sums.of(Figure::Contacting),
            connected: sums.of(Figure::Connected),
            handed_off: sums.of(Figure::HandedOff),
            completed: sums.of(Figure::Completed),
            open: sums.of(Figure::Open),
        }
    }

    /// Its steps, in the order of [`Funnel::counts`].
    pub const NAMES: [&'static str; 7] =
        ["received", "acknowledged", "contacting", "connected", "handed_off", "completed", "open"];

    /// How many came to each step.
    #[must_use]
    pub fn counts(&self) -> [i64; 7] {
        [self.received, self.acknowledged, self.contacting, self.connected, self.handed_off, self.completed, self.open]
    }
}

/// The referrals that were received in one week, and how far they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cohort {
    /// The Monday of the week of receipt, on the site's calendar.
    #[schema(value_type = CalendarDate)]
    pub week: NaiveDate,
    /// How far they came.
    pub funnel: Funnel,
}

/// How often referrals went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"from": "connected", "to": "handed_off", "count": 24}))]
pub struct TransitionCount {
    /// The state before.
    pub from: ReferralStatus,
    /// The state after.
    pub to: ReferralStatus,
    /// How often, in moves: one referral may make several.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub count: i64,
}

/// What moves. Live and exact, for the site alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-06-30T15:00:00Z", "period": {"from": "2026-06-01", "until": "2026-06-07"}, "time_zone": "America/New_York",
    "funnel": {"received": 50, "acknowledged": 48, "contacting": 44, "connected": 31, "handed_off": 22, "completed": 17, "open": 20},
    "cohorts": [{"week": "2026-06-01", "funnel":
        {"received": 50, "acknowledged": 48, "contacting": 44, "connected": 31, "handed_off": 22, "completed": 17, "open": 20}}],
    "transitions": [{"from": "connected", "to": "handed_off", "count": 24}],
    "received": 52, "fell_through": 2, "reopened": 1, "escalated": 6
}))]
pub struct MovementReport {
    /// The moment that it was counted at: everything that was answered before is in it.
    pub as_of: DateTime<Utc>,
    /// The days that it is about.
    pub period: ReportPeriod,
    /// The time zone of these days.
    pub time_zone: TimeZoneName,
    /// All cohorts together: referrals that were received in the weeks that begin in the period.
    pub funnel: Funnel,
    /// By week of receipt, for the weeks that begin in the period; weeks without a referral are left out.
    #[schema(max_items = 106)]
    pub cohorts: Vec<Cohort>,
    /// Moves that were made in the period, whenever their referrals came; under the partner and the owner of the time.
    #[schema(max_items = 64)]
    pub transitions: Vec<TransitionCount>,
    /// Referrals that were recorded in the period, whenever they were received.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub received: i64,
    /// Handoffs that fell through in the period (`handed_off` back to `connected`).
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub fell_through: i64,
    /// Referrals that were opened again in the period, counted each time.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub reopened: i64,
    /// Steps of escalation that were taken in the period; the first step is the reminder that an owner gets when an action is overdue.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub escalated: i64,
}

impl MovementReport {
    /// Counts it at this snapshot.
    ///
    /// # Errors
    /// 400 for a period or a filter that is none, 503 while the sums are being made anew.
    pub fn count(conn: &mut Conn, context: &Context, asked: &GetReport) -> Result<Self, AppError> {
        let names = reports::names(conn, &context.scope)?;
        let sums = ReportSums::open(conn, context)?;
        let (period, filter) = (asked.period(sums.zone(), context.now)?, asked.filter(conn, &context.scope, &names)?);
        let mut weeks = std::collections::BTreeMap::new();
        if let Some(mondays) = period.weeks() {
            let days = (mondays.from, mondays.until);
            sums.add(conn, context, (Basis::ReceivedWeek, days), &filter, &mut weeks, |of| of.starts_on)?;
        }
        let happened = sums.over(conn, context, HAPPENED, period, &filter, |_| ())?.remove(&()).unwrap_or_default();
        let mut all = Sums::default();
        weeks.values().for_each(|week| all.add(week));
        let cohorts = weeks
            .iter()
            .map(|(week, sums)| Cohort { week: *week, funnel: Funnel::of(sums) })
            .filter(|cohort| cohort.funnel.received > 0)
            .collect();
        let states = || ReferralStatus::ALL.iter().copied();
        let transitions = states()
            .flat_map(|from| states().map(move |to| (from, to)))
            .map(|(from, to)| TransitionCount { from, to, count: happened.of(Key::Moved(from, to)) })
            .filter(|moved| moved.count > 0)
            .collect();
        Ok(Self {
            as_of: context.now,
            period: period.into(),
            time_zone: sums.site.time_zone.clone(),
            funnel: Funnel::of(&all),
            cohorts,
            transitions,
            received: happened.of(Figure::Received),
            fell_through: happened.of(Figure::FellThrough),
            reopened: happened.of(Figure::Reopened),
            escalated: happened.of(Figure::Escalated),
        })
    }
}

impl Table for MovementReport {
    const NAME: &'static str = "movement";

    fn header() -> Vec<String> {
        columns(["as_of", "from", "until", "figure", "week", "status_before", "status_after", "count"])
    }

    /// One figure each: how far each week's cohort came, every transition, and what happened in the period.
    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        let line = |figure: &str, [week, before, after]: [&str; 3], count: i64| {
            let ReportPeriod { from, until } = self.period;
            vec![
                time(self.as_of),
                from.to_string(),
                until.to_string(),
                figure.to_owned(),
                week.to_owned(),
                before.to_owned(),
                after.to_owned(),
                count.to_string(),
            ]
        };
        let cohorts = self.cohorts.iter().flat_map(move |cohort| {
            let week = cohort.week.to_string();
            let steps = Funnel::NAMES.into_iter().zip(cohort.funnel.counts());
            steps.map(|(step, count)| line(&format!("cohort_{step}"), [&week, "", ""], count)).collect::<Vec<_>>()
        });
        let transitions = self
            .transitions
            .iter()
            .map(move |moved| line("transition", ["", moved.from.as_str(), moved.to.as_str()], moved.count));
        let happened = [
            ("received", self.received),
            ("fell_through", self.fell_through),
            ("reopened", self.reopened),
            ("escalated", self.escalated),
        ];
        cohorts.chain(transitions).chain(happened.into_iter().map(move |(figure, count)| line(figure, [""; 3], count)))
    }
}
