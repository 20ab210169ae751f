//! Referrals: the central resource.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{
    Body, IdempotencyKey, IdempotencyKeyHeader, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey,
    OptionalIdempotencyKeyHeader, PathId, Query,
};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for, version_tag};
use crate::auth::permission::{CreateReferrals, FollowUpReferrals, PlanReferrals, ReadReferrals, WorkReferrals};
use crate::auth::{Actor, Caller};
use crate::domain::ids::ReferralId;
use crate::domain::referral_state::Request;
use crate::error::AppError;
use crate::ops::own_referral::Seen;
use crate::ops::{self, Context};
use crate::privacy::keys::Purpose;
use crate::state::AppState;
use crate::store;
use crate::store::referrals::{CodedReferral, Filter, OwnReferral};
use crate::store::sites::SiteRow;

mod arriving;
mod body;
mod view;

pub use arriving::Arrivals;
use arriving::Next;
pub use body::{CompleteReferral, CreateReferral, ListReferrals, MatchDetails, SendDetails, TransitionReferral, UpdateReferral};
pub use view::{
    FirstActionView, Handoff, PartnerReferralView, ReferralAction, ReferralActions, ReferralBody, ReferralPage, ReferralView,
};

/// A referral as this caller sees it, with the tag of that view.
fn view(coded: CodedReferral, site: &SiteRow, context: &Context) -> Result<(ReferralBody, String), AppError> {
    let version = coded.referral.version;
    let view = match &context.actor {
        Actor::Partner(_) => own_view(coded.into(), site, context)?,
        _ => ReferralBody::Site(Box::new(ReferralView::new(coded, site, context.now))),
    };
    let tag = tag_for(&context.actor, version, &view)?;
    Ok((view, tag))
}

/// A referral as its partner sees it.
fn own_view(own: OwnReferral, site: &SiteRow, context: &Context) -> Result<ReferralBody, AppError> {
    PartnerReferralView::new(own, site, context.now).map(ReferralBody::Partner).ok_or_else(AppError::not_found)
}

/// The tag alone: what a partner would read now.
fn tag_of(coded: &CodedReferral, site: &SiteRow, context: &Context) -> Result<String, AppError> {
    view(coded.clone(), site, context).map(|(_, tag)| tag)
}

/// Send a referral
///
/// One person's operational record, without the person. The server derives route, owner, status and next action. With
/// `contact_path` `person_uses_intake` the answer carries a handoff code: give it to the person with the intake address.
///
/// Send no name, no contact detail, no birth date and nothing about health: a body with anything outside this schema is refused
/// whole. `match` is for recognising a person only: it is turned into keyed digests at once and dropped. Whether a person is already
/// known, or withdrew permission to be contacted, never shows in a partner's answer; the site finds such a referral in quarantine.
///
/// `details` is for what an approved process opens for this partner and study: sealed at once, and read by the site alone.
#[utoipa::path(
    operation_id = "create_referral", tag = "referrals",
    params(IdempotencyKeyHeader),
    request_body(content = CreateReferral, description = "The referral. Staff and site keys name the `partner`; a partner key is one."),
    responses(
        (status = 201, description = "Taken.", body = ReferralBody),
        (status = 403, description = "Your credentials do not carry this operation (`forbidden`, `insufficient_scope`), or it is a test key and no test run is open (`no_open_test_run`)."),
        (status = 409, description = "The route does not take it now (`route_not_launched`, `study_not_open`, `partner_not_active`, `language_lapsed`, `route_at_capacity`), you used this `partner_reference` before (`partner_reference_used`, with `referral_id`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referrals")]
pub async fn create_referral(
    mut caller: Caller<CreateReferrals>,
    key: IdempotencyKey,
    body: Body<CreateReferral>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = Arc::new(body.value.into());
    let keyed = Write::new("create_referral", &key, &body.canonical);
    caller.deadline = match arriving::take(&app, &caller, (&key, &keyed), &new).await? {
        Next::Answer(taken) => return Ok(taken),
        Next::Ordinary(deadline) => deadline,
    };
    let keys = ops::create_referral::Keys::of(&app.master, caller.scope.site());
    write(&app, &caller, keyed, move |conn, context| {
        let (coded, site) = ops::create_referral::run(conn, context, &keys, &new)?;
        created(coded, &site, context)
    })
    .await
}

