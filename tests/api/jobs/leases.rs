//! Leases: one server works at a site at a time, and what its runs came to is written down, though not each of them.

use std::time::Instant;

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::jobs::{escalation, housekeeping};

use crate::support::App;
use crate::support::make;
use crate::tenancy::texts;

/// The lease of a job at the test's site: outcome, how much the last run did and all did, and minutes since it was written.
fn lease(app: &App, job: &str) -> String {
    let sql = format!(
        "SELECT outcome || ' ' || done || ' ' || done_in_all || ' ' || round(extract(epoch FROM '{}'::timestamptz - ran_at) / 60) AS text
           FROM job_leases WHERE site_id = '{}' AND job = '{job}'",
        app.clock.now().to_rfc3339(),
        app.site.id
    );
    texts(&mut app.db.superuser(), &sql).pop().unwrap_or_else(|| "none".into())
}

#[actix_web::test]
async fn while_another_server_works_at_a_site_nobody_waits_and_nothing_is_done_there() {
    let app = App::start().await;
    let (here, elsewhere) = (make::sent(&app.partner()).await, make::sent(&app.person(&app.other_site.partner.key)).await);
    app.clock.advance(Duration::hours(25));
    // The first run makes the lease; with one held from the beginning the second server would make it.
    assert_eq!(housekeeping::pass(&app.state).await.unwrap(), 2, "the keys of both are forgotten");
    assert_eq!(lease(&app, "escalation"), "none");
    let mut holder = app.db.superuser();
    let site = app.site.id;
    let lease_of_another =
        format!("INSERT INTO job_leases VALUES ('{site}', 'escalation', gen_random_uuid(), now(), 'done', 0, 0)");
    holder.batch_execute(&lease_of_another).unwrap();
    let hold = format!("BEGIN; SELECT 1 FROM job_leases WHERE site_id = '{site}' AND job = 'escalation' FOR UPDATE");
    holder.batch_execute(&hold).unwrap();
    let begun = Instant::now();
    assert_eq!(escalation::pass(&app.state).await.unwrap(), 1, "the other site's");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    let version = |id: String| app.db.count(&format!("SELECT version::bigint AS count FROM referrals WHERE id = '{id}'"));
    assert_eq!((version(here.id()), version(elsewhere.id())), (1, 2));
    // However the holder ends, its lease ends with it.
    drop(holder);
    let deadline = Instant::now() + std::time::Duration::from_secs(10);
    while escalation::pass(&app.state).await.unwrap() == 0 {
        assert!(Instant::now() < deadline, "the lease outlives its holder");
    }
    assert_eq!(version(here.id()), 2);
}

#[actix_web::test]
async fn a_run_is_written_down_when_it_did_something_or_a_minute_has_passed() {
    let app = App::start().await;
    assert_eq!(escalation::pass(&app.state).await.unwrap(), 0);
    assert_eq!(lease(&app, "escalation"), "done 0 0 0");
    make::sent(&app.partner()).await;
    app.clock.advance(Duration::seconds(59));
    escalation::pass(&app.state).await.unwrap();
    assert_eq!(lease(&app, "escalation"), "done 0 0 1", "nothing was done, and nothing is written");
    app.clock.advance(Duration::seconds(1));
    escalation::pass(&app.state).await.unwrap();
    assert_eq!(lease(&app, "escalation"), "done 0 0 0");
    for (hours, expected) in [(24, "done 1 1 0"), (8, "done 1 2 0")] {
        app.clock.advance(Duration::hours(hours));
        escalation::pass(&app.state).await.unwrap();
        assert_eq!(lease(&app, "escalation"), expected);
    }
    let server = format!("SELECT count(*) FROM job_leases WHERE server_id = '{}'", app.state.jobs.server());
    assert_eq!(app.db.count(&server), 2, "both sites, by this server");
    let another = app.state_beside();
    assert_ne!(another.jobs.server(), app.state.jobs.server());
}

#[actix_web::test]
async fn a_site_that_fails_is_noted_stops_no_other_and_leaves_nothing_half_done() {
    let app = App::start().await;
    let (here, elsewhere) = (make::sent(&app.partner()).await, make::sent(&app.person(&app.other_site.partner.key)).await);
    app.clock.advance(Duration::hours(24));
    // After the state change, before the end.
    app.db
        .superuser()
        .batch_execute(&format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.site_id = '{}' THEN RAISE 'canary'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER broken BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION broken()",
            app.site.id
        ))
        .unwrap();
    escalation::pass(&app.state).await.unwrap_err();
    let of =
        |table: &str, column: &str, id: String| app.db.count(&format!("SELECT count(*) FROM {table} WHERE {column} = '{id}'"));
    assert_eq!(of("events", "subject_id", here.id()), 1, "its receipt alone");
    assert_eq!(of("alerts", "referral_id", elsewhere.id()), 1);
    assert_eq!(lease(&app, "escalation"), "failed 0 0 0");
    app.clock.advance(Duration::seconds(30));
    escalation::pass(&app.state).await.unwrap_err();
    assert_eq!(lease(&app, "escalation"), "failed 0 0 1", "once a minute is enough");
    app.db.superuser().batch_execute("DROP TRIGGER broken ON alerts").unwrap();
    assert_eq!(escalation::pass(&app.state).await.unwrap(), 1);
    assert_eq!(lease(&app, "escalation"), "done 1 1 0");
}

#[actix_web::test]
async fn nothing_new_starts_at_any_site_once_the_server_stops() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.clock.advance(Duration::hours(24));
    app.state.jobs.stop();
    assert_eq!(escalation::pass(&app.state).await.unwrap(), 0);
    assert_eq!(lease(&app, "escalation"), "none");
}
