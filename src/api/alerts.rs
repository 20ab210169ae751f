//! Alerts: what members were told, whether it arrived, and that they have it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, content_tag};
use crate::auth::permission::FollowAlerts;
use crate::auth::{Actor, Caller};
use crate::db::Conn;
use crate::domain::ids::{AlertId, MemberId};
use crate::domain::vocabulary::Role;
use crate::error::{AppError, ErrorCode};
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::alerts::{AlertRow, Filter};

mod body;

pub use body::{AlertDeliveryView, AlertPage, AlertView, ListAlerts};

fn views(conn: &mut Conn, context: &Context, alerts: Vec<AlertRow>) -> Result<Vec<AlertView>, AppError> {
    let ids: Vec<AlertId> = alerts.iter().map(|alert| alert.id).collect();
    let deliveries = store::alerts::deliveries::of_alerts(conn, &context.scope, &ids)?;
    Ok(alerts.into_iter().map(|alert| AlertView::new(alert, &deliveries)).collect())
}

/// An alert has no version of its own: its deliveries change it too.
fn reply(conn: &mut Conn, context: &Context, alert: AlertRow) -> Result<Reply, AppError> {
    let view = views(conn, context, vec![alert])?.pop().ok_or_else(AppError::not_found)?;
    Reply::ok(&view, content_tag(&view)?)
}

/// Whose alerts the caller lists: an admin everybody's, a coordinator its own.
fn whose(actor: &Actor, asked: Option<MemberId>) -> Result<Option<MemberId>, AppError> {
    match actor {
        Actor::Staff(staff) if staff.role == Role::Admin => Ok(asked),
        Actor::Staff(staff) if asked.is_none_or(|asked| asked == staff.member) => Ok(Some(staff.member)),
        _ => Err(AppError::new(ErrorCode::Forbidden)
            .with_detail("You see your own alerts. Those of other members are seen by themselves and by admins.")),
    }
}

/// List alerts
///
/// The newest first. A coordinator sees its own, an admin those of all members or of one.
#[utoipa::path(
    operation_id = "list_alerts", tag = "alerts",
    params(ListAlerts),
    responses((status = 200, description = "A page of alerts.", body = AlertPage)),
)]
#[get("/v1/alerts")]
pub async fn list_alerts(
    caller: Caller<FollowAlerts>,
    query: Query<ListAlerts>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filter = Filter { member: whose(&caller.actor, query.member_id)?, referral: query.referral_id };
    let filters = (query.member_id, query.referral_id);
    let paging = Paging::new("list_alerts", query.cursor.as_deref(), query.limit, &filters)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let alerts = store::alerts::page(conn, &context.scope, filter, after.map(AlertId), limit)?;
            views(conn, context, alerts)
        },
        |alert: &AlertView| alert.id.0,
        |data, next_cursor, _| Ok(AlertPage { data, next_cursor }),
    )
    .await
}

/// Read an alert
///
/// With its deliveries: one per channel that its member had chosen when it was taken up, a moment after it was written.
#[utoipa::path(
    operation_id = "get_alert", tag = "alerts",
    params(("id" = AlertId, Path, description = "Id of the alert.")),
    responses((status = 200, description = "The alert as it is now.", body = AlertView)),
)]
#[get("/v1/alerts/{id}")]
pub async fn get_alert(caller: Caller<FollowAlerts>, id: PathId<AlertId>, app: Data<AppState>) -> Result<HttpResponse, AppError> {
    let answer = read(&app, &caller, move |conn, context| {
        let alert = ops::confirm_alert::visible(context, store::alerts::find(conn, &context.scope, id.0)?)?;
        reply(conn, context, alert)
    });
    Ok(answer.await?.into_response())
}

/// Confirm an alert
///
/// By its member alone, with its own token: it has the alert, whichever way it came. What is not delivered yet is not sent any more.
/// Once more changes nothing, so that it needs no `If-Match`.
#[utoipa::path(
    operation_id = "confirm_alert", tag = "alerts",
    params(("id" = AlertId, Path, description = "Id of the alert."), OptionalIdempotencyKeyHeader),
    responses((status = 200, description = "The alert as it is now.", body = AlertView)),
)]
#[post("/v1/alerts/{id}/confirm")]
pub async fn confirm_alert(
    caller: Caller<FollowAlerts>,
    id: PathId<AlertId>,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("confirm_alert:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        let alert = ops::confirm_alert::run(conn, context, id.0)?;
        reply(conn, context, alert)
    })
    .await
}

/// Send a test alert
///
/// To see whether alerts reach a member: it goes its way like any other, and the alert shows what became of it. A coordinator sends
/// them to itself, an admin to everybody.
#[utoipa::path(
    operation_id = "create_test_alert", tag = "alerts",
    params(("id" = MemberId, Path, description = "Id of the member."), OptionalIdempotencyKeyHeader),
    responses(
        (status = 201, description = "Written; it is on its way within seconds.", body = AlertView),
        (status = 409, description = "The member is deactivated (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/members/{id}/test-alert")]
pub async fn create_test_alert(
    caller: Caller<FollowAlerts>,
    id: PathId<MemberId>,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("create_test_alert:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        let alert = ops::create_test_alert::run(conn, context, id.0)?;
        let view = AlertView::new(alert, &[]);
        Reply::created(&view, content_tag(&view)?, format!("/v1/alerts/{}", view.id))
    })
    .await
}
