//! Whether the workflow improves.

use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::ask::{self, LateLogged, Narrowed, ReportPeriod};
use super::figures::{Share, TimeFigures};
use super::{Table, columns, time};
use crate::api::extract::contract;
use crate::db::Conn;
use crate::domain::calendar;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::reports::chance::{self, ChanceMethod, ChanceVerdict, Moments, Test};
use crate::domain::reports::{Figure, Period, Sums};
use crate::domain::text::{CalendarDate, Code, TimeZoneName};
use crate::domain::vocabulary::Channel;
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::ops::report_sums::{RECORDED, ReportSums};
use crate::store::reports;

/// Days on each side of a change at the most.
const SIDE: i64 = 183;
/// Days on each side where nothing is said.
const USUAL: u64 = 30;

/// Which two periods to compare, and for which referrals. Send `changed_on`, or all four days, or none: the last 30 days and the 30 before.
#[derive(Debug, Default, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetWorkflowSignalReport {
    /// The day from which something is done in another way: the days from then on (today the last one, at most 183) are compared with as
    /// many before.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-06-01")]
    pub changed_on: Option<CalendarDate>,
    /// The first day before.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub before_from: Option<CalendarDate>,
    /// The last day before, included.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub before_until: Option<CalendarDate>,
    /// The first day after.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub after_from: Option<CalendarDate>,
    /// The last day after, included.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub after_until: Option<CalendarDate>,
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
contract!(GetWorkflowSignalReport);

impl GetWorkflowSignalReport {
    fn periods(&self, zone: chrono_tz::Tz, now: DateTime<Utc>) -> Result<(Period, Period), AppError> {
        let today = calendar::day_of(now, zone);
        let refused = |code, message| {
            AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new("/changed_on", code, message)])
        };
        let given = |date: &Option<CalendarDate>| date.as_ref().and_then(ask::day);
        let days = [&self.before_from, &self.before_until, &self.after_from, &self.after_until].map(given);
        let usual = || today.checked_sub_days(Days::new(USUAL - 1)).filter(|_| days == [None; 4]);
        match (given(&self.changed_on).or_else(usual), days) {
            (Some(changed), [None, None, None, None]) => {
                if changed > today {
                    return Err(refused(FaultCode::OutOfRange, "This day is after today, on the site's calendar."));
                }
                let length = ((today - changed).num_days() + 1).min(SIDE);
                let days = Days::new(u64::try_from(length).unwrap_or(1));
                let until = changed.checked_add_days(days).and_then(|day| day.pred_opt()).unwrap_or(changed);
                let from = changed.checked_sub_days(days).unwrap_or(changed);
                Ok((Period { from, until: changed.pred_opt().unwrap_or(changed) }, Period { from: changed, until }))
            }
            (None, [Some(before_from), Some(before_until), Some(after_from), Some(after_until)]) => {
                let before = ask::period(("before_from", before_from), ("before_until", before_until), today)?;
                let after = ask::period(("after_from", after_from), ("after_until", after_until), today)?;
                if before.until >= after.from {
                    let message = "The periods overlap, or the later one comes first.";
                    return Err(AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new(
                        "/after_from",
                        FaultCode::Inconsistent,
                        message,
                    )]));
                }
                Ok((before, after))
            }
            _ => Err(refused(
                FaultCode::Inconsistent,
                "Send `changed_on` alone, or all of `before_from`, `before_until`, `after_from` and `after_until`.",
            )),
        }
    }
}

/// Whether a difference exceeds what chance alone makes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "verdict": "exceeds_chance", "method": "fisher_exact", "p": 0.012,
    "statement": "The difference exceeds chance: chance alone makes one as large in 1.20 % of cases (Fisher's exact test, two-sided, 5 % level)."
}))]
pub struct Chance {
    /// Whether it does.
    pub verdict: ChanceVerdict,
    /// By which test.
    pub method: ChanceMethod,
    /// How often chance alone makes a difference of this size or more, from 0 to 1; `null` where there are too few referrals.
    #[schema(minimum = 0, maximum = 1)]
    pub p: Option<f64>,
    /// The same as a plain sentence.
    #[schema(max_length = 300)]
    pub statement: String,
}

