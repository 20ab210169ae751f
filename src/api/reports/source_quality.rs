//! Which source works.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{GetReport, ReportPeriod};
use super::figures::{CloseReasonCount, Share, TimeFigures};
use super::{Table, columns, time};
use crate::db::Conn;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::reports::{Figure, Key, Sums};
use crate::domain::text::{Code, TimeZoneName};
use crate::domain::vocabulary::CloseReason;
use crate::error::AppError;
use crate::ops::Context;
use crate::ops::report_sums::{RECORDED, ReportSums};
use crate::store::reports;

/// What came from a source, how complete and right it was, how far it came, and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "volume": 50, "complete": {"count": 46, "share": 0.92}, "wrong_study": {"count": 2, "share": 0.04},
    "refused_for_sensitive_content": 3, "duplicates": {"count": 1, "share": 0.02}, "connected": {"count": 31, "share": 0.62},
    "handed_off": {"count": 22, "share": 0.44}, "attribution_verified": {"count": 49, "share": 0.98},
    "time_to_first_action": {"count": 48, "p50_seconds": 5400.0, "p90_seconds": 86000.0},
    "time_to_connection": {"count": 31, "p50_seconds": 172000.0, "p90_seconds": 610000.0},
    "close_reasons": [{"close_reason": "handoff_complete", "count": 17}, {"close_reason": "duplicate", "count": 1}]
}))]
pub struct SourceFigures {
    /// Live referrals that were recorded in the period. The whole of every share below.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub volume: i64,
    /// Those that came with all that was asked for: nothing waits for the partner to complete it, neither `incomplete_handoff` nor
    /// `missing_source_tag` is marked, and they were not closed as `incomplete_handoff`.
    pub complete: Share,
    /// Those with `wrong_study` marked, or closed for it.
    pub wrong_study: Share,
    /// Bodies (not referrals) that were refused in the period because a name or a value in them looked personal or medical: of a source
    /// those that named its partner and study in registered codes, of the total also those that named none. `null` where channel, owner or late-logging is filtered by: a refused body has none.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub refused_for_sensitive_content: Option<i64>,
    /// Those that were closed as the same person's as another one.
    pub duplicates: Share,
    /// Those whose person was reached since their clock started.
    pub connected: Share,
    /// Those handed to the study team since their clock started; one that fell through is none.
    pub handed_off: Share,
    /// Those whose source is `verified`.
    pub attribution_verified: Share,
    /// From the start of the clock (recorded, or opened again) to the first action, by the calendar: the acknowledgement or any later step, or
    /// the end of a referral that nobody acknowledged, as in `first_action` of a referral.
    pub time_to_first_action: TimeFigures,
    /// From the start of the clock (recorded, or opened again) to the person being reached, by the calendar.
    pub time_to_connection: TimeFigures,
    /// Why those that are closed ended, in the order of the vocabulary; without reasons that none has.
    #[schema(max_items = 17)]
    pub close_reasons: Vec<CloseReasonCount>,
}

impl SourceFigures {
    fn of(sums: &Sums, refused: Option<i64>) -> Self {
        let volume = sums.of(Figure::Volume);
        let share = |figure: Figure| Share::of(sums.of(figure), volume);
        let close_reasons = CloseReason::ALL
            .iter()
            .map(|reason| CloseReasonCount { close_reason: *reason, count: sums.of(Key::Closed(*reason)) })
            .filter(|reason| reason.count > 0)
            .collect();
        Self {
            volume,
            complete: Share::of(volume - sums.of(Figure::Incomplete), volume),
            wrong_study: share(Figure::WrongStudy),
            refused_for_sensitive_content: refused,
            duplicates: share(Figure::Duplicate),
            connected: share(Figure::Connected),
            handed_off: share(Figure::HandedOff),
            attribution_verified: share(Figure::Verified),
            time_to_first_action: TimeFigures::of(sums.first_action()),
            time_to_connection: TimeFigures::of(sums.connection()),
            close_reasons,
        }
    }
}

/// The figures of one source.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SourceQuality {
    /// Code of the partner; `null`: nobody that is known referred.
    pub partner: Option<Code>,
    /// Code of the study.
    pub study: Code,
    /// Its figures.
    pub figures: SourceFigures,
}

/// Which source works. Live and exact, for the site alone.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2026-06-30T15:00:00Z", "period": {"from": "2026-04-01", "until": "2026-06-30"}, "time_zone": "America/New_York",
    "total": {
        "volume": 50, "complete": {"count": 46, "share": 0.92}, "wrong_study": {"count": 2, "share": 0.04},
        "refused_for_sensitive_content": 3, "duplicates": {"count": 1, "share": 0.02}, "connected": {"count": 31, "share": 0.62},
        "handed_off": {"count": 22, "share": 0.44}, "attribution_verified": {"count": 49, "share": 0.98},
        "time_to_first_action": {"count": 48, "p50_seconds": 5400.0, "p90_seconds": 86000.0},
        "time_to_connection": {"count": 31, "p50_seconds": 172000.0, "p90_seconds": 610000.0},
        "close_reasons": [{"close_reason": "handoff_complete", "count": 17}, {"close_reason": "duplicate", "count": 1}]
    },
    "sources": [{"partner": "lakeside-cardiology", "study": "heart-2026", "figures": {
        "volume": 50, "complete": {"count": 46, "share": 0.92}, "wrong_study": {"count": 2, "share": 0.04},
        "refused_for_sensitive_content": 3, "duplicates": {"count": 1, "share": 0.02}, "connected": {"count": 31, "share": 0.62},
        "handed_off": {"count": 22, "share": 0.44}, "attribution_verified": {"count": 49, "share": 0.98},
        "time_to_first_action": {"count": 48, "p50_seconds": 5400.0, "p90_seconds": 86000.0},
        "time_to_connection": {"count": 31, "p50_seconds": 172000.0, "p90_seconds": 610000.0},
        "close_reasons": [{"close_reason": "handoff_complete", "count": 17}, {"close_reason": "duplicate", "count": 1}]
    }}]
}))]
pub struct SourceQualityReport {
    /// The moment that it was counted at: everything that was answered before is in it.
    pub as_of: DateTime<Utc>,
    /// The days on which the referrals were recorded.
    pub period: ReportPeriod,
    /// The time zone of these days.
    pub time_zone: TimeZoneName,
    /// All sources together.
    pub total: SourceFigures,
    /// Every source with a referral or a refused body in the period, those with the most referrals first.
    #[schema(max_items = 10_000)]
    pub sources: Vec<SourceQuality>,
}

