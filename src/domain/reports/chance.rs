//! Whether a difference between two periods exceeds what chance alone makes: two-sided tests at the 5 % level, each by its usual name.
//!
//! Shares: Fisher's exact test, and the z-test of two proportions (pooled) where there are many. Times: the Mann–Whitney U test with the
//! correction for ties, over the classes that times are kept in. Means: Welch's test, by the normal distribution. The distributions
//! are statrs's.

use statrs::distribution::{ContinuousCDF as _, Discrete as _, Hypergeometric, Normal};

/// A difference that chance alone makes less often than this exceeds it.
pub const LEVEL: f64 = 0.05;
/// Fewer observations than this on either side say nothing either way.
pub const FEWEST: i64 = 8;
/// Up to so many observations the exact test is used.
const EXACT_UP_TO: i64 = 2_000;

text_enum! {
    /// Whether a difference exceeds chance: it does (two-sided test at the 5 % level), it does not, or one of the periods has fewer than 8
    /// observations and nothing can be said.
    pub enum ChanceVerdict { Exceeds = "exceeds_chance", Within = "within_chance", TooFew = "too_few" }
}

text_enum! {
    /// The test that a verdict rests on: Fisher's exact test, the z-test of two proportions, the Mann–Whitney U test with correction for
    /// ties, or Welch's test of two means by the normal distribution.
    pub enum ChanceMethod {
        Fisher = "fisher_exact",
        Proportions = "two_proportion_z",
        MannWhitney = "mann_whitney_u",
        Welch = "welch_z",
    }
}

/// What a test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// Which one.
    pub method: ChanceMethod,
    /// How often chance alone makes a difference of this size or more; `None`: there are too few observations.
    pub p: Option<f64>,
}

