//! Delivering alerts: what waits is taken up, and what is due is sent, outside any transaction. Rows are leased in one transaction,
//! sent, and written back in another, so that an alert goes out at least once, with the same id each time.
//!
//! Each site and channel has a worker of its own in this process, with few messages in flight. The job starts those that have
//! something to do and does not wait for them: a receiver that hangs holds up nobody else.

mod send;

use std::time::Duration;

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::auth::operator_scope;
use crate::db::Whose;
use crate::domain::alerting::AlertChannel;
use crate::domain::ids::SiteId;
use crate::error::AppError;
use crate::ops::{Context, lease_deliveries, settle_delivery, take_up_alerts};
use crate::state::{AppState, Receiver};
use crate::store;
use crate::store::alert_webhooks::AlertWebhookRow;
use crate::store::alerts::deliveries::{DeliveryRow, Due};

/// Its name in the leases and the metrics.
pub const NAME: &str = "alert_delivery";
/// Messages to one receiver at once.
const IN_FLIGHT: i64 = 4;
/// How long a stopping server waits for what is on its way. What is not written by then goes out again, by another server or later.
const PATIENCE: Duration = Duration::from_secs(10);

/// One round: takes up alerts and starts the workers that have something to do. Says how much was delivered, or failed, since the
/// round before.
///
/// # Errors
/// The first failure; what it leaves the next round makes up for.
pub async fn round(app: &Data<AppState>) -> Result<usize, AppError> {
    let taken_up = sites::at_each(app, NAME, |conn, context| {
        let taken_up = take_up_alerts::run(conn, context)?;
        Ok(Done { count: taken_up.alerts, more: taken_up.more })
    })
    .await;
    let started = start(app).await;
    taken_up.and(started).map(|()| app.deliveries.take_done())
}

/// One round, and waits until its workers are done.
///
/// # Errors
/// As [`round`].
pub async fn pass(app: &Data<AppState>) -> Result<usize, AppError> {
    let done = round(app).await?;
    app.deliveries.settle(Duration::MAX).await;
    Ok(done + app.deliveries.take_done())
}

/// Waits for what is on its way, before the server stops.
pub async fn settle(app: &AppState) {
    if !app.deliveries.settle(PATIENCE).await {
        log::warn!("{NAME}: some receivers take long; what they took may be sent once more");
    }
}

async fn start(app: &Data<AppState>) -> Result<(), AppError> {
    let sites = app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await?;
    let mut failed = None;
    for site in sites {
        let (scope, now) = (operator_scope(site), app.clock.now());
        let due = move |conn: &mut _| Ok(store::alerts::deliveries::due_channels(conn, &scope, now)?);
        match app.db.transact(scope, app.deadline(), due).await {
            Ok(channels) => {
                for channel in channels {
                    if !app.jobs.stopping() && app.deliveries.begin(site, Receiver::Members(channel)) {
                        actix_web::rt::spawn(Worker { app: app.clone(), site, channel }.run());
                    }
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Who delivers for one site over one channel.
struct Worker {
    app: Data<AppState>,
    site: SiteId,
    channel: AlertChannel,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.app.deliveries.end(self.site, Receiver::Members(self.channel));
    }
}

impl Worker {
    /// Delivers batch by batch until nothing is due. One that fails leaves the rest to the next round.
    async fn run(self) {
        while !self.app.jobs.stopping() {
            match self.batch().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    log::warn!("{NAME}: {}; it goes on trying", error.code.as_str());
                    return;
                }
            }
        }
    }

    /// One batch; whether there may be more.
    async fn batch(&self) -> Result<bool, AppError> {
        let app = &self.app;
        // Before anything is leased: whoever waits here for long would hold what others could send.
        let _place = match self.channel {
            AlertChannel::Email => app.deliveries.at_smtp().await,
            AlertChannel::Webhook => None,
        };
        let (scope, channel) = (operator_scope(self.site), self.channel);
        let context = Context::of_system(scope, app.clock.now());
        let lease = move |conn: &mut _| lease_deliveries::run(conn, &context, channel, IN_FLIGHT);
        let leased = app.db.transact(scope, app.deadline(), lease).await?;
        if !leased.any {
            return Ok(false);
        }
        let on_their_way: Vec<_> = leased
            .deliveries
            .into_iter()
            .map(|(delivery, says)| {
                let deliver = deliver(app.clone(), self.site, delivery, says, leased.webhook.clone());
                actix_web::rt::spawn(deliver)
            })
            .collect();
        let mut outcome = Ok(true);
        for one in on_their_way {
            outcome = outcome.and(one.await.unwrap_or(Ok(())).map(|()| true));
        }
        outcome
    }
}

/// Sends one and writes down at once what came of it.
async fn deliver(
    app: Data<AppState>,
    site: SiteId,
    delivery: DeliveryRow,
    says: Due,
    webhook: Option<AlertWebhookRow>,
) -> Result<(), AppError> {
    let outcome = send::one(&app, delivery.channel, &says, webhook.as_ref()).await;
    if let Err(error) = outcome {
        log::info!("{NAME}: attempt {} over {}: {error}", delivery.attempts, delivery.channel);
    }
    let context = Context::of_system(operator_scope(site), app.clock.now());
    let settle = move |conn: &mut _| settle_delivery::run(conn, &context, &delivery, &says, outcome);
    app.db.transact(operator_scope(site), app.deadline(), settle).await?;
    app.deliveries.settled();
    app.journal.wrote(site);
    Ok(())
}
