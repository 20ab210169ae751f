//! Two real servers on one database, 500 escalations due at once, and a server killed (-9) in the middle.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use super::{db_stalled, faults, traces};
use crate::journal::sequencer::{Process, free};
use crate::support::db::Database;
use crate::support::make;

const DUE: usize = 500;

/// How many steps were taken so far.
fn taken(db: &Database) -> i64 {
    db.count("SELECT count(*) FROM events WHERE event_type = 'referral.escalated'")
}

#[actix_web::test]
async fn five_hundred_due_steps_are_taken_once_each_while_servers_are_killed() {
    let db = Database::new();
    let site = make::db_site(&db, "riverside");
    // The servers go by the machine's clock.
    db_stalled(&db, &site, DUE, chrono::Utc::now() - chrono::Duration::hours(1));
    // A batch of steps takes long enough to be killed in its middle.
    db.superuser()
        .batch_execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
             GRANT EXECUTE ON FUNCTION slow() TO handoff_app;
             CREATE TRIGGER slow BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION slow()",
        )
        .unwrap();
    let steps = ["reminder", "backup_owner", "site_lead"];
    let mut in_the_middle = 0;
    for round in 0..steps.len() {
        let before = i64::try_from(round * DUE).unwrap();
        let all = before + i64::try_from(DUE).unwrap();
        // What time would do.
        db.superuser()
            .batch_execute("UPDATE referrals SET escalate_at = now() - interval '1 second' WHERE escalate_at IS NOT NULL")
            .unwrap();
        let addresses: [SocketAddr; 2] = [free(), free()];
        let mut servers = addresses.map(|address| Process::start(&db, address));
        let begun = Instant::now();
        for kill in 0..4 {
            // As soon as a batch is there, the next one is under way.
            let seen = taken(&db).max(before);
            while taken(&db) == seen && taken(&db) < all && begun.elapsed() < Duration::from_secs(30) {
                actix_web::rt::time::sleep(Duration::from_millis(20)).await;
            }
            actix_web::rt::time::sleep(Duration::from_millis(60)).await;
            let now = taken(&db);
            in_the_middle += usize::from(before < now && now < all);
            let server = &mut servers[kill % 2];
            server.kill();
            *server = Process::start(&db, server.address);
        }
        while taken(&db) < all {
            assert!(begun.elapsed() < Duration::from_secs(90), "round {round}: {} of {all}", taken(&db));
            actix_web::rt::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let found = faults(&traces(&db, &site), &steps);
    assert_eq!(found, [] as [String; 0]);
    let (members, leases) = (
        db.count("SELECT count(DISTINCT member_id) FROM alerts"),
        db.count("SELECT done_in_all AS count FROM job_leases WHERE job = 'escalation'"),
    );
    println!("escalation: {} steps by 2 servers, {in_the_middle} of 12 kills in the middle, each step once", taken(&db));
    assert_eq!((members, leases), (2, i64::try_from(DUE * steps.len()).unwrap()), "the lease counts what was committed");
    assert!(in_the_middle > 0, "no kill met a pass in its middle");
}
