//! More than the server takes: refused at once and with advice; what is accepted is finished.

mod open_loop;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use serde_json::json;

use crate::support::app::Setup;
use crate::support::callers::{fresh_key, together};
use crate::support::{App, make};

/// Every read of the site's settings takes its time from now on: a slow database.
fn slow_down_sites(app: &App) -> diesel::PgConnection {
    let mut holder = app.db.superuser();
    // A lock would be given up after `lock_timeout`; a slow row is what a slow database is.
    holder
        .batch_execute(
            "CREATE FUNCTION public.slowly() RETURNS boolean LANGUAGE plpgsql VOLATILE AS
               $$ BEGIN PERFORM pg_sleep(0.4); RETURN true; END $$;
             GRANT EXECUTE ON FUNCTION public.slowly() TO PUBLIC;
             CREATE POLICY slow ON sites AS RESTRICTIVE FOR SELECT TO PUBLIC USING (public.slowly())",
        )
        .unwrap();
    holder
}

#[actix_web::test]
async fn the_excess_is_refused_at_once_and_the_accepted_are_finished() {
    let app = App::start_with(Setup { connections: 1, waiting: 3, deadline: Duration::from_secs(8), ..Setup::default() }).await;
    let admin = app.admin();
    admin.get("/v1/site").await.expect(200);
    let mut holder = slow_down_sites(&app);
    let begun = Instant::now();
    let answers = together((0..24).map(|_| {
        let admin = admin.clone();
        async move {
            let answer = admin.get("/v1/site").await;
            (answer, begun.elapsed())
        }
    }))
    .await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(answer, _)| answer.status == 200);
    assert!(!accepted.is_empty() && refused.len() >= 12, "{} accepted, {} refused", accepted.len(), refused.len());
    let mut slowest_refusal = Duration::ZERO;
    for (answer, elapsed) in &refused {
        let answer = answer.clone().expect_problem(503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("1"));
        slowest_refusal = slowest_refusal.max(*elapsed);
    }
    // Those that were turned away did not wait for those that were served.
    let quick = refused.iter().filter(|(_, elapsed)| *elapsed < Duration::from_millis(400)).count();
    assert!(quick * 2 > refused.len(), "only {quick} of {} refusals were quick", refused.len());
    println!(
        "overload: {} accepted, {} refused, slowest refusal {} ms",
        accepted.len(),
        refused.len(),
        slowest_refusal.as_millis()
    );
    holder.batch_execute("DROP POLICY slow ON sites").unwrap();
    // The control, and the recovery: without the slowness, one after another and all are served.
    for _ in 0..5 {
        admin.get("/v1/site").await.expect(200);
    }
}

#[actix_web::test]
async fn a_site_that_asks_for_little_is_served_beside_one_that_fills_every_place() {
    let app = App::start_with(Setup { connections: 1, waiting: 3, deadline: Duration::from_secs(30), ..Setup::default() }).await;
    let (loud, quiet) = (app.site_key(), app.member(&app.other_site, app.other_site.admin));
    let quiet_key = app.person(&app.other_site.key);
    // Keys have a site's turn once they were let in.
    loud.get("/v1/site").await.expect(200);
    quiet_key.get("/v1/referrals").await.expect(200);
    let _holder = slow_down_sites(&app);
    let stop = Rc::new(Cell::new(false));
    // Twelve, who come again as soon as they are answered.
    let crowd: Vec<_> = (0..12)
        .map(|_| {
            let (loud, stop) = (loud.clone(), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                let (mut served, mut refused) = (0_usize, 0_usize);
                while !stop.get() {
                    match loud.get("/v1/site").await.status {
                        200 => served += 1,
                        _ => refused += 1,
                    }
                }
                (served, refused)
            })
        })
        .collect();
    for _ in 0..3 {
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
        quiet.get("/v1/site").await.expect(200);
        quiet_key.get("/v1/referrals").await.expect(200);
    }
    stop.set(true);
    let (mut served, mut refused) = (0, 0);
    for one in crowd {
        let (of_them, not_of_them) = one.await.unwrap();
        (served, refused) = (served + of_them, refused + not_of_them);
    }
    // The control: there was no place. And who was let in was not turned away at the next step: else nobody here would be served.
    assert!(refused > 12 && served >= 3, "{served} served, {refused} refused");
}

