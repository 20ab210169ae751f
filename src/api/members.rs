//! Members: the people of the site.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ManageMembers, ReadMembers};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::error::AppError;
use crate::ops::add_member::{Identity, NewMember};
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::members::MemberContext;

mod body;

pub use body::{CreateMember, DeactivateMember, ListMembers, MemberIdentity, MemberPage, MemberView, UpdateMember};

/// Members with whether alerts reach them; `email`: whether the server sends any.
fn views(conn: &mut Conn, context: &Context, members: Vec<MemberContext>, email: bool) -> Result<Vec<MemberView>, AppError> {
    let chosen: Vec<_> = members.iter().map(|found| (found.member.id, found.member.alert_channels.0.clone())).collect();
    let reached = ops::reachability::of_members(conn, context, &chosen, email)?;
    Ok(members.into_iter().zip(reached).map(|(member, reached)| MemberView::new(member, reached)).collect())
}

fn view(conn: &mut Conn, context: &Context, member: MemberContext, email: bool) -> Result<MemberView, AppError> {
    views(conn, context, vec![member], email)?.pop().ok_or_else(AppError::not_found)
}

fn reply(conn: &mut Conn, context: &Context, member: MemberContext, email: bool) -> Result<Reply, AppError> {
    let etag = version_tag(member.member.version);
    Reply::ok(&view(conn, context, member, email)?, etag)
}

/// Refuses an issuer that the server does not know, or knows as another site's: nobody could sign in by it.
fn check_issuer(app: &AppState, caller: &Caller<ManageMembers>, identity: Option<&MemberIdentity>) -> Result<(), AppError> {
    let bound = |identity: &MemberIdentity| {
        app.providers.find(identity.issuer.as_str()).is_some_and(|provider| provider.site() == caller.scope.site())
    };
    if identity.is_none_or(bound) {
        return Ok(());
    }
    let message = "The server trusts no such issuer for this site. Ask the operator for the issuers of `HANDOFF_JWT_ISSUERS`.";
    Err(AppError::invalid(vec![Fault::new("/identity/issuer", FaultCode::UnknownReference, message)]))
}

/// Add a member
///
/// The member is active at once. It gets no credentials here: they come from the site's identity provider, or from the operator
/// (`handoff token create`).
#[utoipa::path(
    operation_id = "create_member", tag = "members",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateMember, description = "The member to add."),
    responses(
        (status = 201, description = "Added.", body = MemberView),
        (status = 409, description = "Another member has this e-mail address or this identity, active or not (`already_exists`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/members")]
pub async fn create_member(
    caller: Caller<ManageMembers>,
    key: OptionalIdempotencyKey,
    body: Body<CreateMember>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value;
    check_issuer(&app, &caller, new.identity.as_ref())?;
    let email = app.outbound.mailer.is_some();
    write(&app, &caller, Write::accepting("create_member", &key, &body.canonical), move |conn, context| {
        let member = NewMember {
            display_name: new.display_name,
            email: new.email,
            role: new.role,
            is_site_lead: false,
            identity: new.identity.map(Identity::from),
        };
        let added = ops::add_member::assigned(conn, context, member, &new.studies)?;
        let (etag, location) = (version_tag(added.member.version), format!("/v1/members/{}", added.member.id));
        Reply::created(&view(conn, context, added, email)?, etag, location)
    })
    .await
}

/// List members
///
/// Admins and coordinators see their colleagues, with the e-mail addresses: whose referral it is should be a name. No key reads
/// them, whatever its scopes: they are people, and no configuration.
#[utoipa::path(
    operation_id = "list_members", tag = "members",
    params(ListMembers),
    responses((status = 200, description = "A page of members.", body = MemberPage)),
)]
#[get("/v1/members")]
pub async fn list_members(
    caller: Caller<ReadMembers>,
    query: Query<ListMembers>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_members", query.cursor.as_deref(), query.limit, &(query.role, query.active))?;
    let email = app.outbound.mailer.is_some();
    let filter = store::members::Filter { role: query.role, active: query.active };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let found = store::members::page(conn, &context.scope, filter, after.map(MemberId), limit)?;
            views(conn, context, found, email)
        },
        |member: &MemberView| member.id.0,
        |data, next_cursor, _| Ok(MemberPage { data, next_cursor }),
    )
    .await
}

