//! Whether a person is known shows neither in a partner's answer nor in how long it takes: thousands of requests over one
//! connection, known and unknown side by side in random order, while the jobs run.
//!
//! The judge is a rank test over pairs. Within a pair the order is drawn, so that a slow moment of the machine falls on either side
//! alike: however noisy the machine, the figure stays within five standard deviations unless one side is slower.

use std::time::{Duration, Instant};

use handoff::jobs::scheduler::Scheduler;
use handoff::jobs::{JOBS, Job, match_duplicates, sequencer};
use serde_json::{Value, json};

use crate::contact_withdrawals::partners::masked;
use crate::contact_withdrawals::refer;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, together};
use crate::support::{App, make};

/// Five standard deviations: once in two million runs by chance.
const LIMIT: f64 = 5.0;
/// People who were sent before by another partner.
const KNOWN: usize = 200;

/// Wilcoxon's signed ranks: how far the differences lean to one side, in standard deviations.
fn lean(differences: &[f64]) -> f64 {
    let mut ranked: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    ranked.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let sum: f64 = ranked.iter().enumerate().map(|(rank, difference)| difference.signum() * (rank + 1) as f64).sum();
    let n = ranked.len() as f64;
    sum / (n * (n + 1.0) * (2.0 * n + 1.0) / 6.0).sqrt()
}

fn median(of: &[f64]) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// A coin that is the same in every run.
struct Coin(u64);

impl Coin {
    fn toss(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 63 == 1
    }
}

/// Sends a referral; answers how long that took, in microseconds.
async fn timed(partner: &Person, body: &Value, delay: Duration) -> (f64, Answer) {
    let begin = Instant::now();
    let answer = partner.post("/v1/referrals", body).await;
    let end = begin + begin.elapsed() + delay;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    (begin.elapsed().as_secs_f64() * 1e6, answer.expect(201))
}

fn of(email: &str) -> Value {
    make::referral_with(json!({"match": {"email": email}}))
}

/// Sends pairs, one side of which is known; answers the differences, known less unknown.
async fn pairs(partner: &Person, name: &str, count: usize, known: bool, delay: Duration) -> Vec<f64> {
    let mut coin = Coin(0x9e37_79b9_7f4a_7c15);
    let mut differences = Vec::with_capacity(count);
    for number in 0..count {
        let one = if known {
            of(&format!("known-{}@mail.example", number % KNOWN))
        } else {
            of(&format!("{name}-a{number}@mail.example"))
        };
        let other = of(&format!("{name}-b{number}@mail.example"));
        let (one, other) = if coin.toss() {
            let one = timed(partner, &one, delay).await;
            (one, timed(partner, &other, Duration::ZERO).await)
        } else {
            let other = timed(partner, &other, Duration::ZERO).await;
            (timed(partner, &one, delay).await, other)
        };
        assert_eq!(masked(&one.1), masked(&other.1), "the answers are the same but for ids, codes and times");
        differences.push(one.0 - other.0);
    }
    differences
}

async fn compare(count: usize) {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    let seeds = (0..8).map(|worker| {
        let sibling = app.sibling_partner();
        async move {
            for number in (worker..KNOWN).step_by(8) {
                refer(&sibling, json!({"email": format!("known-{number}@mail.example")})).await.expect(201);
            }
        }
    });
    together(seeds).await;
    super::find(&app).await;
    // A server beside the one that answers, at the pace of production.
    let beside = app.state_beside();
    let jobs: Vec<Job> =
        JOBS.iter().copied().filter(|job| [sequencer::NAME, match_duplicates::NAME].contains(&job.name)).collect();
    let scheduler = Scheduler::start(&beside, &jobs);
    let partner = app.partner();
    pairs(&partner, "warm", 100, true, Duration::ZERO).await;
    let unknown = pairs(&partner, "aa", count / 4, false, Duration::ZERO).await;
    let known = pairs(&partner, "ab", count, true, Duration::ZERO).await;
    scheduler.stop().await;
    // What a match in the request would cost: what it costs the job, for one referral of a known person.
    super::find(&app).await;
    let mut costs = Vec::new();
    for number in 0..15 {
        refer(&partner, json!({"email": format!("known-{number}@mail.example")})).await.expect(201);
        let begin = Instant::now();
        assert_eq!(super::find(&app).await, 1);
        costs.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let cost = median(&costs);
    let slowed = pairs(&partner, "slow", 200, true, Duration::from_secs_f64(cost / 1e6)).await;
    // What the known side could be slower by, in this run's noise, before it is seen.
    let seen_from =
        (0..10_000).step_by(10).find(|more| lean(&known.iter().map(|it| it + f64::from(*more)).collect::<Vec<_>>()) > LIMIT);
    println!(
        "known against unknown: {count} pairs, lean {:+.2} (limit {LIMIT}), median of differences {:+.0} µs; unknown against unknown: {} pairs, {:+.2}, {:+.0} µs; seen from {seen_from:?} µs on; slowed by a match ({cost:.0} µs): {:+.2}",
        lean(&known),
        median(&known),
        unknown.len(),
        lean(&unknown),
        median(&unknown),
        lean(&slowed),
    );
    assert!(lean(&unknown).abs() < LIMIT, "the measure itself leans");
    assert!(lean(&known).abs() < LIMIT, "a partner can tell who is known");
    assert!(lean(&slowed) > LIMIT, "the control: a match in the request is seen");
    super::find(&app).await;
    let flagged = app.db.count("SELECT count(*) FROM duplicate_reviews");
    assert!(flagged >= i64::try_from(count).unwrap(), "the known ones were known: {flagged} pairs");
}

#[actix_web::test]
async fn a_partners_answer_takes_as_long_whether_or_not_the_person_is_known() {
    compare(1_000).await;
}

/// `cargo test --release --test api a_partners_answer_takes_as_long_over_ten_thousand_pairs -- --ignored --nocapture`
#[actix_web::test]
#[ignore = "long: ten thousand pairs"]
async fn a_partners_answer_takes_as_long_over_ten_thousand_pairs() {
    compare(10_000).await;
}

#[test]
fn the_rank_test_sees_a_lean_and_no_lean_where_there_is_none() {
    let mut coin = Coin(7);
    let noise: Vec<f64> = (1..=1_000).map(|size| if coin.toss() { f64::from(size) } else { -f64::from(size) }).collect();
    assert!(lean(&noise).abs() < LIMIT, "{}", lean(&noise));
    assert!(lean(&noise.iter().map(|difference| difference + 200.0).collect::<Vec<_>>()) > LIMIT);
}
