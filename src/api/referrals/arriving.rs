//! Referrals that one caller sends at the same time are taken in one transaction: what is asked and locked once for all of them costs each
//! less. Only the plain ones; for every other, and whenever anything is in the way, the ordinary path answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::web::Data;
use tokio::sync::oneshot;

use crate::api::extract::IdempotencyKey;
use crate::api::idempotency::{Write, claim};
use crate::api::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::Permission;
use crate::db::{Conn, Deadline};
use crate::domain::ids::ApiKeyId;
use crate::domain::text::Code;
use crate::error::{AppError, ErrorCode};
use crate::ops::create_referral::{Keys, NewReferral};
use crate::ops::{Context, create_referrals};
use crate::state::{AppState, Gatherings, Lane};
use crate::store::idempotency::{self, Claim, KEPT_FOR, NewAnswer};

/// What referrals have in common that may be taken together: who sends them, and over which route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Way {
    key: ApiKeyId,
    partner: Option<Code>,
    study: Code,
}

/// A referral that waits to be taken.
#[derive(Debug)]
pub struct Arriving {
    asked: Asked,
    deadline: Deadline,
    answer: oneshot::Sender<Taken>,
}

#[derive(Debug)]
struct Asked {
    context: Context,
    claim: Claim,
    new: Arc<NewReferral>,
}

/// What came of it.
#[derive(Debug)]
enum Taken {
    /// It was taken.
    Kept(Reply),
    /// Nothing was done: the ordinary path decides. `let_in`: the database was asked.
    ByItself { let_in: bool },
    /// Nobody took it, for want of a place, a connection or time.
    Refused(ErrorCode),
}

/// What a request is to do.
pub(super) enum Next {
    /// Answer this.
    Answer(HttpResponse),
    /// Go the ordinary path, by this deadline.
    Ordinary(Deadline),
}