/// The answer to a referral that was taken.
fn created(coded: CodedReferral, site: &SiteRow, context: &Context) -> Result<Reply, AppError> {
    let location = format!("/v1/referrals/{}", coded.referral.id);
    let (referral, etag) = view(coded, site, context)?;
    Reply::created(&referral, etag, location)
}

/// List referrals
///
/// Newest first. A partner sees its own, in its own view; the filters `status`, `owner_id`, `partner`,
/// `attribution` and `external_ref` are the site's.
#[utoipa::path(
    operation_id = "list_referrals", tag = "referrals",
    params(ListReferrals),
    responses((status = 200, description = "A page of referrals.", body = ReferralPage)),
)]
#[get("/v1/referrals")]
pub async fn list_referrals(
    caller: Caller<ReadReferrals>,
    query: Query<ListReferrals>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    if caller.actor.partner().is_some() {
        query.refuse_site_filters()?;
    }
    let paging = Paging::new("list_referrals", query.cursor.as_deref(), query.limit, &query.filters())?;
    let filter = Filter::from(&query);
    let paging = paging.planned_once(filter == Filter::default());
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            let site = store::sites::current(conn, &context.scope)?;
            let (scope, is_test, before) = (&context.scope, context.actor.is_test(), before.map(ReferralId));
            if context.actor.partner().is_some() {
                let rows = store::referrals::own_page(conn, scope, is_test, &filter.own, before, limit)?;
                return rows.into_iter().map(|row| own_view(row, &site, context)).collect();
            }
            let rows = store::referrals::page(conn, scope, is_test, &filter, before, limit)?;
            Ok(rows.into_iter().map(|row| ReferralBody::Site(Box::new(ReferralView::new(row, &site, context.now)))).collect())
        },
        |view| view.id().0,
        |data, next_cursor, _| Ok(ReferralPage { data, next_cursor }),
    )
    .await
}

/// Read a referral
///
/// A partner reads its own, in its own view.
#[utoipa::path(
    operation_id = "get_referral", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral.")),
    responses((status = 200, description = "The referral as it is now.", body = ReferralBody)),
)]
#[get("/v1/referrals/{id}")]
pub async fn get_referral(
    caller: Caller<ReadReferrals>,
    id: PathId<ReferralId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        let found = store::referrals::find(conn, &context.scope, context.actor.is_test(), id.0)?;
        let coded = found.ok_or_else(AppError::not_found)?;
        let site = store::sites::current(conn, &context.scope)?;
        let (view, etag) = view(coded, &site, context)?;
        Reply::ok(&view, etag)
    })
    .await?;
    Ok(reply.into_response())
}

/// Change a referral
///
/// Owner, next action, blocker and the site's reference; `transition_referral` moves it. Of a closed referral only `external_ref`
/// changes. The next action and its due time follow from status and blocker by rule; whoever sets them by hand, or another owner,
/// sends a `reason` too. A patch that says what is there already, such as `{}`, changes nothing: the version stays, and nothing is recorded.
#[utoipa::path(
    operation_id = "update_referral", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader),
    request_body(content = UpdateReferral, description = "What to change; `application/merge-patch+json` is taken too."),
    responses(
        (status = 200, description = "The referral as it is now.", body = ReferralView),
        (status = 409, description = "The referral is closed, and more than `external_ref` was to change (`state_conflict`), or it waits for its study, which is paused (`study_not_open`)."),
    ),
)]
#[patch("/v1/referrals/{id}")]
pub async fn update_referral(
    caller: Caller<WorkReferrals>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    body: Body<UpdateReferral>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_referral", &body.canonical), move |conn, context| {
        let (coded, site) = ops::update_referral::run(conn, context, id.0, &if_match.0, &patch)?;
        let etag = version_tag(coded.referral.version);
        Reply::ok(&ReferralView::new(coded, &site, context.now), etag)
    })
    .await
}

