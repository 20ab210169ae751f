//! Handoff routes: how a partner hands people over for a study.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, tag_for, version_tag};
use crate::auth::permission::{CreateReferrals, ManageConfiguration, ReadConfiguration, ReadRouteHistory};
use crate::auth::{Actor, Caller};
use crate::db::Conn;
use crate::domain::ids::RouteId;
use crate::domain::lifecycle::RouteMove;
use crate::error::AppError;
use crate::ops::{self, Context};
use crate::state::AppState;
use crate::store;
use crate::store::route_configurations::ConfigurationRow;
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

mod body;
mod boundaries;
mod history;
mod preflight;
mod view;

pub use body::{ChannelSetup, CreateRoute, ListRoutes, UpdateRoute};
pub use boundaries::{BoundariesView, SetBoundaries};
pub use history::{ListRouteConfigurations, RouteConfigurationPage, RouteConfigurationView};
pub use preflight::{Preflight, PreflightView};
pub use view::{PartnerRouteView, RouteBody, RoutePage, RouteView};

/// The route as this caller sees it: the site with its owners, a partner without.
fn view(route: RouteContext, site: &SiteRow, actor: &Actor) -> RouteBody {
    match actor {
        Actor::Partner(_) => RouteBody::Partner(PartnerRouteView::new(route, site)),
        _ => RouteBody::Site(Box::new(RouteView::new(route, site))),
    }
}

/// The route as this caller sees it, as an answer.
pub(super) fn reply(conn: &mut Conn, route: RouteContext, context: &Context) -> Result<Reply, AppError> {
    let version = route.route.version;
    let site = store::sites::current(conn, &context.scope)?;
    let view = view(route, &site, &context.actor);
    let etag = tag_for(&context.actor, version, &view)?;
    Reply::ok(&view, etag)
}

/// Configure a handoff route
///
/// One per partner and study. It starts as a draft and takes nobody before it is launched.
#[utoipa::path(
    operation_id = "create_route", tag = "routes",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateRoute, description = "The route to configure."),
    responses(
        (status = 201, description = "Configured, as a draft.", body = RouteView),
        (status = 409, description = "This partner has a route for this study, or the tag is taken (`already_exists`); or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/routes")]
pub async fn create_route(
    caller: Caller<ManageConfiguration>,
    key: OptionalIdempotencyKey,
    body: Body<CreateRoute>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value;
    write(&app, &caller, Write::accepting("create_route", &key, &body.canonical), move |conn, context| {
        let route = ops::create_route::run(conn, context, new.into())?;
        let (etag, location) = (version_tag(route.route.version), format!("/v1/routes/{}", route.route.id));
        let site = store::sites::current(conn, &context.scope)?;
        Reply::created(&RouteView::new(route, &site), etag, location)
    })
    .await
}

/// List handoff routes
///
/// A partner sees its own.
#[utoipa::path(
    operation_id = "list_routes", tag = "routes",
    params(ListRoutes),
    responses((status = 200, description = "A page of routes.", body = RoutePage)),
)]
#[get("/v1/routes")]
pub async fn list_routes(
    caller: Caller<ReadConfiguration>,
    query: Query<ListRoutes>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let paging = Paging::new("list_routes", query.cursor.as_deref(), query.limit, &(&query.partner, &query.study, query.status))?;
    let filter = store::routes::Filter { partner: query.partner.clone(), study: query.study.clone(), status: query.status };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            let site = store::sites::current(conn, &context.scope)?;
            let routes = store::routes::page(conn, &context.scope, &filter, after.map(RouteId), limit)?;
            Ok(routes.into_iter().map(|route| (route.route.id, view(route, &site, &context.actor))).collect())
        },
        |(id, _)| id.0,
        |routes, next_cursor, _| Ok(RoutePage { data: routes.into_iter().map(|(_, view)| view).collect(), next_cursor }),
    )
    .await
}

/// Read a handoff route
#[utoipa::path(
    operation_id = "get_route", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route.")),
    responses((status = 200, description = "The route as it is now.", body = RouteBody)),
)]
#[get("/v1/routes/{id}")]
pub async fn get_route(
    caller: Caller<ReadConfiguration>,
    id: PathId<RouteId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let reply = read(&app, &caller, move |conn, context| {
        let route = store::routes::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)?;
        reply(conn, route, context)
    })
    .await?;
    Ok(reply.into_response())
}

