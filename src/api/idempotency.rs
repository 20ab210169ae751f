//! Writes, and the rule that a retry is not a duplicate.
//!
//! The key is claimed by an insert in the same transaction as the work, so that claim, work and answer stand or fall
//! together: over crashes and over several servers. Within one process, requests with the same key wait for one another
//! before they take a permit, so that a retry storm holds one connection and not all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};

use super::extract::{IdempotencyKey, OptionalIdempotencyKey};
use super::read::context;
use super::reply::Reply;
use crate::auth::permission::Permission;
use crate::auth::{Actor, Caller};
use crate::db::{Conn, Deadline};
use crate::error::{AppError, ErrorCode, is_lock_timeout};
use crate::ops::Context;
use crate::privacy::keys::{Purpose, SiteKey};
use crate::state::AppState;
use crate::store::idempotency::{self, Claim, KEPT_FOR, KeptAnswer};

/// How long a second request with the same key waits for the first.
const PATIENCE: Duration = Duration::from_millis(250);

/// The keys that this process is working on.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashMap<[u8; 32], Arc<tokio::sync::Mutex<()>>>>);

/// The turn of one request among those with its key.
pub(super) struct Turn<'a> {
    in_flight: &'a InFlight,
    digest: [u8; 32],
    held: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl InFlight {
    /// Waits until nobody else in this process works on the key.
    ///
    /// # Errors
    /// 409 when that takes too long.
    pub(super) async fn turn(&self, digest: [u8; 32]) -> Result<Turn<'_>, AppError> {
        let queue = {
            let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(map.entry(digest).or_default())
        };
        let mut turn = Turn { in_flight: self, digest, held: None };
        let held = tokio::time::timeout(PATIENCE, queue.lock_owned()).await;
        turn.held = Some(held.map_err(|_| AppError::new(ErrorCode::IdempotencyInFlight))?);
        Ok(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut map = self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One reference is the map's own: nobody else holds or awaits this key.
        if map.get(&self.digest).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            map.remove(&self.digest);
        }
    }
}

/// What a write is, for its idempotency key.
#[derive(Debug)]
pub struct Write<'a> {
    /// The operation's id, and the resource it acts on if its path names one.
    pub operation: String,
    /// The key, if one was sent.
    pub key: Option<&'a IdempotencyKey>,
    /// The body, in canonical form.
    pub body: &'a [u8],
}

impl<'a> Write<'a> {
    /// A write that requires a key.
    #[must_use]
    pub fn new(operation: impl Into<String>, key: &'a IdempotencyKey, body: &'a [u8]) -> Self {
        Self { operation: operation.into(), key: Some(key), body }
    }

    /// A write that accepts a key.
    #[must_use]
    pub fn accepting(operation: impl Into<String>, key: &'a OptionalIdempotencyKey, body: &'a [u8]) -> Self {
        Self { operation: operation.into(), key: key.0.as_ref(), body }
    }

    /// A write that `If-Match` protects instead of a key: a retry of one that succeeded is stale.
    #[must_use]
    pub fn unkeyed(operation: &str, body: &'a [u8]) -> Self {
        Self { operation: operation.to_owned(), key: None, body }
    }
}