impl From<Test> for Chance {
    fn from(test: Test) -> Self {
        let name = match test.method {
            ChanceMethod::Fisher => "Fisher's exact test",
            ChanceMethod::Proportions => "z-test of two proportions",
            ChanceMethod::MannWhitney => "Mann-Whitney U test",
            ChanceMethod::Welch => "Welch's test",
        };
        let often = test.p.map_or_else(String::new, |p| {
            if p < 0.000_1 { "less than 0.01 % of cases".to_owned() } else { format!("{:.2} % of cases", p * 100.0) }
        });
        let how = format!("({name}, two-sided, 5 % level)");
        let statement = match test.verdict() {
            ChanceVerdict::Exceeds => {
                format!("The difference exceeds chance: chance alone makes one as large in {often} {how}.")
            }
            ChanceVerdict::Within => {
                format!("The difference does not exceed chance: chance alone makes one as large in {often} {how}.")
            }
            ChanceVerdict::TooFew => {
                format!("Nothing can be said: one of the periods has fewer than {} observations.", chance::FEWEST)
            }
        };
        let p = test.p.map(|p| (p * 1_000_000.0).round() / 1_000_000.0);
        Self { verdict: test.verdict(), method: test.method, p, statement }
    }
}

/// Times in the two periods.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SignalTimes {
    /// Before.
    pub before: TimeFigures,
    /// After.
    pub after: TimeFigures,
    /// Whether one period's times tend to be longer than the other's beyond chance.
    pub chance: Chance,
}

/// Shares in the two periods.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SignalShare {
    /// Before, of the referrals recorded then.
    pub before: Share,
    /// After, of the referrals recorded then.
    pub after: Share,
    /// Whether the shares differ beyond chance.
    pub chance: Chance,
}

/// Steps of escalation in the two periods.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SignalEscalations {
    /// Steps on referrals recorded before, over their whole lives.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub before: i64,
    /// Steps per referral before, to four decimals; `null` without referrals.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub before_per_referral: Option<f64>,
    /// Steps on referrals recorded after.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub after: i64,
    /// Steps per referral after, to four decimals; `null` without referrals.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub after_per_referral: Option<f64>,
    /// Whether the means differ beyond chance.
    pub chance: Chance,
}

/// Whether the workflow improves: referrals recorded in two periods, side by side. The later period had less time to stall, be completed
/// or be escalated: compare periods that ended a while ago. Live and exact, for the site alone.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-06-30T15:00:00Z", "time_zone": "America/New_York", "before": {"from": "2026-05-02", "until": "2026-05-31"},
    "after": {"from": "2026-06-01", "until": "2026-06-30"}, "referrals_before": 48, "referrals_after": 50,
    "time_to_first_action": {
        "before": {"count": 44, "p50_seconds": 9100.0, "p90_seconds": 120000.0}, "after": {"count": 48, "p50_seconds": 5400.0, "p90_seconds": 86000.0},
        "chance": {"verdict": "exceeds_chance", "method": "mann_whitney_u", "p": 0.012,
            "statement": "The difference exceeds chance: chance alone makes one as large in 1.20 % of cases (Mann-Whitney U test, two-sided, 5 % level)."}
    },
    "stalled": {"before": {"count": 12, "share": 0.25}, "after": {"count": 5, "share": 0.1}, "chance": {"verdict": "exceeds_chance", "method": "fisher_exact", "p": 0.012,
            "statement": "The difference exceeds chance: chance alone makes one as large in 1.20 % of cases (Fisher's exact test, two-sided, 5 % level)."}},
    "incomplete": {"before": {"count": 12, "share": 0.25}, "after": {"count": 4, "share": 0.08}, "chance": {"verdict": "exceeds_chance", "method": "fisher_exact", "p": 0.012,
            "statement": "The difference exceeds chance: chance alone makes one as large in 1.20 % of cases (Fisher's exact test, two-sided, 5 % level)."}},
    "escalations": {"before": 19, "before_per_referral": 0.3958, "after": 6, "after_per_referral": 0.12, "chance": {"verdict": "exceeds_chance", "method": "welch_z", "p": 0.012,
            "statement": "The difference exceeds chance: chance alone makes one as large in 1.20 % of cases (Welch's test, two-sided, 5 % level)."}}
}))]
pub struct WorkflowSignalReport {
    /// The moment that it was counted at: everything that was answered before is in it.
    pub as_of: DateTime<Utc>,
    /// The time zone of the days.
    pub time_zone: TimeZoneName,
    /// The days before.
    pub before: ReportPeriod,
    /// The days after.
    pub after: ReportPeriod,
    /// Live referrals recorded before: the whole of the shares.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub referrals_before: i64,
    /// Live referrals recorded after.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub referrals_after: i64,
    /// From the start of the clock to the first action, as in the report on source quality; of those that were acted on.
    pub time_to_first_action: SignalTimes,
    /// Referrals whose escalation took a step at any time, the reminder of an overdue action included: on these something was overdue at
    /// least once. (`stalled` as an aging is what is overdue now.)
    pub stalled: SignalShare,
    /// Referrals that did not come complete, as in the report on source quality.
    pub incomplete: SignalShare,
    /// Steps of escalation.
    pub escalations: SignalEscalations,
}

