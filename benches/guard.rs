//! Prints how fast the guard is on one core: short texts one by one, and a long text as a whole.
#![allow(clippy::print_stdout, reason = "a command line prints")]

use std::hint::black_box;
use std::time::Instant;

use handoff::privacy::guard::{Profile, Registered, check, prepare};

const SHORT: [&str; 8] = [
    "Contact attempt 2 of 3, no answer; coordinator will call again on Thursday at 10",
    "Partner asked for the Spanish flyer, the study code is missing on four referrals",
    "Rescheduled to next Tuesday at 10:30 because the site is closed for a holiday on",
    "He was diagnosed with type 2 diabetes in 2014 and takes metformin twice every day",
    "Call the study line at (555) 010-0199 to learn more about this research, 8 to 5pm",
    "La persona prefiere que la llamen por la noche; falta el código del estudio, pedir",
    "utm_source=partner&utm_medium=email&utm_campaign=copd_fall&utm_content=variant_bee",
    "A Randomized, Double-Blind Study of an Oral Agent in Adults With Moderate Disease.",
];
const ROUNDS: usize = 20_000;
/// A request body at its limit, and an import.
const LONG: [usize; 2] = [1 << 15, 1 << 20];

fn main() {
    let start = Instant::now();
    prepare();
    println!("patterns ready after {:.2} ms", start.elapsed().as_secs_f64() * 1e3);

    let mut times = Vec::with_capacity(ROUNDS * SHORT.len());
    for _ in 0..ROUNDS {
        for text in SHORT {
            let start = Instant::now();
            black_box(check(black_box(text), Profile::Strict, &Registered::NONE));
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    println!("about 80 bytes: p50 {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs", at(0.5), at(0.99), at(0.999));

    for length in LONG {
        for (name, texts) in [("operational, ASCII", &SHORT[..3]), ("mixed", &SHORT[..])] {
            let long: String = texts.iter().cycle().flat_map(|text| [*text, "\n"]).take(2 * length / 82).collect();
            let rounds = 8 * LONG[1] / length;
            let start = Instant::now();
            for _ in 0..rounds {
                black_box(check(black_box(&long), Profile::Strict, &Registered::NONE));
            }
            let rate = (rounds * long.len()) as f64 / start.elapsed().as_secs_f64() / 1e6;
            println!("{name}, {} bytes: {rate:.1} MB/s", long.len());
        }
    }
}