/// Runs a write in one transaction under the caller's scope; with an idempotency key, at most once per 24 hours. Only
/// successes are kept: a refusal changes nothing, and may be corrected under the same key.
///
/// # Errors
/// What `work` answers; 409 while the same key is worked on; 422 when it was used with another body; 503.
pub async fn write<P, F>(app: &AppState, caller: &Caller<P>, write: Write<'_>, work: F) -> Result<HttpResponse, AppError>
where
    P: Permission,
    F: FnOnce(&mut Conn, &Context) -> Result<Reply, AppError> + Send + 'static,
{
    write_as(app, context(app, caller), caller.deadline, write, Box::new(work)).await
}

/// The work of any write, so that what stands around it is compiled once.
type Work = Box<dyn FnOnce(&mut Conn, &Context) -> Result<Reply, AppError> + Send>;

async fn write_as(
    app: &AppState,
    context: Context,
    deadline: Deadline,
    write: Write<'_>,
    work: Work,
) -> Result<HttpResponse, AppError> {
    let (scope, site) = (context.scope, context.scope.site());
    let by_member = matches!(context.actor, Actor::Staff(_));
    // Also after a failure: of one by deadline nobody knows whether it was done.
    let settled = || {
        if by_member {
            app.known_keys.changed(site)
        }
    };
    let Some(key) = write.key else {
        let done = app.db.transact(scope, deadline, move |conn| work(conn, &context)).await;
        settled();
        let reply = done?;
        app.journal.wrote(site);
        return Ok(reply.into_response());
    };
    let claim = claim(app, &context, &write, key);
    let _turn = app.in_flight.turn(claim.key_digest).await?;
    let done = app.db.transact(scope, deadline, move |conn| once(conn, &context, &claim, work)).await;
    settled();
    let (reply, replayed) = done?;
    if !replayed {
        app.journal.wrote(site);
    }
    let mut response = reply.into_response();
    if replayed {
        response.headers_mut().insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The claim of this write on its key.
pub(super) fn claim(app: &AppState, context: &Context, write: &Write<'_>, key: &IdempotencyKey) -> Claim {
    let keyring = app.master.keyring(Purpose::Fingerprint, context.scope.site());
    let principal = context.actor.principal();
    let test = [u8::from(context.actor.is_test())];
    // Caller and operation are part of the digest, so that one digest names one claim everywhere in the process.
    let parts: [&[u8]; 5] = [b"key", principal.0.as_bytes(), &test, write.operation.as_bytes(), key.0.as_bytes()];
    let under = |key: &SiteKey| (key.mac(&parts), key.mac(&[b"body", write.body]));
    let (key_digest, fingerprint) = under(&keyring.current);
    let also = keyring.also().iter().map(under).collect();
    Claim { principal, operation: write.operation.clone(), key_digest, fingerprint, also }
}

fn once(conn: &mut Conn, context: &Context, claim: &Claim, work: Work) -> Result<(Reply, bool), AppError> {
    let scope = &context.scope;
    let expired_before = context.now - KEPT_FOR;
    let in_flight = |error| match is_lock_timeout(&error) {
        true => AppError::new(ErrorCode::IdempotencyInFlight),
        false => error.into(),
    };
    // Before the claim, so that an answer from before the master key was rotated is found and not given a second time.
    if let Some((digest, kept)) = idempotency::find_under_other_key(conn, scope, claim, expired_before).map_err(in_flight)? {
        let same = claim.also.iter().any(|(other, body)| *other == *digest && *body == *kept.fingerprint);
        return replay(kept, same);
    }
    if idempotency::claim(conn, scope, claim, context.now, expired_before).map_err(in_flight)? {
        let reply = work(conn, context)?;
        let (location, etag) = (reply.location.as_deref(), reply.etag.as_deref());
        let kept = reply.kept_body.as_ref().unwrap_or(&reply.body);
        idempotency::keep(conn, scope, claim, reply.status, location, etag, kept)?;
        return Ok((reply, false));
    }
    let kept = idempotency::find(conn, scope, claim)?.ok_or_else(|| AppError::new(ErrorCode::IdempotencyInFlight))?;
    let same = kept.fingerprint == claim.fingerprint;
    replay(kept, same)
}

/// The answer that is kept, to a request with the same body.
fn replay(kept: KeptAnswer, same_body: bool) -> Result<(Reply, bool), AppError> {
    if !same_body {
        return Err(AppError::new(ErrorCode::IdempotencyKeyReused));
    }
    match (kept.status.and_then(|status| u16::try_from(status).ok()), kept.body) {
        (Some(status), Some(body)) => {
            Ok((Reply { status, location: kept.location, etag: kept.etag, body, kept_body: None }, true))
        }
        _ => Err(AppError::new(ErrorCode::IdempotencyInFlight)),
    }
}
