//! Between the receiver's answer and the row: a message may come twice, with the same id, and none is lost. Two servers without a
//! fault send nothing twice.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use handoff::db::APP_ROLE;
use handoff::jobs::alert_delivery;
use handoff::ops::lease_deliveries::LEASED_FOR;

use super::{FROM, app_with, arrivals, choose, db_alerts, db_test_alerts, delivery, hook, outbound, pass, test_alert};
use crate::journal::sequencer::free;
use crate::support::callers::together;
use crate::support::db::Database;
use crate::support::make;
use crate::support::smtp::{PASSWORD, Reaction, Secured, SmtpServer};
use crate::support::webhook::{Behaviour, Receiver};

#[actix_web::test]
async fn an_answer_that_is_lost_makes_a_second_message_with_the_same_id() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    smtp.at("END", Reaction::Drop);
    let alert = test_alert(&app, app.site.coordinator).await;
    pass(&app).await;
    assert_eq!((smtp.mails().len(), delivery(&app, &alert).await), (1, "pending 1 smtp_connection_failed".into()));
    smtp.recover();
    app.clock.advance(chrono::Duration::minutes(1));
    pass(&app).await;
    assert_eq!(delivery(&app, &alert).await, "delivered 2 smtp_connection_failed");
    let mails = smtp.mails();
    assert_eq!((mails.len(), mails[0].header("Message-ID")), (2, mails[1].header("Message-ID")));
}

/// The server dies, or its database does, after the receiver took it and before the row says so.
#[actix_web::test]
async fn what_was_sent_and_not_written_is_sent_again_once_its_lease_is_over() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let alert = test_alert(&app, app.site.coordinator).await;
    let mut superuser = app.db.superuser();
    superuser
        .batch_execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lost'; END $$;
             GRANT EXECUTE ON FUNCTION lose() TO handoff_app;
             CREATE TRIGGER lose BEFORE UPDATE ON alert_deliveries FOR EACH ROW WHEN (NEW.status = 'delivered') EXECUTE FUNCTION lose()",
        )
        .unwrap();
    pass(&app).await;
    assert_eq!((smtp.mails().len(), delivery(&app, &alert).await), (1, "pending 1 -".into()));
    superuser.batch_execute("DROP TRIGGER lose ON alert_deliveries").unwrap();
    app.clock.advance(LEASED_FOR - chrono::Duration::seconds(1));
    pass(&app).await;
    assert_eq!(smtp.mails().len(), 1, "somebody may still be sending it");
    app.clock.advance(chrono::Duration::seconds(2));
    pass(&app).await;
    assert_eq!((smtp.mails().len(), delivery(&app, &alert).await), (2, "delivered 2 -".into()));
    assert_eq!(arrivals(&smtp.mails()).len(), 1);
}

