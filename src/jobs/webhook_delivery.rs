//! Posting events: each gets a delivery to every endpoint that wants it, and what is due is sent, outside any transaction. Rows are leased
//! in one transaction, sent, and written back in another, so that an event goes out at least once, with the same id each time.
//!
//! Each endpoint has a worker of its own in this process, with few messages in flight: one that hangs holds up nobody else.

use std::time::Duration;

use actix_web::web::Data;

use super::sites::{self, Done};
use crate::auth::operator_scope;
use crate::db::Whose;
use crate::domain::alerting::DeliveryError;
use crate::domain::ids::{SiteId, WebhookEndpointId};
use crate::domain::webhooks::SHOWN_FOR;
use crate::error::AppError;
use crate::ops::{Context, fan_out_events, lease_webhook_deliveries, settle_webhook_delivery, webhook_endpoint};
use crate::outbound::message::EventMessage;
use crate::outbound::signature;
use crate::state::{AppState, Receiver};
use crate::store;
use crate::store::journal::FeedRow;
use crate::store::webhook_deliveries::WebhookDeliveryRow;
use crate::store::webhook_endpoints::WebhookEndpointRow;

/// Its name in the leases and the metrics.
pub const NAME: &str = "webhook_delivery";
/// Messages to one endpoint at once.
const IN_FLIGHT: i64 = 8;
/// Deliveries forgotten in one transaction.
const FORGOTTEN: i64 = 1_000;

/// One round: gives events their deliveries and starts the workers that have something to do. Says how much was delivered, or failed,
/// since the round before.
///
/// # Errors
/// The first failure; what it leaves the next round makes up for.
pub async fn round(app: &Data<AppState>) -> Result<usize, AppError> {
    let fanned_out = sites::at_each(app, NAME, |conn, context| {
        let fanned_out = fan_out_events::run(conn, context)?;
        let forgotten = store::webhook_deliveries::forget(conn, &context.scope, context.now - SHOWN_FOR, FORGOTTEN)?;
        let more = fanned_out.more || i64::try_from(forgotten).unwrap_or(0) == FORGOTTEN;
        Ok(Done { count: fanned_out.count + forgotten + usize::from(more), more })
    })
    .await;
    let started = start(app).await;
    fanned_out.and(started).map(|()| app.posts.take_done())
}

/// One round, and waits until its workers are done.
///
/// # Errors
/// As [`round`].
pub async fn pass(app: &Data<AppState>) -> Result<usize, AppError> {
    let done = round(app).await?;
    app.posts.settle(Duration::MAX).await;
    Ok(done + app.posts.take_done())
}

async fn start(app: &Data<AppState>) -> Result<(), AppError> {
    let sites = app.db.look_up(Whose::House, app.deadline(), |conn| Ok(store::sites::list_all(conn)?)).await?;
    let mut failed = None;
    for site in sites {
        let (scope, now) = (operator_scope(site), app.clock.now());
        let due = move |conn: &mut _| Ok(store::webhook_deliveries::due_endpoints(conn, &scope, now)?);
        match app.db.transact(scope, app.deadline(), due).await {
            Ok(endpoints) => {
                for endpoint in endpoints {
                    if !app.jobs.stopping() && app.posts.begin(site, Receiver::Endpoint(endpoint)) {
                        actix_web::rt::spawn(Worker { app: app.clone(), site, endpoint }.run());
                    }
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Who posts to one endpoint.
struct Worker {
    app: Data<AppState>,
    site: SiteId,
    endpoint: WebhookEndpointId,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.app.posts.end(self.site, Receiver::Endpoint(self.endpoint));
    }
}

impl Worker {
    /// Posts batch by batch until nothing is due. One that fails leaves the rest to the next round.
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
        let (app, scope, id) = (&self.app, operator_scope(self.site), self.endpoint);
        let context = Context::of_system(scope, app.clock.now());
        let lease = move |conn: &mut _| lease_webhook_deliveries::run(conn, &context, id, IN_FLIGHT);
        let Some((endpoint, leased)) = app.db.transact(scope, app.deadline(), lease).await? else { return Ok(false) };
        let on_their_way: Vec<_> = leased
            .into_iter()
            .map(|(delivery, event)| actix_web::rt::spawn(deliver(app.clone(), endpoint.clone(), delivery, event)))
            .collect();
        let mut outcome = Ok(true);
        for one in on_their_way {
            outcome = outcome.and(one.await.unwrap_or(Ok(())).map(|()| true));
        }
        outcome
    }
}

/// Posts one and writes down at once what came of it.
async fn deliver(
    app: Data<AppState>,
    endpoint: WebhookEndpointRow,
    delivery: WebhookDeliveryRow,
    event: FeedRow,
) -> Result<(), AppError> {
    let message = EventMessage {
        id: event.id,
        position: event.position,
        event_type: event.event_type,
        occurred_at: event.occurred_at,
        version: event.version,
        about: event.about(),
    };
    let outcome = post(&app, &endpoint, &message).await;
    if let Err(error) = outcome {
        log::info!("{NAME}: attempt {}: {error}", delivery.attempts);
    }
    let (scope, schedule) = (operator_scope(endpoint.site_id), app.outbound.schedule.clone());
    let context = Context::of_system(scope, app.clock.now());
    let settle = move |conn: &mut _| settle_webhook_delivery::run(conn, &context, &schedule, &delivery, outcome);
    app.db.transact(scope, app.deadline(), settle).await?;
    app.posts.settled();
    app.journal.wrote(endpoint.site_id);
    Ok(())
}

async fn post(app: &AppState, endpoint: &WebhookEndpointRow, message: &EventMessage) -> Result<(), DeliveryError> {
    let now = app.clock.now();
    let secrets: Vec<[u8; 32]> =
        webhook_endpoint::secrets(&app.master, endpoint, now).into_iter().map(|secret| secret.0).collect();
    if secrets.is_empty() {
        return Err(DeliveryError::WebhookSecretLost);
    }
    let body = message.json();
    let headers = signature::headers(&secrets, &message.id.to_string(), now.timestamp(), &body);
    app.outbound.http.deliver(endpoint.url.as_str(), &headers, body).await
}
