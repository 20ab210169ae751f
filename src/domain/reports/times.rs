//! Times in classes: each class is at most 4.1 % wide, so that a quantile that is told from the classes is at most 2 % off.

use chrono::Duration;

/// How far a told quantile may be off, as a share of it; DDSketch (Masson et al., 2019) calls it the relative accuracy.
pub const RELATIVE_ERROR: f64 = 0.02;
/// Each class ends at this many times where it begins.
const GROWTH: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// Classes: the first holds all below a second, the last all from ten years on.
pub const CLASSES: u16 = 500;

/// The class of a time; a negative one, which two clocks can make, counts as none at all.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "bounded on both sides")]
pub fn class(time: Duration) -> u16 {
    let seconds = time.num_milliseconds() as f64 / 1_000.0;
    if seconds < 1.0 {
        return 0;
    }
    ((seconds.ln() / GROWTH.ln()).floor() as u16 + 1).min(CLASSES - 1)
}

/// The time that stands for a class, in seconds: at most [`RELATIVE_ERROR`] from every time in it (or half a second in the first one).
#[must_use]
pub fn seconds(class: u16) -> f64 {
    if class == 0 { 0.5 } else { 2.0 * GROWTH.powi(i32::from(class)) / (GROWTH + 1.0) }
}

/// The quantile `q` of counts by class, in seconds, by the nearest rank: the least time that at least this share of all is not above.
/// `None` where nothing was counted.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn quantile(counts: &[i64], q: f64) -> Option<f64> {
    let all: i64 = counts.iter().sum();
    let rank = ((all as f64 * q).ceil() as i64).clamp(1, all.max(1));
    let mut seen = 0;
    for (class, count) in counts.iter().enumerate() {
        seen += count;
        if *count > 0 && seen >= rank {
            return u16::try_from(class).ok().map(seconds);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_told_quantile_is_at_most_two_per_cent_off_the_exact_one() {
        // A wide spread without a generator: from seconds to a month, by a multiplicative walk.
        let mut times: Vec<i64> = (0..5_000_i64).map(|i| 1_000 + (i * i * 7_919) % 2_592_000_000).collect();
        times.sort_unstable();
        let mut counts = vec![0; usize::from(CLASSES)];
        for time in &times {
            counts[usize::from(class(Duration::milliseconds(*time)))] += 1;
        }
        for q in [0.01, 0.25, 0.5, 0.9, 0.99, 1.0] {
            let rank = ((times.len() as f64 * q).ceil() as usize).max(1);
            let exact = times[rank - 1] as f64 / 1_000.0;
            let told = quantile(&counts, q).unwrap();
            assert!((told - exact).abs() <= exact * RELATIVE_ERROR * 1.000_001, "{q}: {told} for {exact}");
        }
        assert_eq!(quantile(&vec![0; 500], 0.5), None);
    }

    #[test]
    fn the_ends_have_classes_too() {
        assert_eq!((class(Duration::seconds(-5)), class(Duration::zero()), class(Duration::milliseconds(999))), (0, 0, 0));
        assert_eq!(class(Duration::seconds(1)), 1);
        assert!(class(Duration::days(3_650)) < CLASSES - 1);
        assert_eq!(class(Duration::days(365_000)), CLASSES - 1);
    }
}
