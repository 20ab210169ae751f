//! The queue: whose turn it is on which referral, and how much of it there is. For the site alone.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use uuid::Uuid;

use super::extract::Query;
use super::read::{Paging, page, read};
use super::reply::Reply;
use crate::auth::permission::PlanReferrals;
use crate::auth::{Actor, Caller};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{MemberId, ReferralId};
use crate::error::{AppError, ErrorCode};
use crate::state::AppState;
use crate::store;

mod body;
mod counts;

pub use body::{ListQueue, QueueItem, QueuePage};
pub use counts::{GetQueueCounts, NextActionCount, OwnerCount, QueueAging, QueueCounts};

/// The owner whom the filter names: `me` is the member who asks.
fn owner(asked: Option<&str>, actor: &Actor) -> Result<Option<MemberId>, AppError> {
    let refused =
        |code, message| AppError::new(ErrorCode::InvalidParameter).with_faults(vec![Fault::new("/owner", code, message)]);
    let Some(asked) = asked else { return Ok(None) };
    if asked == "me" {
        let me = actor.member();
        return me.map(Some).ok_or_else(|| {
            refused(FaultCode::Inconsistent, "Only a member of the site is `me`. Send the id of one, or leave it out.")
        });
    }
    let id = Uuid::parse_str(asked).map_err(|_| refused(FaultCode::BadFormat, "Send `me` or the id of a member."))?;
    Ok(Some(MemberId(id)))
}

/// List the queue
///
/// Open referrals in the order in which their next actions are due: what is overdue the longest comes first. `owner=me` is one's own
/// queue, and without `owner` it is everybody's. An entry tells what is to be done, not whom it is about. Test keys see the queue of
/// test referrals, which no other caller does.
///
/// A referral whose due time changes while somebody pages moves to its new place: it may come again later, or not at all in this walk.
#[utoipa::path(
    operation_id = "list_queue", tag = "queue",
    params(ListQueue),
    responses((status = 200, description = "A page of the queue.", body = QueuePage)),
)]
#[get("/v1/queue")]
pub async fn list_queue(
    caller: Caller<PlanReferrals>,
    query: Query<ListQueue>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filter = query.filter(owner(query.owner.as_deref(), &caller.actor)?);
    let paging = Paging::new("list_queue", query.cursor.as_deref(), query.limit, &query.filters())?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let (scope, is_test, now) = (&context.scope, context.actor.is_test(), context.now);
            let after = after.map(|(due_at, id)| (due_at, ReferralId(id)));
            let rows = store::queue::page(conn, scope, is_test, &filter, now, after, limit)?;
            Ok(rows.into_iter().map(|row| QueueItem::new(row, now)).collect())
        },
        |item: &QueueItem| (item.next_action_due_at, item.id.0),
        |data, next_cursor, _| Ok(QueuePage { data, next_cursor }),
    )
    .await
}

/// Count the queue
///
/// How many open referrals there are, how many of them are overdue or need somebody's eye, by next action and by owner. Exact, and of
/// one moment: all that the filters take is counted, off an index. The time that takes grows with the work that is open, and not with
/// what was closed over the years.
#[utoipa::path(
    operation_id = "get_queue_counts", tag = "queue",
    params(GetQueueCounts),
    responses((status = 200, description = "The counts at this moment.", body = QueueCounts)),
)]
#[get("/v1/queue/counts")]
pub async fn get_queue_counts(
    caller: Caller<PlanReferrals>,
    query: Query<GetQueueCounts>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let filter = query.0.filter(owner(query.0.owner.as_deref(), &caller.actor)?);
    let reply = read(&app, &caller, move |conn, context| {
        let (scope, is_test, now) = (&context.scope, context.actor.is_test(), context.now);
        Reply::plain(&QueueCounts::of(&store::queue::tally(conn, scope, is_test, &filter, now)?, now))
    })
    .await?;
    Ok(reply.into_response())
}
