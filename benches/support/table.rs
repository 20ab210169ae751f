//! How figures are printed: medians over the rounds, and how far the rounds lie apart.

use super::round::Round;

/// The median; of an even number the mean of the middle two.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.get(values.len().saturating_sub(1) / 2)) {
        (Some(upper), Some(lower)) => f64::midpoint(*upper, *lower),
        _ => f64::NAN,
    }
}

/// The smallest and the largest.
#[must_use]
pub fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Prints one line for each of what was measured.
pub fn print(rows: &[(&str, &[Round])]) {
    println!();
    println!(
        "{:24} {:>9} {:>8} {:>8} {:>8}   CPU µs per request",
        "medians of the rounds", "per s", "p50 ms", "p95 ms", "p99 ms"
    );
    println!("{:62} {:>9} {:>11} {:>10}", "", "server", "PostgreSQL", "generator");
    for (name, rounds) in rows {
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
        println!(
            "{name:24} {:>9.0} {:>8.2} {:>8.2} {:>8.2} {:>9} {:>11} {:>10}",
            of(|round| round.per_second),
            of(|round| round.p50),
            of(|round| round.p95),
            of(|round| round.p99),
            cpu(rounds, |round| round.server),
            cpu(rounds, |round| round.postgres),
            cpu(rounds, |round| round.generator),
        );
    }
    println!();
    println!("{:24} {:>9} {:>9} {:>9}", "noise over the rounds", "lowest", "highest", "spread");
    for (name, rounds) in rows {
        let (low, high) = range(rounds.iter().map(|round| round.per_second));
        let spread = (high - low) / median(rounds.iter().map(|round| round.per_second));
        println!("{name:24} {low:>9.0} {high:>9.0} {:>8.0}%", spread * 100.0);
    }
    println!();
}

fn cpu(rounds: &[Round], figure: fn(&Round) -> Option<f64>) -> String {
    let known: Option<Vec<f64>> = rounds.iter().map(figure).collect();
    known.map_or_else(|| "–".to_owned(), |values| format!("{:.0}", median(values)))
}

/// Prints a ratio that was taken round by round: its median, and the lowest and highest.
pub fn print_ratio(name: &str, ratios: &[f64]) {
    let (low, high) = range(ratios.iter().copied());
    println!("{name}: {:.2} (rounds {low:.2} to {high:.2})", median(ratios.iter().copied()));
}
