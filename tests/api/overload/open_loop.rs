//! R3: ten times the capacity, whether answers come or not, and a second site that asks for little.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use crate::support::app::Setup;
use crate::support::callers::{Person, together};
use crate::support::{App, make};

const CONNECTIONS: u32 = 2;
/// As the README advises for who would rather be refused than wait.
const WAITING: usize = 2;

/// Every referral takes forty milliseconds in the database: neither the generator nor the server is what is measured.
const SLOW_REFERRALS: &str = "
    CREATE FUNCTION public.forty_milliseconds() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.04); RETURN NEW; END $$;
    GRANT EXECUTE ON FUNCTION public.forty_milliseconds() TO PUBLIC;
    CREATE TRIGGER slow BEFORE INSERT ON referrals FOR EACH ROW EXECUTE FUNCTION public.forty_milliseconds()";

/// One request: how long after the moment at which it was due it was answered, and how.
#[derive(Debug, Clone, Copy)]
struct Seen {
    after: Duration,
    status: u16,
}

/// A referral sent; whoever is refused is told when to come again.
async fn refer(person: Person, due: Instant) -> Seen {
    let answer = person.post("/v1/referrals", &make::referral()).await;
    let seen = Seen { after: due.elapsed(), status: answer.status };
    match answer.status {
        201 => {}
        503 => assert_eq!((answer.code(), answer.header("retry-after")), ("overloaded", Some("1"))),
        _ => panic!("{}", answer.text),
    }
    seen
}

async fn look(person: Person, due: Instant) -> Seen {
    let answer = person.get("/v1/referrals?limit=1").await;
    Seen { after: due.elapsed(), status: answer.status }
}

/// As many a second as are asked for, each at its time.
async fn at_rate<F: Future<Output = Seen> + 'static>(
    per_second: f64,
    lasting: Duration,
    send: impl Fn(Instant) -> F,
) -> Vec<Seen> {
    let begun = Instant::now();
    let mut sent = Vec::new();
    for number in 0_u32.. {
        let due = begun + Duration::from_secs_f64(f64::from(number) / per_second);
        if due.duration_since(begun) >= lasting {
            break;
        }
        actix_web::rt::time::sleep_until(due.into()).await;
        sent.push(actix_web::rt::spawn(send(due)));
    }
    let mut seen = Vec::new();
    for one in sent {
        seen.push(one.await.unwrap());
    }
    seen
}

fn percentile(seen: &[Seen], of: impl Fn(&Seen) -> bool, share: f64) -> Duration {
    let mut times: Vec<_> = seen.iter().filter(|one| of(one)).map(|one| one.after).collect();
    times.sort_unstable();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
    let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
    times[index]
}

fn succeeded(seen: &[Seen]) -> f64 {
    let good = seen.iter().filter(|one| one.status < 300).count();
    f64::from(u32::try_from(good).unwrap()) / f64::from(u32::try_from(seen.len()).unwrap())
}

/// What ten times the capacity did.
#[derive(Debug)]
struct Figures {
    /// Referrals a second of as many clients as there are connections.
    capacity: f64,
    /// The median of a referral by itself.
    unloaded: Duration,
    accepted: Duration,
    refused: Duration,
    /// Referrals accepted under load, of the capacity.
    goodput: f64,
    /// What the quiet site got of what it asked for, and, as the control, as few referrals among those that are sent at the loud one.
    quiet: f64,
    among: f64,
    back_to_normal: Duration,
}

async fn ten_times_the_capacity(lasting: Duration) -> Figures {
    let app = App::start_with(Setup { connections: CONNECTIONS, waiting: WAITING, ..Setup::default() }).await;
    // What one key sends at the same time is taken together, on some of the connections: two keys are wanted to fill a site's turns.
    let (senders, next) = ([app.partner(), app.sibling_partner()], Cell::new(0));
    let loud = || {
        let turn = next.replace(next.get() + 1);
        senders[turn % senders.len()].clone()
    };
    let (quiet, quiet_key) = (app.member(&app.other_site, app.other_site.coordinator), app.person(&app.other_site.key));
    app.db.superuser().batch_execute(SLOW_REFERRALS).unwrap();
    quiet_key.get("/v1/referrals?limit=1").await.expect(200);

    let mut alone = Vec::new();
    for _ in 0..20 {
        alone.push(refer(loud(), Instant::now()).await);
    }
    let unloaded = percentile(&alone, |_| true, 0.5);
    let begun = Instant::now();
    let done = together((0..CONNECTIONS).map(|_| {
        let loud = loud();
        async move {
            let mut done = 0_u32;
            while begun.elapsed() < Duration::from_secs(3) {
                done += u32::from(refer(loud.clone(), Instant::now()).await.status == 201);
            }
            done
        }
    }))
    .await;
    let capacity = f64::from(done.iter().sum::<u32>()) / begun.elapsed().as_secs_f64();

    let by_turns = Cell::new(false);
    let (loaded, quiet, among) = tokio::join!(
        at_rate(10.0 * capacity, lasting, |due| refer(loud(), due)),
        at_rate(4.0, lasting, |due| look(if by_turns.replace(!by_turns.get()) { quiet.clone() } else { quiet_key.clone() }, due)),
        at_rate(4.0, lasting, |due| refer(loud(), due)),
    );
    let ended = Instant::now();
    while refer(loud(), Instant::now()).await.after > 2 * unloaded {}
    let accepted = |one: &Seen| one.status == 201;
    let goodput = f64::from(u32::try_from(loaded.iter().chain(&among).filter(|one| accepted(one)).count()).unwrap());
    Figures {
        capacity,
        unloaded,
        accepted: percentile(&loaded, accepted, 0.99),
        refused: percentile(&loaded, |one| !accepted(one), 0.99),
        goodput: goodput / lasting.as_secs_f64() / capacity,
        quiet: succeeded(&quiet),
        among: succeeded(&among),
        back_to_normal: ended.elapsed(),
    }
}

#[actix_web::test]
#[ignore = "R3 in full: a minute, and a quiet machine"]
async fn a_minute_of_ten_times_the_capacity() {
    let figures = ten_times_the_capacity(Duration::from_secs(60)).await;
    println!("overload: {figures:?}");
    assert!(figures.capacity <= 300.0, "{figures:?}");
    assert!(figures.accepted <= Duration::from_millis(500).min(4 * figures.unloaded), "{figures:?}");
    assert!(figures.refused <= Duration::from_millis(50), "{figures:?}");
    assert!(figures.goodput >= 0.9, "{figures:?}");
    assert!(figures.quiet >= 0.99, "{figures:?}");
    assert!(figures.among < 0.8, "{figures:?}");
    assert!(figures.back_to_normal <= Duration::from_secs(2), "{figures:?}");
}