impl Test {
    /// The verdict at [`LEVEL`].
    #[must_use]
    pub fn verdict(&self) -> ChanceVerdict {
        match self.p {
            None => ChanceVerdict::TooFew,
            Some(p) if p < LEVEL => ChanceVerdict::Exceeds,
            Some(_) => ChanceVerdict::Within,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn real(count: i64) -> f64 {
    count as f64
}

fn two_sided(z: f64) -> Option<f64> {
    let p = 2.0 * Normal::standard().sf(z.abs());
    p.is_finite().then_some(p.min(1.0))
}

/// Compares two shares: this many of that many, before and after.
#[must_use]
pub fn shares(before: (i64, i64), after: (i64, i64)) -> Test {
    let (all, held) = (before.1 + after.1, before.0 + after.0);
    let method = if all <= EXACT_UP_TO { ChanceMethod::Fisher } else { ChanceMethod::Proportions };
    if before.1.min(after.1) < FEWEST {
        return Test { method, p: None };
    }
    let p = if method == ChanceMethod::Fisher {
        fisher(before, after)
    } else {
        let pooled = real(held) / real(all);
        let spread = (pooled * (1.0 - pooled) * (1.0 / real(before.1) + 1.0 / real(after.1))).sqrt();
        let difference = real(after.0) / real(after.1) - real(before.0) / real(before.1);
        if spread == 0.0 { Some(1.0) } else { two_sided(difference / spread) }
    };
    Test { method, p }
}

/// The probability of all tables with these margins that are no likelier than this one.
fn fisher(before: (i64, i64), after: (i64, i64)) -> Option<f64> {
    let unsigned = |count: i64| u64::try_from(count).ok();
    let (all, held, drawn, seen) =
        (unsigned(before.1 + after.1)?, unsigned(before.0 + after.0)?, unsigned(after.1)?, unsigned(after.0)?);
    let tables = Hypergeometric::new(all, held, drawn).ok()?;
    // Equal likelihoods may differ in their last digits.
    let limit = tables.pmf(seen) * (1.0 + 1e-7);
    let (least, most) = ((held + drawn).saturating_sub(all), held.min(drawn));
    let p: f64 = (least..=most).map(|count| tables.pmf(count)).filter(|likelihood| *likelihood <= limit).sum();
    Some(p.min(1.0))
}

/// Compares two spreads of times, given as counts by class.
#[must_use]
pub fn times(before: &[i64], after: &[i64]) -> Test {
    let method = ChanceMethod::MannWhitney;
    let (m, n) = (before.iter().sum::<i64>(), after.iter().sum::<i64>());
    if m.min(n) < FEWEST {
        return Test { method, p: None };
    }
    let (m, n) = (real(m), real(n));
    // How often an observation after lies below one before; one of the same class counts half.
    let (mut below, mut u, mut ties) = (0.0, 0.0, 0.0);
    for (before, after) in before.iter().zip(after) {
        let (before, after) = (real(*before), real(*after));
        u += before * (below + after / 2.0);
        below += after;
        let tied = before + after;
        ties += tied.powi(3) - tied;
    }
    let all = m + n;
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let away = ((u - m * n / 2.0).abs() - 0.5).max(0.0);
    Test { method, p: if variance <= 0.0 { Some(1.0) } else { two_sided(away / variance.sqrt()) } }
}

/// Observations as their number, sum and sum of squares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// How many.
    pub count: i64,
    /// Their sum.
    pub sum: i64,
    /// The sum of their squares.
    pub squares: i64,
}

impl Moments {
    fn mean(self) -> f64 {
        real(self.sum) / real(self.count)
    }

    /// The variance of the mean.
    fn of_mean(self) -> f64 {
        let count = real(self.count);
        ((real(self.squares) - count * self.mean().powi(2)) / (count - 1.0)).max(0.0) / count
    }
}

/// Compares two means.
#[must_use]
pub fn means(before: Moments, after: Moments) -> Test {
    let method = ChanceMethod::Welch;
    if before.count.min(after.count) < FEWEST {
        return Test { method, p: None };
    }
    let spread = (before.of_mean() + after.of_mean()).sqrt();
    let difference = after.mean() - before.mean();
    let p = match (spread == 0.0, difference == 0.0) {
        (true, true) => Some(1.0),
        // Two constants that differ: no chance is in it.
        (true, false) => Some(0.0),
        _ => two_sided(difference / spread),
    };
    Test { method, p }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(test: Test, p: f64) {
        let found = test.p.unwrap();
        assert!((found - p).abs() < 0.000_5, "{found} for {p}");
    }

    /// The values were computed from the tests' definitions in another language, by summing over tables and pairs.
    #[test]
    fn the_tests_say_what_their_definitions_say() {
        near(shares((8, 10), (1, 9)), 0.005_477);
        near(shares((3, 30), (9, 30)), 0.104_2);
        near(shares((450, 3_000), (520, 3_000)), 0.014_10);
        // 1, 2, 2, 3, 4, 4, 4, 5 against 3, 4, 5, 5, 5, 6, 6, 6.
        near(times(&[0, 1, 2, 1, 3, 1, 0], &[0, 0, 0, 1, 1, 3, 3]), 0.013_78);
    }

    #[test]
    fn few_observations_say_nothing_and_equal_ones_no_difference() {
        assert_eq!(shares((1, 7), (5, 900)).verdict(), ChanceVerdict::TooFew);
        assert_eq!(times(&[7], &[9]).verdict(), ChanceVerdict::TooFew);
        assert_eq!(times(&[0, 9], &[0, 12]).verdict(), ChanceVerdict::Within);
        assert_eq!(shares((0, 50), (0, 70)).verdict(), ChanceVerdict::Within);
        assert_eq!(shares((0, 5_000), (0, 7_000)).verdict(), ChanceVerdict::Within);
        let moments = |count, sum, squares| Moments { count, sum, squares };
        assert_eq!(means(moments(10, 0, 0), moments(10, 0, 0)).verdict(), ChanceVerdict::Within);
        assert_eq!(means(moments(100, 20, 24), moments(100, 60, 90)).verdict(), ChanceVerdict::Exceeds);
    }

    /// The control: on draws without a difference each test errs about as often as its level says, and no test sees nothing.
    #[test]
    fn without_a_difference_chance_is_exceeded_about_as_often_as_the_level_says() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % 100
        };
        let (mut by_shares, mut by_times) = (0, 0);
        for _ in 0..1_000 {
            let mut draw = || {
                let mut counts = vec![0_i64; 50];
                (0..60).for_each(|_| counts[usize::try_from(random() / 2).unwrap()] += 1);
                counts
            };
            let (before, after) = (draw(), draw());
            by_times += i32::from(times(&before, &after).verdict() == ChanceVerdict::Exceeds);
            let held = |counts: &[i64]| (counts[..15].iter().sum::<i64>(), 60);
            by_shares += i32::from(shares(held(&before), held(&after)).verdict() == ChanceVerdict::Exceeds);
        }
        assert!((30..=70).contains(&by_times), "{by_times} of 1,000");
        // The exact test is conservative.
        assert!((10..=60).contains(&by_shares), "{by_shares} of 1,000");
    }
}