/// See what may be done with a referral now
///
/// The moves that its state allows, with the reasons that each takes. What waits for its paused study can be put on hold or closed.
#[utoipa::path(
    operation_id = "list_referral_actions", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral.")),
    responses((status = 200, description = "The moves, and the version that they are for.", body = ReferralActions)),
)]
#[get("/v1/referrals/{id}/actions")]
pub async fn list_referral_actions(
    caller: Caller<PlanReferrals>,
    id: PathId<ReferralId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        let found = store::referrals::find(conn, &context.scope, context.actor.is_test(), id.0)?;
        let referral = found.ok_or_else(AppError::not_found)?.referral;
        let study = store::studies::find(conn, &context.scope, referral.study_id)?.ok_or_else(AppError::not_found)?;
        let moves = ops::transition_referral::allowed(&referral, study.status);
        Reply::ok(&ReferralActions::new(referral.status, moves), version_tag(referral.version))
    })
    .await?;
    Ok(reply.into_response())
}

/// Move a referral
///
/// The whole state machine: `list_referral_actions` says what may be done now. Closing needs a close reason, reopening a reopen
/// reason, holding a blocker; any other move clears the blocker. Skipped steps take the time of the move.
///
/// Closing with `person_requested_no_contact` also withdraws permission to contact for the referral's own contact digests: later
/// referrals with one of them are quarantined. Reopening does not give the permission back.
///
/// While the study is paused, nothing gets into flight: what is reopened, released or taken off another hold is on hold with the
/// blocker `study_paused` (`held_status` says where it was going) and goes on by itself when the study opens.
#[utoipa::path(
    operation_id = "transition_referral", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = TransitionReferral, description = "Where to move it, and why."),
    responses(
        (status = 200, description = "The referral as it is now.", body = ReferralView),
        (status = 409, description = "The state does not allow this move (`illegal_transition`, with `allowed_actions`), it waits for its study, which is paused (`study_not_open`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referrals/{id}/transitions")]
pub async fn transition_referral(
    caller: Caller<WorkReferrals>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<TransitionReferral>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let request = Request { to: body.value.to, reason: body.value.reason, blocker: body.value.blocker };
    let operation = format!("transition_referral:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let (coded, site) = ops::transition_referral::run(conn, context, id.0, &if_match.0, &request)?;
        let etag = version_tag(coded.referral.version);
        Reply::ok(&ReferralView::new(coded, &site, context.now), etag)
    })
    .await
}

/// Complete a referral
///
/// When a referral is `needs_partner_action`, the site waits for you: bring what is missing, or tell that it is done outside with
/// `{}`. The site goes on with it. Send no name, no contact detail but in `match`, no birth date and nothing about health.
#[utoipa::path(
    operation_id = "complete_referral", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = CompleteReferral, description = "What you bring; every field may be absent."),
    responses(
        (status = 200, description = "The referral as you see it now.", body = PartnerReferralView),
        (status = 409, description = "The referral does not wait for you (`state_conflict`), you used this `partner_reference` before (`partner_reference_used`, with `referral_id`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referrals/{id}/complete")]
pub async fn complete_referral(
    caller: Caller<FollowUpReferrals>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<CompleteReferral>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let brought = body.value.into();
    let operation = format!("complete_referral:{}", id.0);
    let keyring = app.master.keyring(Purpose::ContactDigest, caller.scope.site());
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let seen = Seen { expected: &if_match.0, tag_of };
        let (coded, site) = ops::complete_referral::run(conn, context, id.0, &seen, &keyring, &brought)?;
        let (referral, etag) = view(coded, &site, context)?;
        Reply::ok(&referral, etag)
    })
    .await
}

/// Withdraw a referral
///
/// It is `closed` for you at once, and the site learns that you withdrew it. The answer is the same whether or not the site had
/// ended it before. A site may open it again, and then you see it as open.
#[utoipa::path(
    operation_id = "withdraw_referral", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "The referral as you see it now.", body = PartnerReferralView),
        (status = 409, description = "You see the referral as `closed` or `not_accepted` (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referrals/{id}/withdraw")]
pub async fn withdraw_referral(
    caller: Caller<FollowUpReferrals>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("withdraw_referral:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        let seen = Seen { expected: &if_match.0, tag_of };
        let (coded, site) = ops::withdraw_referral::run(conn, context, id.0, &seen)?;
        let (referral, etag) = view(coded, &site, context)?;
        Reply::ok(&referral, etag)
    })
    .await
}
