//! Figures that several reports show.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::reports::times;
use crate::domain::vocabulary::CloseReason;

/// A part of a whole: how many, and which share that is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"count": 42, "share": 0.84}))]
pub struct Share {
    /// How many.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub count: i64,
    /// Its part of the whole that the field's description names, from 0 to 1, to four decimals; `null` where the whole is 0.
    #[schema(minimum = 0, maximum = 1)]
    pub share: Option<f64>,
}

impl Share {
    /// This many of that many.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn of(count: i64, whole: i64) -> Self {
        let share = (whole > 0).then(|| (count as f64 / whole as f64 * 10_000.0).round() / 10_000.0);
        Self { count, share }
    }

    pub(super) fn cells(&self) -> [String; 2] {
        [self.count.to_string(), self.share.map(|share| share.to_string()).unwrap_or_default()]
    }
}

/// How long something took, by the calendar: half of the referrals took at most `p50_seconds`, nine of ten at most `p90_seconds` (nearest
/// rank). Each is at most 2 % off the exact value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"count": 42, "p50_seconds": 5400.0, "p90_seconds": 86000.0}))]
pub struct TimeFigures {
    /// Referrals that it happened to.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub count: i64,
    /// The median, in seconds; `null` where nothing was counted.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub p50_seconds: Option<f64>,
    /// The 90th percentile, in seconds; `null` where nothing was counted.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub p90_seconds: Option<f64>,
}

impl TimeFigures {
    /// What counts by class come to.
    #[must_use]
    pub fn of(classes: &[i64]) -> Self {
        let told = |q| times::quantile(classes, q).map(|seconds| (seconds * 10.0).round() / 10.0);
        Self { count: classes.iter().sum(), p50_seconds: told(0.5), p90_seconds: told(0.9) }
    }

    pub(super) fn cells(&self) -> [String; 3] {
        let told = |seconds: Option<f64>| seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        [self.count.to_string(), told(self.p50_seconds), told(self.p90_seconds)]
    }
}

/// How many ended for this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"close_reason": "handoff_complete", "count": 17}))]
pub struct CloseReasonCount {
    /// Why they ended.
    pub close_reason: CloseReason,
    /// How many.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub count: i64,
}