#[actix_web::test]
async fn whoever_was_too_slow_writes_nothing() {
    let smtp = SmtpServer::start(Secured::None).await;
    let app = app_with(&smtp).await;
    let receiver = Receiver::start();
    receiver.now(Behaviour::Slow(Duration::from_millis(700)));
    hook(&app, &receiver.url()).await;
    choose(&app, app.site.coordinator, serde_json::json!(["webhook"])).await;
    for slow in [true, false] {
        let alert = test_alert(&app, app.site.coordinator).await;
        let before = receiver.messages().len();
        alert_delivery::round(&app.state).await.unwrap();
        while receiver.messages().len() == before {
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
        if slow {
            // What another server does after the lease: it begins an attempt of its own.
            let begin = "UPDATE alert_deliveries SET attempts = attempts + 1 WHERE status = 'pending'";
            app.db.superuser().batch_execute(begin).unwrap();
        }
        app.state.deliveries.settle(Duration::from_secs(10)).await;
        let expected = if slow { "pending 2 -" } else { "delivered 1 -" };
        assert_eq!(delivery(&app, &alert).await, expected);
        app.db.superuser().batch_execute("UPDATE alert_deliveries SET leased_until = NULL, next_attempt_at = now() + interval '9 years' WHERE status = 'pending'").unwrap();
    }
}

#[actix_web::test]
async fn two_servers_deliver_two_hundred_alerts_once_each() {
    let smtp = Rc::new(SmtpServer::start(Secured::None).await);
    let app = app_with(&smtp).await;
    let neighbour = app.state_sending(&app.master, outbound(Some(&smtp)));
    db_test_alerts(&app.db, &app.site, 200, app.clock.now());
    let begun = Instant::now();
    let states = [app.state.clone(), neighbour.clone()];
    let rounds = states.map(|state| {
        let smtp = Rc::clone(&smtp);
        async move {
            let mut done = 0;
            // Whoever does not take them up has nothing to send before the other one has.
            while smtp.mails().len() < 200 && begun.elapsed() < Duration::from_secs(60) {
                done += alert_delivery::pass(&state).await.unwrap();
                actix_web::rt::task::yield_now().await;
            }
            done
        }
    });
    let done = together(rounds).await;
    let counts = arrivals(&smtp.mails());
    assert_eq!((counts.len(), smtp.mails().len()), (200, 200), "each once, and none twice");
    assert_eq!(app.db.count("SELECT count(*) FROM alert_deliveries WHERE status = 'delivered' AND attempts = 1"), 200);
    assert!(done.iter().all(|done| *done > 0), "one server did it all: {done:?}");
    println!("two servers: 200 alerts in {:?}, {done:?}, none twice", begun.elapsed());
}

/// A real server that sends over this one.
struct Process(Child);

impl Process {
    fn start(db: &Database, address: SocketAddr, smtp: &SmtpServer) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_handoff"))
            .env_clear()
            .env("DATABASE_URL", db.url(APP_ROLE))
            .env("HANDOFF_MASTER_KEY", "5a".repeat(32))
            .env("HANDOFF_LISTEN", address.to_string())
            .env("HANDOFF_POOL_SIZE", "6")
            .env("HANDOFF_SMTP_URL", smtp.url(PASSWORD))
            .env("HANDOFF_SMTP_FROM", FROM)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn a_server_that_is_killed_while_it_sends_loses_nothing() {
    let db = Database::new();
    let site = make::db_site(&db, "riverside");
    let smtp = SmtpServer::start(Secured::None).await;
    // The servers go by the machine's clock.
    db_test_alerts(&db, &site, 120, chrono::Utc::now());
    let (mut kills, begun) = (0, Instant::now());
    while arrivals(&smtp.mails()).len() < 120 {
        assert!(begun.elapsed() < Duration::from_secs(90), "{} of 120 after {kills} kills", arrivals(&smtp.mails()).len());
        let server = Process::start(&db, free(), &smtp);
        let (seen, patience) = (smtp.mails().len(), Instant::now());
        let enough = if kills < 3 { seen + 20 } else { 10_000 };
        while smtp.mails().len() < enough && arrivals(&smtp.mails()).len() < 120 && patience.elapsed() < Duration::from_secs(20) {
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
        if kills >= 3 {
            // The last one may write down what it sent.
            actix_web::rt::time::sleep(Duration::from_millis(500)).await;
        }
        drop(server);
        kills += 1;
        // What time would do.
        db.superuser().batch_execute("UPDATE alert_deliveries SET leased_until = NULL WHERE status = 'pending'").unwrap();
    }
    let counts = arrivals(&smtp.mails());
    assert_eq!(counts.keys().cloned().collect::<Vec<_>>(), {
        let mut all = db_alerts(&db);
        all.sort();
        all
    });
    let twice = smtp.mails().len() - counts.len();
    assert!(twice <= kills * 8, "{twice} came again: more than was under way");
    println!("kill -9 while sending: 120 alerts, {kills} kills, each arrived, {twice} again with the same id");
}
