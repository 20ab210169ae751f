//! Members: the people of the site.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ManageMembers, ReadMembers};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::error::AppError;
use crate::ops;
use crate::ops::add_member::{Identity, NewMember};
use crate::state::AppState;
use crate::store;
use crate::store::members::MemberContext;

mod body;

pub use body::{CreateMember, DeactivateMember, ListMembers, MemberIdentity, MemberPage, MemberView, UpdateMember};

fn reply(context: MemberContext) -> Result<Reply, AppError> {
    let etag = version_tag(context.member.version);
    Reply::ok(&MemberView::from(context), etag)
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
        Reply::created(&MemberView::from(added), etag, location)
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
    let filter = store::members::Filter { role: query.role, active: query.active };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| Ok(store::members::page(conn, &context.scope, filter, after.map(MemberId), limit)?),
        |row: &MemberContext| row.member.id.0,
        |rows, next_cursor, _| Ok(MemberPage { data: rows.into_iter().map(MemberView::from).collect(), next_cursor }),
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
    let found = read(&app, &caller, move |conn, context| {
        let row = store::members::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?;
        store::members::with_studies(conn, &context.scope, vec![row])?.pop().ok_or_else(AppError::not_found)
    })
    .await?;
    Ok(reply(found)?.into_response())
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
    let patch = patch.into();
    write(&app, &caller, Write::unkeyed("update_member", &body.canonical), move |conn, context| {
        reply(ops::update_member::run(conn, context, id.0, &if_match.0, patch)?)
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
    let successors = body.value.into();
    let operation = format!("deactivate_member:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::deactivate_member::run(conn, context, id.0, &if_match.0, successors)?)
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
    let operation = format!("reactivate_member:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        reply(ops::reactivate_member::run(conn, context, id.0, &if_match.0)?)
    })
    .await
}