#[actix_web::test]
async fn a_request_is_answered_by_its_deadline_and_its_key_settles_what_became_of_it() {
    let app =
        App::start_with(Setup { connections: 2, waiting: 8, deadline: Duration::from_millis(700), ..Setup::default() }).await;
    let partner = app.partner();
    let mut holder = app.db.superuser();
    holder
        .batch_execute(
            "CREATE FUNCTION public.slow_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$;
             GRANT EXECUTE ON FUNCTION public.slow_insert() TO PUBLIC;
             CREATE TRIGGER slow BEFORE INSERT ON referrals FOR EACH ROW EXECUTE FUNCTION public.slow_insert()",
        )
        .unwrap();
    let key = fresh_key();
    let begun = Instant::now();
    let late = partner.post_with_key("/v1/referrals", &key, &make::referral()).await.expect_problem(503, "deadline_exceeded");
    assert_eq!(late.header("retry-after"), Some("1"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    holder.batch_execute("DROP TRIGGER slow ON referrals").unwrap();
    // The statement was cancelled with its deadline: nothing of it happened, and the same key makes it happen once.
    let made = partner.post_with_key("/v1/referrals", &key, &make::referral()).await.expect(201);
    let again = partner.post_with_key("/v1/referrals", &key, &make::referral()).await.expect(201);
    assert_eq!((made.text, app.db.count("SELECT count(*) FROM referrals")), (again.text, 1));
}

#[actix_web::test]
async fn connections_that_the_database_dropped_are_replaced_without_a_failure() {
    let app = App::start().await;
    let (partner, coordinator) = (app.partner(), app.coordinator());
    for round in 0..3 {
        // Several at once, so that the pool holds several connections.
        together((0..6).map(|_| {
            let coordinator = coordinator.clone();
            async move { coordinator.get("/v1/referrals").await.expect(200) }
        }))
        .await;
        let dropped = app.db.count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'handoff_app'",
        );
        assert!(dropped >= 1, "the control: there were connections to drop");
        let sent = partner.post("/v1/referrals", &make::referral_with(json!({"partner_reference": format!("R-{round}")}))).await;
        sent.expect(201);
        coordinator.get("/v1/referrals").await.expect(200);
        assert_eq!(app.stranger().get("/readyz").await.status, 200);
    }
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 3);
}

#[actix_web::test]
async fn without_its_database_the_server_says_so_and_goes_on_when_it_is_back() {
    let app =
        App::start_with(Setup { connections: 2, waiting: 8, deadline: Duration::from_millis(800), ..Setup::default() }).await;
    let partner = app.partner();
    make::sent(&partner).await;
    let forbid = |allowed: bool| {
        let mut superuser = app.db.superuser();
        superuser
            .batch_execute(&format!(
                "DO $$ BEGIN EXECUTE format('{} CONNECT ON DATABASE %I {} PUBLIC, handoff_app', current_database()); END $$",
                if allowed { "GRANT" } else { "REVOKE" },
                if allowed { "TO" } else { "FROM" },
            ))
            .unwrap();
        superuser
            .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'handoff_app'")
            .unwrap();
    };
    forbid(false);
    let begun = Instant::now();
    for path in ["/v1/referrals", "/readyz"] {
        let refused = partner.get(path).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text);
        assert!(matches!(refused.code(), "database_unavailable" | "deadline_exceeded"), "{}", refused.text);
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    app.stranger().get("/healthz").await.expect(200);
    forbid(true);
    partner.get("/v1/referrals").await.expect(200);
    app.stranger().get("/readyz").await.expect(200);
}
