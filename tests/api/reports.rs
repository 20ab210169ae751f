//! Reports: what they count against counts of the test's own, what leaves to partners and sponsors, and what an attacker makes of that.

mod asking;
mod attack;
mod closing;
mod gate;
mod looked_up;
mod sown;
mod truth;

use handoff::auth::operator_scope;
use handoff::ops::{Context, release_reports, roll_reports};

use crate::support::App;

/// Lets the rollup count all that has a position.
pub async fn roll(app: &App) -> usize {
    app.sequence().await;
    let mut counted = 0;
    for site in [app.site.id, app.other_site.id] {
        let scope = operator_scope(site);
        loop {
            let context = Context::of_system(scope, app.clock.now());
            let pass = app
                .state
                .db
                .transact(scope, app.state.deadline(), move |conn| roll_reports::pass(conn, &context, roll_reports::BATCH));
            let rolled = pass.await.unwrap();
            counted += rolled.count;
            if rolled.count == 0 && !rolled.more {
                break;
            }
        }
    }
    counted
}

/// Closes every month whose time has come; says how many that were.
pub async fn close(app: &App) -> usize {
    let scope = operator_scope(app.site.id);
    let mut closed = 0;
    loop {
        let context = Context::of_system(scope, app.clock.now());
        let pass = app.state.db.transact(scope, app.state.deadline(), move |conn| release_reports::pass(conn, &context));
        match pass.await.unwrap().months {
            0 => return closed,
            months => closed += months,
        }
    }
}