/// Takes it together with those that come at the same time.
///
/// # Errors
/// 409 while the same key is worked on; 503 when there is no place to wait in, no connection or no time left.
pub(super) async fn take<P: Permission>(
    app: &Data<AppState>,
    caller: &Caller<P>,
    (key, write): (&IdempotencyKey, &Write<'_>),
    new: &Arc<NewReferral>,
) -> Result<Next, AppError> {
    let context = crate::api::read::context(app, caller);
    let (Some(by), true) = (context.actor.key(), create_referrals::is_plain(&context.actor, new)) else {
        return Ok(Next::Ordinary(caller.deadline));
    };
    let claim = claim(app, &context, write, key);
    if !claim.also.is_empty() {
        return Ok(Next::Ordinary(caller.deadline));
    }
    // Two with one key wait for each other here, and are never taken together.
    let _turn = app.in_flight.turn(claim.key_digest).await?;
    let (answer, taken) = oneshot::channel();
    let way = Way { key: by, partner: new.partner.clone(), study: new.study.clone() };
    let asked = Asked { context, claim, new: Arc::clone(new) };
    let (site, admitted) = (caller.scope.site(), caller.deadline.is_admitted());
    let joined = app.arriving.join((site, &way), Arriving { asked, deadline: caller.deadline, answer }, admitted);
    if let Some(refused) = joined.refused {
        let _ = refused.answer.send(Taken::Refused(ErrorCode::Overloaded));
    }
    if let Some(lane) = joined.lane {
        // Beside the request: whoever was taken together with it gets an answer also when its caller has gone.
        actix_web::rt::spawn(work(Data::clone(app), lane));
    }
    match tokio::time::timeout(caller.deadline.remaining(), taken).await {
        Err(_elapsed) => Err(AppError::new(ErrorCode::DeadlineExceeded)),
        Ok(Ok(Taken::Refused(code))) => Err(AppError::new(code)),
        Ok(Ok(Taken::Kept(reply))) => Ok(Next::Answer(reply.into_response())),
        Ok(Ok(Taken::ByItself { let_in: true })) => Ok(Next::Ordinary(caller.deadline.admitted())),
        Ok(Ok(Taken::ByItself { let_in: false }) | Err(_)) => Ok(Next::Ordinary(caller.deadline)),
    }
}

/// Does what waits in a lane, until nothing does.
async fn work(app: Data<AppState>, mut lane: Lane<Way, Arriving>) {
    while let Some(arriving) = lane.take() {
        // Whose caller has gone is not begun any more.
        let arriving: Vec<Arriving> = arriving.into_iter().filter(|arriving| !arriving.answer.is_closed()).collect();
        let deadlines = || arriving.iter().map(|arriving| arriving.deadline);
        let Some(latest) = deadlines().max_by_key(|deadline| deadline.remaining()) else { continue };
        // Of several one was let in before: all go in with it.
        let deadline = if deadlines().any(Deadline::is_admitted) { latest.admitted() } else { latest };
        let (asked, answers): (Vec<Asked>, Vec<_>) =
            arriving.into_iter().map(|arriving| (arriving.asked, arriving.answer)).unzip();
        let Some(scope) = asked.first().map(|asked| asked.context.scope) else { continue };
        let keys = Keys::of(&app.master, scope.site());
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let done = app
            .db
            .transact(scope, deadline, move |conn| {
                begins.store(true, Ordering::Relaxed);
                taken(conn, &keys, &asked)
            })
            .await;
        match &done {
            Ok(_) => app.journal.wrote(scope.site()),
            // Each is answered by itself, and so nobody would see it.
            Err(error) => {
                if let Some(cause) = error.cause().filter(|_| error.code.status() == 500) {
                    log::error!("referrals were not taken together: {cause}");
                }
            }
        }
        let mut done = done.map(Vec::into_iter);
        for answer in answers {
            let taken = match &mut done {
                Ok(replies) => replies.next().flatten().map_or(Taken::ByItself { let_in: true }, Taken::Kept),
                Err(error) => match error.code {
                    code @ (ErrorCode::DatabaseUnavailable | ErrorCode::DeadlineExceeded) => Taken::Refused(code),
                    // The door was closed. What was begun and had to wait too long for a lock waits for one of them alone.
                    code @ ErrorCode::Overloaded if !begun.load(Ordering::Relaxed) => Taken::Refused(code),
                    _ => Taken::ByItself { let_in: begun.load(Ordering::Relaxed) },
                },
            };
            // Nobody may be there any more.
            let _ = answer.send(taken);
        }
    }
}

/// Claims, takes and keeps the answers, as the ordinary path does for one.
fn taken(conn: &mut Conn, keys: &Keys, asked: &[Asked]) -> Result<Vec<Option<Reply>>, AppError> {
    let Some(last) = asked.last() else { return Ok(Vec::new()) };
    let (scope, now) = (&last.context.scope, last.context.now);
    let claims: Vec<&Claim> = asked.iter().map(|asked| &asked.claim).collect();
    let ours = idempotency::claim_all(conn, scope, &claims, now, now - KEPT_FOR)?;
    let claimed: Vec<&Asked> = asked.iter().filter(|asked| ours.contains(asked.claim.key_digest.as_slice())).collect();
    let mut replies: Vec<Option<Reply>> = asked.iter().map(|_| None).collect();
    if claimed.is_empty() {
        return Ok(replies);
    }
    let named: Vec<(&Context, &NewReferral)> = claimed.iter().map(|asked| (&asked.context, &*asked.new)).collect();
    let (site, taken) = create_referrals::run(conn, &keys.digests, &named)?;
    let mut made = Vec::with_capacity(taken.len());
    for (asked, coded) in claimed.iter().zip(taken) {
        made.push(coded.map(|coded| super::created(coded, &site, &asked.context)).transpose()?);
    }
    let both = || claimed.iter().zip(&made);
    if made.iter().all(Option::is_none) {
        // Nothing is written for what the ordinary path refuses.
        return Err(AppError::new(ErrorCode::IdempotencyInFlight));
    }
    let answers: Vec<NewAnswer<'_>> = both()
        .filter_map(|(asked, reply)| {
            let reply = reply.as_ref()?;
            let (location, etag) = (reply.location.as_deref(), reply.etag.as_deref());
            Some(NewAnswer { claim: &asked.claim, location, etag, body: &reply.body })
        })
        .collect();
    let given_up: Vec<&Claim> = both().filter(|(_, reply)| reply.is_none()).map(|(asked, _)| &asked.claim).collect();
    idempotency::keep_all(conn, scope, 201, &answers, &given_up)?;
    let mut made = made.into_iter();
    for (asked, place) in asked.iter().zip(&mut replies) {
        if ours.contains(asked.claim.key_digest.as_slice()) {
            *place = made.next().flatten();
        }
    }
    Ok(replies)
}

/// Referrals on their way in.
pub type Arrivals = Gatherings<Way, Arriving>;