fn moments(sums: &Sums) -> Moments {
    Moments { count: sums.of(Figure::Volume), sum: sums.of(Figure::Steps), squares: sums.of(Figure::StepsSquared) }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn mean(of: Moments) -> Option<f64> {
    (of.count > 0).then(|| (of.sum as f64 / of.count as f64 * 10_000.0).round() / 10_000.0)
}

impl WorkflowSignalReport {
    /// Counts it at this snapshot.
    ///
    /// # Errors
    /// 400 for periods or a filter that are none, 503 while the sums are being made anew.
    pub fn count(conn: &mut Conn, context: &Context, asked: &GetWorkflowSignalReport) -> Result<Self, AppError> {
        let names = reports::names(conn, &context.scope)?;
        let sums = ReportSums::open(conn, context)?;
        let (before, after) = asked.periods(sums.zone(), context.now)?;
        let GetWorkflowSignalReport { study, partner, channel, owner, late_logged, .. } = asked;
        let narrowed = Narrowed {
            study: study.as_ref(),
            partner: partner.as_ref(),
            channel: *channel,
            owner: *owner,
            late_logged: *late_logged,
        };
        let filter = narrowed.filter(conn, &context.scope, &names)?;
        let mut of = |period| -> Result<Sums, AppError> {
            let counted = sums.over(conn, context, RECORDED, period, &filter, |_| ())?.remove(&());
            Ok(counted.unwrap_or_default())
        };
        let (old, new) = (of(before)?, of(after)?);
        let (referrals_before, referrals_after) = (old.of(Figure::Volume), new.of(Figure::Volume));
        let share = |figure: Figure| SignalShare {
            before: Share::of(old.of(figure), referrals_before),
            after: Share::of(new.of(figure), referrals_after),
            chance: chance::shares((old.of(figure), referrals_before), (new.of(figure), referrals_after)).into(),
        };
        let (steps_before, steps_after) = (moments(&old), moments(&new));
        Ok(Self {
            as_of: context.now,
            time_zone: sums.site.time_zone.clone(),
            before: before.into(),
            after: after.into(),
            referrals_before,
            referrals_after,
            time_to_first_action: SignalTimes {
                before: TimeFigures::of(old.first_action()),
                after: TimeFigures::of(new.first_action()),
                chance: chance::times(old.first_action(), new.first_action()).into(),
            },
            stalled: share(Figure::Stalled),
            incomplete: share(Figure::Incomplete),
            escalations: SignalEscalations {
                before: steps_before.sum,
                before_per_referral: mean(steps_before),
                after: steps_after.sum,
                after_per_referral: mean(steps_after),
                chance: chance::means(steps_before, steps_after).into(),
            },
        })
    }
}

impl Table for WorkflowSignalReport {
    const NAME: &'static str = "workflow-signal";

    fn header() -> Vec<String> {
        columns([
            "as_of",
            "before_from",
            "before_until",
            "after_from",
            "after_until",
            "signal",
            "unit",
            "before_count",
            "before",
            "after_count",
            "after",
            "verdict",
            "method",
            "p",
        ])
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        let told = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let line = |(signal, unit): (&str, &str), before: (i64, Option<f64>), after: (i64, Option<f64>), chance: &Chance| {
            vec![
                time(self.as_of),
                self.before.from.to_string(),
                self.before.until.to_string(),
                self.after.from.to_string(),
                self.after.until.to_string(),
                signal.to_owned(),
                unit.to_owned(),
                before.0.to_string(),
                told(before.1),
                after.0.to_string(),
                told(after.1),
                chance.verdict.to_string(),
                chance.method.to_string(),
                told(chance.p),
            ]
        };
        let times = &self.time_to_first_action;
        let quantile = |signal, value: fn(&TimeFigures) -> Option<f64>| {
            let (before, after) = (&times.before, &times.after);
            line((signal, "seconds"), (before.count, value(before)), (after.count, value(after)), &times.chance)
        };
        let share = |signal, of: &SignalShare| {
            line((signal, "share"), (of.before.count, of.before.share), (of.after.count, of.after.share), &of.chance)
        };
        let steps = &self.escalations;
        [
            quantile("time_to_first_action_p50", |times| times.p50_seconds),
            quantile("time_to_first_action_p90", |times| times.p90_seconds),
            share("stalled", &self.stalled),
            share("incomplete", &self.incomplete),
            line(
                ("escalations", "steps_per_referral"),
                (steps.before, steps.before_per_referral),
                (steps.after, steps.after_per_referral),
                &steps.chance,
            ),
        ]
        .into_iter()
    }
}