/// Read a member
///
/// Deactivated members stay readable: referrals and routes of the past name them.
#[utoipa::path(
    operation_id = "get_member", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member.")),
    responses((status = 200, description = "The member as it is now.", body = MemberView)),
)]
#[get("/v1/members/{id}")]
pub async fn get_member(
    caller: Caller<ReadMembers>,
    id: PathId<MemberId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let email = app.outbound.mailer.is_some();
    let answer = read(&app, &caller, move |conn, context| {
        let row = store::members::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?;
        let found = store::members::with_studies(conn, &context.scope, vec![row])?.pop().ok_or_else(AppError::not_found)?;
        reply(conn, context, found, email)
    });
    Ok(answer.await?.into_response())
}

/// Change a member
///
/// A new role counts from the member's next request on. The lead moves from whoever has it, whose `ETag` changes too.
#[utoipa::path(
    operation_id = "update_member", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member."), IfMatchHeader),
    request_body(content = UpdateMember, description = "What to change; `application/merge-patch+json` is taken too."),
    responses(
        (status = 200, description = "The member as it is now.", body = MemberView),
        (status = 409, description = "Another member has this e-mail address (`already_exists`); the site would be without an active admin (`last_admin`) or without a site lead (`site_lead_required`); a member with open work would become a viewer (`open_work`, with the list); or a deactivated member would lead (`state_conflict`)."),
    ),
)]
#[patch("/v1/members/{id}")]
pub async fn update_member(
    caller: Caller<ManageMembers>,
    id: PathId<MemberId>,
    if_match: IfMatch,
    body: Body<UpdateMember>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value;
    check_issuer(&app, &caller, patch.identity.as_ref().and_then(Option::as_ref))?;
    let (patch, email) = (patch.into(), app.outbound.mailer.is_some());
    write(&app, &caller, Write::unkeyed("update_member", &body.canonical), move |conn, context| {
        let member = ops::update_member::run(conn, context, id.0, &if_match.0, patch)?;
        reply(conn, context, member, email)
    })
    .await
}

/// Deactivate a member
///
/// Its credentials are good no more from now on. With `reassign_to` its open referrals and its places as owner and backup owner
/// of routes go to that member at once; without, open work refuses it. Closed referrals and retired routes keep its name.
#[utoipa::path(
    operation_id = "deactivate_member", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = DeactivateMember, description = "Who takes over."),
    responses(
        (status = 200, description = "The member as it is now.", body = MemberView),
        (status = 409, description = "The member has open work and nobody is named to take it, or owner and backup owner of a route would be the same (`open_work`, with the list); it is the last active admin (`last_admin`), or the site lead and no successor is named (`site_lead_required`); it is deactivated already (`state_conflict`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/members/{id}/deactivate")]
pub async fn deactivate_member(
    caller: Caller<ManageMembers>,
    id: PathId<MemberId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<DeactivateMember>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (successors, email) = (body.value.into(), app.outbound.mailer.is_some());
    let operation = format!("deactivate_member:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let member = ops::deactivate_member::run(conn, context, id.0, &if_match.0, successors)?;
        reply(conn, context, member, email)
    })
    .await
}

/// Reactivate a member
///
/// With the role and the studies that it had. What it owned stays with those who took it.
#[utoipa::path(
    operation_id = "reactivate_member", tag = "members",
    params(("id" = MemberId, Path, description = "Id of the member."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "The member as it is now.", body = MemberView),
        (status = 409, description = "The member is active (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/members/{id}/reactivate")]
pub async fn reactivate_member(
    caller: Caller<ManageMembers>,
    id: PathId<MemberId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (operation, email) = (format!("reactivate_member:{}", id.0), app.outbound.mailer.is_some());
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        let member = ops::reactivate_member::run(conn, context, id.0, &if_match.0)?;
        reply(conn, context, member, email)
    })
    .await
}