/// Change a handoff route
///
/// Partner and study stay: another pair is another route.
#[utoipa::path(
    operation_id = "update_route", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route."), IfMatchHeader),
    request_body(content = UpdateRoute, description = "What to change; `application/merge-patch+json` is taken too."),
    responses(
        (status = 200, description = "The route as it is now.", body = RouteView),
        (status = 409, description = "The route is retired (`state_conflict`), or the tag is taken (`already_exists`)."),
    ),
)]
#[patch("/v1/routes/{id}")]
pub async fn update_route(
    caller: Caller<ManageConfiguration>,
    id: PathId<RouteId>,
    if_match: IfMatch,
    body: Body<UpdateRoute>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_route", &body.canonical), move |conn, context| {
        let route = ops::update_route::run(conn, context, id.0, &if_match.0, patch)?;
        reply(conn, route, context)
    })
    .await
}

/// List the configurations that a route had
///
/// Newest first: what the route is now, and what it was before. A change of status or capacity is none of configuration.
#[utoipa::path(
    operation_id = "list_route_configurations", tag = "routes",
    params(("id" = RouteId, Path, description = "Id of the route."), ListRouteConfigurations),
    responses((status = 200, description = "A page of configurations.", body = RouteConfigurationPage)),
)]
#[get("/v1/routes/{id}/configurations")]
pub async fn list_route_configurations(
    caller: Caller<ReadRouteHistory>,
    id: PathId<RouteId>,
    query: Query<ListRouteConfigurations>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (route, query) = (id.0, query.0);
    let paging = Paging::new("list_route_configurations", query.cursor.as_deref(), query.limit, &route)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            let scope = &context.scope;
            store::routes::find(conn, scope, route)?.ok_or_else(AppError::not_found)?;
            Ok(store::route_configurations::page(conn, scope, route, before.map(history::number), limit)?)
        },
        |row: &ConfigurationRow| history::place(row.number),
        |rows, next_cursor, _| {
            Ok(RouteConfigurationPage { data: rows.into_iter().map(RouteConfigurationView::from).collect(), next_cursor })
        },
    )
    .await
}

/// Ask whether a route takes a referral now
///
/// Before a person is told anything: study and channel, and nothing about the person. It answers as `create_referral` would at this
/// moment, makes nothing and promises nothing. A study without a route of yours answers like one that does not exist.
#[utoipa::path(
    operation_id = "preflight_route", tag = "routes",
    request_body(content = Preflight, description = "What is asked. Staff and site keys name the `partner`; a partner key is one."),
    responses(
        (status = 200, description = "Whether it would be taken; if not, why and what to do.", body = PreflightView),
        (status = 403, description = "Your credentials do not carry this operation (`forbidden`, `insufficient_scope`), or it is a test key and no test run is open (`no_open_test_run`)."),
    ),
)]
#[post("/v1/routes/preflight")]
pub async fn preflight_route(
    caller: Caller<CreateReferrals>,
    body: Body<Preflight>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let question = body.value.into();
    let standing = read(&app, &caller, move |conn, context| ops::preflight_route::run(conn, context, &question)).await?;
    Ok(HttpResponse::Ok().json(PreflightView::from(standing)))
}

/// Makes the handler of one route move; they differ by their word alone.
macro_rules! route_move {
    ($(#[doc = $doc:literal])+ $name:ident, $path:literal, $step:expr) => {
        $(#[doc = $doc])+
        #[utoipa::path(
            tag = "routes",
            params(("id" = RouteId, Path, description = "Id of the route."), IfMatchHeader, OptionalIdempotencyKeyHeader),
            responses(
                (status = 200, description = "The route as it is now.", body = RouteView),
                (status = 409, description = "The state does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
            ),
        )]
        #[post($path)]
        pub async fn $name(
            caller: Caller<ManageConfiguration>,
            id: PathId<RouteId>,
            if_match: IfMatch,
            key: OptionalIdempotencyKey,
            _: NoBody,
            app: Data<AppState>,
        ) -> Result<HttpResponse, AppError> {
            let operation = format!("{}:{}", stringify!($name), id.0);
            write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
                let route = ops::move_route::run(conn, context, id.0, &if_match.0, $step)?;
                reply(conn, route, context)
            })
            .await
        }
    };
}

route_move! {
    /// Pause a handoff route
    ///
    /// It takes no live referrals until it is resumed; those that it took go on.
    pause_route, "/v1/routes/{id}/pause", RouteMove::Pause
}
route_move! {
    /// Resume a paused handoff route
    ///
    /// It takes live referrals again.
    resume_route, "/v1/routes/{id}/resume", RouteMove::Resume
}
route_move! {
    /// Retire a handoff route
    ///
    /// It ends for good; its referrals stay, and go on.
    retire_route, "/v1/routes/{id}/retire", RouteMove::Retire
}