impl SourceQualityReport {
    /// Counts it at this snapshot.
    ///
    /// # Errors
    /// 400 for a period or a filter that is none, 503 while the sums are being made anew.
    pub fn count(conn: &mut Conn, context: &Context, asked: &GetReport) -> Result<Self, AppError> {
        let names = reports::names(conn, &context.scope)?;
        let sums = ReportSums::open(conn, context)?;
        let (period, filter) = (asked.period(sums.zone(), context.now)?, asked.filter(conn, &context.scope, &names)?);
        let mut by_source = sums.over(conn, context, RECORDED, period, &filter, |of| (of.study, of.partner))?;
        let countable = filter.channel.is_none() && filter.owner.is_none() && filter.is_late.is_none();
        let refused = match countable {
            true => reports::refused(conn, &context.scope, (period.from, period.until), &filter)?,
            false => Vec::new(),
        };
        let all_refused = countable.then(|| refused.iter().map(|refused| refused.count).sum());
        let mut by_refusal: BTreeMap<(StudyId, Option<PartnerId>), i64> = BTreeMap::new();
        for refused in refused {
            if let Some(study) = refused.study_id {
                *by_refusal.entry((study, refused.partner_id)).or_default() += refused.count;
                by_source.entry((study, refused.partner_id)).or_default();
            }
        }
        let mut total = Sums::default();
        let mut sources: Vec<SourceQuality> = Vec::with_capacity(by_source.len());
        for ((study, partner), counted) in by_source {
            total.add(&counted);
            let refused = countable.then(|| by_refusal.get(&(study, partner)).copied().unwrap_or(0));
            let figures = SourceFigures::of(&counted, refused);
            let Some(study) = names.studies.get(&study).cloned() else { continue };
            if figures.volume == 0 && refused.unwrap_or(0) == 0 {
                continue;
            }
            let partner = partner.and_then(|partner| names.partners.get(&partner).cloned());
            sources.push(SourceQuality { partner, study, figures });
        }
        let order =
            |source: &SourceQuality| (std::cmp::Reverse(source.figures.volume), source.study.clone(), source.partner.clone());
        sources.sort_by_key(order);
        let time_zone = sums.site.time_zone.clone();
        let total = SourceFigures::of(&total, all_refused);
        Ok(Self { as_of: context.now, period: period.into(), time_zone, total, sources })
    }
}

/// Figures with a share, in the table's order.
const SHARES: [&str; 6] = ["complete", "wrong_study", "duplicates", "connected", "handed_off", "attribution_verified"];
/// Times, in the table's order.
const TIMES: [&str; 2] = ["time_to_first_action", "time_to_connection"];

impl Table for SourceQualityReport {
    const NAME: &'static str = "source-quality";

    fn header() -> Vec<String> {
        let mut header = columns(["as_of", "from", "until", "partner", "study", "volume", "refused_for_sensitive_content"]);
        header.extend(SHARES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}_share")]));
        let times = TIMES.iter();
        header.extend(
            times.flat_map(|name| [format!("{name}_count"), format!("{name}_p50_seconds"), format!("{name}_p90_seconds")]),
        );
        header.extend(CloseReason::ALL.iter().map(|reason| format!("closed_{reason}")));
        header
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.sources.iter().map(|source| {
            let figures = &source.figures;
            let mut line = vec![
                time(self.as_of),
                self.period.from.to_string(),
                self.period.until.to_string(),
                source.partner.as_ref().map(|code| code.as_str()).unwrap_or_default().to_owned(),
                source.study.as_str().to_owned(),
                figures.volume.to_string(),
                figures.refused_for_sensitive_content.map(|count| count.to_string()).unwrap_or_default(),
            ];
            let shares = [
                figures.complete,
                figures.wrong_study,
                figures.duplicates,
                figures.connected,
                figures.handed_off,
                figures.attribution_verified,
            ];
            line.extend(shares.iter().flat_map(Share::cells));
            line.extend([figures.time_to_first_action, figures.time_to_connection].iter().flat_map(TimeFigures::cells));
            line.extend(CloseReason::ALL.iter().map(|reason| {
                let found = figures.close_reasons.iter().find(|counted| counted.close_reason == *reason);
                found.map_or(0, |counted| counted.count).to_string()
            }));
            line
        })
    }
}
