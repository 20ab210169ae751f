//! Months that go while everybody writes.

use std::cell::Cell;
use std::rc::Rc;

use diesel::connection::SimpleConnection as _;
use handoff::jobs::journal_months;

use super::{MADE_LONG_AGO, come_later, expire, verify};
use crate::support::{App, make};

/// A table takes others with it that everybody writes: each would wait for the other, and none would get on.
#[actix_web::test]
async fn months_go_while_referrals_come_in_and_none_is_refused() {
    let app = App::start().await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    while journal_months::pass(&app.state).await.unwrap() > 0 {}
    make::sent(&app.partner()).await;
    app.sequence().await;
    come_later(&app);
    let until = expire(&app);
    journal_months::pass(&app.state).await.unwrap();
    app.sequence().await;

    let over = Rc::new(Cell::new(false));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (over, partner) = (over.clone(), app.partner());
            actix_web::rt::spawn(async move {
                let mut sent = 0;
                while !over.get() {
                    make::sent(&partner).await;
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    let going = format!("SELECT count(*) AS count FROM directory.journal_months WHERE ends_on <= '{until}'");
    let (months, mut passes) = (app.db.count(&going), 0);
    while app.db.count(&going) > 0 {
        // One that found a table taken is tried again, as the scheduler does.
        let _ = journal_months::pass(&app.state).await;
        passes += 1;
        assert!(passes < 100, "it never gets its turn");
    }
    over.set(true);
    let mut sent = 0;
    for writer in writers {
        sent += writer.await.unwrap();
    }
    assert!(months > 24 && sent > 4, "{months} months, {sent} sent: this tests nothing");
    app.sequence().await;
    let (whole, told) = verify(&app);
    assert!(whole && told.contains("dropped with their months"), "{told}");
    println!("months: {months} went in {passes} passes while {sent} referrals came in, none refused");
}
